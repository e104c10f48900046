"""Turn what people corrected and what evaluators scored into the examples that proposals are measured on.

Runs before `discover` in a night: only what is already known as held-out can be kept from discovering and proposing.
An example that goes to the held-out split is gone from here: its trace and what is said of it are not seen again.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from burnish.domain.base import Value, content_hash
from burnish.domain.datasets import DATASET, Example, Split
from burnish.domain.evaluators.base import Evaluator
from burnish.domain.evaluators.judge import Judge
from burnish.domain.feedback import CRITERION, FeedbackSource
from burnish.domain.listing import TraceQuery
from burnish.domain.similarity import text_of_input
from burnish.domain.splitting import Placed, group_keys
from burnish.project import AgentConfig

if TYPE_CHECKING:
    from burnish.adapters.store import OpenStore

__all__ = ["CRITERION", "CurateSummary", "curate", "curate_trace", "scored_by_judge"]


class CurateSummary(Value):
    """What the dataset holds now and where it came from.

    `corrected`, `stated` (criteria without a correction), `failing` and `passing` count examples by origin, held-out
    ones included (not with `stated`); `added` those that are new,
    `left_out` those that would have straddled two splits (tonight's offers; they are offered again every night).
    `contradictions` counts inputs that people corrected in different ways (the latest holds), as far as they are not
    held out, `without_input` traces that cannot be run again, `resealed` held-out examples with a newer correction.
    """

    dataset: str = DATASET
    fingerprint: str = ""
    version: int = 0
    added: int = 0
    left_out: int = 0
    resealed: int = 0
    corrected: int = 0
    stated: int = 0
    failing: int = 0
    passing: int = 0
    contradictions: int = 0
    without_input: int = 0
    groups: int = 0
    counts: dict[str, int] = {}


def curate(store: "OpenStore", config: AgentConfig, evaluators: Sequence[Evaluator]) -> CurateSummary:
    """Bring the agent's dataset up to date; doing it twice changes nothing.

    A corrected production trace becomes an example with the correction as what is expected; the same input twice is one
    example. Where the metric's evaluator needs no expected output, every failing production trace becomes an example
    too, and as many passing ones, chosen by hash, so that a proposal that breaks what works is seen.
    """
    agent = config.name
    known = {
        example.id: example
        for split in (Split.DEV, Split.TRAIN)
        for example in store.datasets.examples(agent, DATASET, split)
    }
    resealed = store.datasets.refresh_sealed(agent, DATASET)
    origins = store.datasets.sealed_origins(agent, DATASET)
    corrected, contradictions, without = _corrected(store, agent)
    failing: dict[str, Example] = {}
    passing: dict[str, Example] = {}
    if any(e.name == config.improve.fails_on and not e.uses_expected for e in evaluators):
        failing, passing, unusable = _scored(store, config, known, origins)
        without += unusable
    there = {**passing, **failing, **known}
    stated = _stated(store, agent, there, corrected, scored_by_judge(config, evaluators))
    # A correction says more about an input than criteria do, and those more than a score.
    wanted = {**passing, **failing, **stated, **corrected}
    offered = [e for i, e in wanted.items() if i not in known or i in corrected or known[i] != e]
    shown = _shown(store, config, evaluators, known, offered)
    placement = store.datasets.place(agent, DATASET, offered, config.splits, shown)
    dataset = placement.dataset
    return CurateSummary(
        fingerprint=dataset.fingerprint,
        version=dataset.version,
        added=placement.added,
        left_out=placement.left_out,
        resealed=resealed,
        corrected=len(corrected) + origins.get("correction", 0),
        stated=len(stated.keys() - corrected.keys()),
        failing=len(failing.keys() - corrected.keys()) + origins.get("failing", 0),
        passing=len(passing.keys() - corrected.keys() - failing.keys()) + origins.get("passing", 0),
        contradictions=contradictions,
        without_input=without,
        groups=store.datasets.group_count(agent, DATASET),
        counts={split.value: count for split, count in dataset.counts.items()},
    )


def curate_trace(
    store: "OpenStore", config: AgentConfig, evaluators: Sequence[Evaluator], trace_id: str
) -> CurateSummary:
    """Make an example of what people said of one trace without waiting for the night, which finds nothing new then.

    Not to be called while a night of the agent runs: its dataset stands still. Of a trace that is held out, the sealed
    example takes the newest correction and criteria over (`resealed`). Nothing says which split it went to.
    """
    known = {
        example.id: example
        for split in (Split.DEV, Split.TRAIN)
        for example in store.datasets.examples(config.name, DATASET, split)
    }
    resealed = store.datasets.refresh_sealed(config.name, DATASET)
    corrected, _, without = _corrected(store, config.name, {trace_id})
    stated: dict[str, Example] = {}
    if not corrected and not without:
        stated, without = _stated_of(store, config.name, trace_id, known, scored_by_judge(config, evaluators))
    offered = [*corrected.values(), *stated.values()]
    shown = _shown(store, config, evaluators, known, offered)
    placement = store.datasets.place(config.name, DATASET, offered, config.splits, shown)
    return CurateSummary(
        fingerprint=placement.dataset.fingerprint,
        version=placement.dataset.version,
        added=placement.added,
        left_out=placement.left_out,
        resealed=resealed,
        corrected=len(corrected),
        stated=len(stated),
        without_input=without,
    )


def scored_by_judge(config: AgentConfig, evaluators: Iterable[Evaluator]) -> bool:
    """Whether a judge gives the metric: then criteria alone make an example, and an expected output is not needed."""
    return any(e.name == config.improve.metric and e.source is FeedbackSource.JUDGE for e in evaluators)


def _shown(
    store: "OpenStore",
    config: AgentConfig,
    evaluators: Sequence[Evaluator],
    known: dict[str, Example],
    offered: Sequence[Example],
) -> list[Placed]:
    """What has been shown that is no example: traces of any cluster so far, and of judges' few-shot examples.

    Corrected afterwards, they and their look-alikes cannot prove anything, so they stand for the train split.
    """
    if all(example.id in known for example in offered):
        return []
    behind = {example.trace_id for example in known.values()}
    of_judges = {one.trace for judge in evaluators if isinstance(judge, Judge) for one in judge.examples}
    found = []
    for trace in store.traces.load(sorted((store.clusters.members(config.name) | of_judges) - behind)):
        example = Example.of_trace(trace)
        if example.id not in known:
            keys = group_keys(example, config.splits)
            found.append(Placed(text_of_input(trace.input), "", Split.TRAIN, keys))
    return found


def _corrected(
    store: "OpenStore", agent: str, only: Collection[str] | None = None
) -> tuple[dict[str, Example], int, int]:
    """Examples from corrections by id, how many inputs were corrected in different ways, and traces without input.

    `only` narrows it to these traces.
    """
    # A correction of one span is not what the agent as a whole should have said.
    corrections = {
        f.trace_id: f
        for f in store.feedback.corrections(agent)
        if f.span_id is None and f.correction is not None and (only is None or f.trace_id in only)
    }
    criteria = store.feedback.criteria(agent)
    examples: dict[str, Example] = {}
    said: dict[str, set[str]] = {}
    without = 0
    for trace in store.traces.load(list(corrections)):
        if trace.input is None:
            without += 1
            continue
        correction = corrections[trace.trace_id]
        said_to_be_good = criteria.get(trace.trace_id, ())
        example = Example.of_trace(trace, "correction", correction.correction, said_to_be_good)
        # Traces come in the order of their corrections, oldest first, so the latest stays.
        examples[example.id] = example
        said.setdefault(example.id, set()).add(content_hash(correction.correction))
    return examples, sum(len(ways) > 1 for ways in said.values()), without


def _stated(
    store: "OpenStore", agent: str, there: dict[str, Example], corrected: Iterable[str], judged: bool
) -> dict[str, Example]:
    """Examples of which people said what a good output must meet without writing one.

    Those that are `there` anyway get the criteria. Others come only where a judge scores (`judged`): a check against
    what is expected could not measure them.
    """
    criteria = store.feedback.criteria(agent)
    left_out = set(corrected)
    found: dict[str, Example] = {}
    for trace in store.traces.load(list(criteria)):
        if trace.input is None:
            continue
        example = Example.of_trace(trace, "criteria", None, criteria[trace.trace_id])
        before = found.get(example.id)
        if before is not None:
            texts = tuple(dict.fromkeys((*before.criteria, *example.criteria)))
            found[example.id] = before.model_copy(update={"criteria": texts})
        elif example.id in there:
            found[example.id] = there[example.id].model_copy(update={"criteria": example.criteria})
        elif judged:
            found[example.id] = example
    return {i: e for i, e in found.items() if i not in left_out}


def _stated_of(
    store: "OpenStore", agent: str, trace_id: str, known: dict[str, Example], judged: bool
) -> tuple[dict[str, Example], int]:
    """The same of one trace: its criteria join those that a known example has; and 1 where it holds no input."""
    criteria = store.feedback.criteria(agent).get(trace_id, ())
    trace = next(store.traces.load([trace_id]), None) if criteria else None
    if trace is None:
        return {}, 0
    if trace.input is None:
        return {}, 1
    example = Example.of_trace(trace, "criteria", None, criteria)
    before = known.get(example.id)
    if before is not None:
        texts = tuple(dict.fromkeys((*before.criteria, *criteria)))
        return {example.id: before.model_copy(update={"criteria": texts})}, 0
    return ({example.id: example} if judged else {}), 0


def _scored(
    store: "OpenStore", config: AgentConfig, known: dict[str, Example], sealed: dict[str, int]
) -> tuple[dict[str, Example], dict[str, Example], int]:
    """Failing examples by id, and passing ones: with the sealed counted in, as many as there are failing."""
    metric, limit = config.improve.fails_on, config.improve.fail_below
    by_trace = {e.trace_id: e for e in known.values() if e.trace_id is not None}
    low = store.traces.ids(TraceQuery(agent=config.name, below=(metric, limit)))
    failing, without = _examples(store, "failing", low, by_trace, None)
    others = set(store.traces.ids(TraceQuery(agent=config.name, has_feedback=metric))).difference(low)
    # Known ones first, so that tonight's choice is last night's as long as there are not more failures.
    order = sorted(others, key=lambda i: (i not in by_trace, content_hash(config.splits.seed, i)))
    most = max(0, len(failing) + sealed.get("failing", 0) - sealed.get("passing", 0))
    passing, _ = _examples(store, "passing", order, by_trace, most, exclude=failing.keys())
    return failing, passing, without


def _examples(
    store: "OpenStore",
    origin: str,
    trace_ids: Sequence[str],
    by_trace: dict[str, Example],
    most: int | None,
    exclude: Iterable[str] = (),
) -> tuple[dict[str, Example], int]:
    """Examples of these traces in order, at most `most`; traces of known examples are not loaded again."""
    left_out = set(exclude)
    found = {by_trace[i].id: by_trace[i] for i in trace_ids if i in by_trace and by_trace[i].id not in left_out}
    found = dict(list(found.items())[:most])
    without = 0
    if most is not None and len(found) >= most:
        return found, without
    for trace in store.traces.load([i for i in trace_ids if i not in by_trace]):
        if trace.input is None:
            without += 1
            continue
        example = Example.of_trace(trace, origin)
        if example.id not in left_out:
            found.setdefault(example.id, example)
        if most is not None and len(found) >= most:
            break
    return found, without
