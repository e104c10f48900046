"""Write back: scores, labels and cluster names go to where people look at the traces, each once.

Opt-in ([source.write_back]). What stands at the source is booked feedback by feedback with a hash of what was written:
only what is new or says something else is written, and a write that was cut off is done again, which the source takes
as the same one.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from burnish.adapters.sources.base import Annotates, Annotation, Source, WindowedSource
from burnish.domain.base import Value, content_hash, utc_now
from burnish.domain.feedback import MACHINES, PEOPLE, Feedback, FeedbackSource
from burnish.errors import SourceError
from burnish.loop.context import open_source
from burnish.loop.intake import is_from
from burnish.project import AgentConfig
from burnish.settings import Settings

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["CLUSTER", "WriteBackReport", "write_back", "write_back_agent"]

CLUSTER = "burnish.cluster"
PAGE, MOST_AT_ONCE, KEPT_PROBLEMS = 200, 100, 20

Progress = Callable[[int, int, str], None]


class WriteBackReport(Value):
    """What went back. `known` stood there already; `keys` counts what was written (in a dry run: would be) by key.

    `reason` says why nothing was tried, `stopped` why it ended early; `problems` holds the first few of `failed`.
    """

    source: str = ""
    written: int = 0
    known: int = 0
    failed: int = 0
    keys: dict[str, int] = {}
    problems: tuple[str, ...] = ()
    reason: str = ""
    stopped: str = ""
    seconds: float = 0.0


class _Wanted(NamedTuple):
    feedback: Feedback
    digest: str
    remote_id: str | None

    @property
    def annotation(self) -> Annotation:
        return Annotation(feedback=self.feedback, remote_id=self.remote_id)


def write_back_agent(
    settings: Settings, config: AgentConfig, store: "Store", *, dry: bool = False, progress: Progress | None = None
) -> WriteBackReport:
    """Open the agent's source, write back to it and close it. Raises ConfigError where its [source] is wrong."""
    if not config.source.write_back.enabled:
        return WriteBackReport(source=config.source.kind, reason="[source.write_back] is not enabled")
    try:
        source = open_source(settings, config)
    except SourceError as error:
        return WriteBackReport(source=config.source.kind, stopped=str(error))
    try:
        return write_back(store, source, config, dry=dry, progress=progress)
    finally:
        if isinstance(source, WindowedSource):
            source.close()


def write_back(
    store: "Store",
    source: Source | WindowedSource,
    config: AgentConfig,
    *,
    dry: bool = False,
    progress: Progress | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> WriteBackReport:
    """Write what is new or changed to `source`, at most `per_second` a second, or with `dry` count it.

    Goes through traces of the last `feedback_days` that came from this source. What a source refuses is reported and
    tried again next time. Raises what the store raises.
    """
    rule = config.source.write_back
    if not rule.enabled:
        return WriteBackReport(source=source.name, reason="[source.write_back] is not enabled")
    if not isinstance(source, Annotates):
        return WriteBackReport(source=source.name, reason=f"'{source.name}' takes no feedback back")
    started = clock()
    tally = _Tally(source.name, progress)
    wanted = _wanted(store, config, source.name, tally)
    at_once = max(1, min(MOST_AT_ONCE, int(rule.per_second)))
    try:
        while batch := {item.feedback.id: item for item in islice(wanted, at_once)}:
            if dry:
                for item in batch.values():
                    tally.wrote(item.feedback)
                continue
            before = clock()
            for done in source.annotate([item.annotation for item in batch.values()]):
                item = batch[done.feedback_id]
                if done.problem is not None:
                    tally.refused(item.feedback, done.problem)
                    continue
                remote_id = done.remote_id or item.remote_id
                store.annotations.book(config.name, source.name, done.feedback_id, item.digest, remote_id)
                tally.wrote(item.feedback)
            left = len(batch) / rule.per_second - (clock() - before)
            if left > 0:
                sleep(left)
    except SourceError as error:
        tally.stopped = str(error)
    return tally.report(clock() - started)


class _Tally:
    def __init__(self, source: str, progress: Progress | None) -> None:
        self._source = source
        self._progress = progress
        self.known = 0
        self.stopped = ""
        self._written = self._failed = 0
        self._keys: dict[str, int] = {}
        self._problems: list[str] = []

    def wrote(self, item: Feedback) -> None:
        self._written += 1
        self._keys[item.key] = self._keys.get(item.key, 0) + 1
        if self._progress is not None:
            self._progress(self._written, 0, "written back")

    def refused(self, item: Feedback, problem: str) -> None:
        self._failed += 1
        if len(self._problems) < KEPT_PROBLEMS:
            self._problems.append(f"{item.key} of trace {item.trace_id}: {problem}")

    def report(self, seconds: float) -> WriteBackReport:
        return WriteBackReport(
            source=self._source,
            written=self._written,
            known=self.known,
            failed=self._failed,
            keys=dict(sorted(self._keys.items())),
            problems=tuple(self._problems),
            stopped=self.stopped,
            seconds=seconds,
        )


def _wanted(store: "Store", config: AgentConfig, source: str, tally: _Tally) -> Iterator[_Wanted]:
    """What does not stand at the source as it should, newest traces first; a page of traces in memory."""
    since = utc_now() - dt.timedelta(days=config.source.feedback_days)
    names = _cluster_names(store, config) if config.source.write_back.clusters else {}
    known = (trace_id for trace_id, _ in store.traces.known(config.name, source, since))
    while page := list(islice(known, PAGE)):
        said = store.feedback.for_traces(page)
        items: list[Feedback] = []
        for trace_id in page:
            items += _ours(said[trace_id], source, config.source.write_back.keys)
            if trace_id in names:
                items.append(_membership(trace_id, *names[trace_id]))
        booked = store.annotations.booked(config.name, source, [item.id for item in items])
        for item in items:
            digest = content_hash(item.model_dump(mode="json", exclude={"created_at"}), length=32)
            before = booked.get(item.id)
            if before is not None and before.digest == digest:
                tally.known += 1
            else:
                yield _Wanted(item, digest, None if before is None else before.remote_id)


def _ours(items: Iterable[Feedback], source: str, keys: tuple[str, ...]) -> list[Feedback]:
    """What evaluators gave, and what people said here; not what came from there.

    Of an evaluator's versions the newest result counts. It goes without the version, so that a later version's result
    replaces it over there instead of standing beside it. A person's versions are different words: each is written.
    """
    found: dict[str, Feedback] = {}
    for item in items:
        machine = item.source in MACHINES and (not keys or item.key in keys or item.author in keys)
        person = item.source in PEOPLE and not is_from(item, source)
        if machine or person:
            plain = item.model_copy(update={"version": ""}) if machine else item
            found[plain.id] = plain  # they come oldest first
    return list(found.values())


def _cluster_names(store: "Store", config: AgentConfig) -> dict[str, tuple[str, str]]:
    """(name, description) by trace, of the newest night that looked for clusters."""
    return {
        trace_id: (cluster.name, cluster.description)
        for cluster in store.clusters.list(agent=config.name)
        for trace_id in cluster.trace_ids
    }


def _membership(trace_id: str, name: str, description: str) -> Feedback:
    return Feedback(
        trace_id=trace_id,
        key=CLUSTER,
        source=FeedbackSource.CODE,
        value=name,
        comment=description or None,
        author="burnish",
    )
