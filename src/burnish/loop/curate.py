"""Turn what people corrected and what evaluators scored into the examples that proposals are measured on.

Runs before `discover` in a night: only what is already known as held-out can be kept from discovering and proposing.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from burnish.domain.base import Json, Value, content_hash
from burnish.domain.datasets import DATASET, Example, Split
from burnish.domain.evaluators.base import Evaluator
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.listing import TraceQuery
from burnish.domain.similarity import text_of_input
from burnish.domain.splitting import Placed, assign, group_keys
from burnish.domain.traces import Trace
from burnish.project import AgentConfig

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["CRITERION", "CurateSummary", "curate"]

CRITERION = "criterion"  # a person's feedback under this key states what a good output must meet
_PEOPLE = (FeedbackSource.HUMAN, FeedbackSource.USER)


class CurateSummary(Value):
    """What the dataset holds now and where it came from.

    `corrected`, `failing` and `passing` count examples by origin, as far as they were looked at tonight; `added` those
    that are new. `contradictions` counts inputs that people corrected in different ways (the latest holds),
    `without_input` traces that cannot be run again.
    """

    dataset: str = DATASET
    fingerprint: str = ""
    added: int = 0
    corrected: int = 0
    failing: int = 0
    passing: int = 0
    contradictions: int = 0
    without_input: int = 0
    groups: int = 0
    counts: dict[str, int] = {}


def curate(store: "Store", config: AgentConfig, evaluators: Sequence[Evaluator]) -> CurateSummary:
    """Bring the agent's dataset up to date; doing it twice changes nothing.

    A corrected production trace becomes an example with the correction as what is expected; the same input twice is one
    example. Where the metric's evaluator needs no expected output, every failing production trace becomes an example
    too, and as many passing ones, chosen by hash, so that a proposal that breaks what works is seen.
    """
    agent = config.name
    known = _known(store, config)
    corrected, contradictions, without = _corrected(store, agent)
    failing: dict[str, Example] = {}
    passing: dict[str, Example] = {}
    if any(e.name == config.improve.metric and not e.uses_expected for e in evaluators):
        failing, passing, unusable = _scored(store, config, known)
        without += unusable
    # A correction says more about an input than a score does.
    wanted = {**passing, **failing, **corrected}
    unknown = {i: e for i, e in wanted.items() if i not in known or i in corrected}
    placed = {
        i: Placed(text_of_input(e.input), e.group, split, group_keys(e, config.splits))
        for i, (e, split) in known.items()
    }
    dataset = store.datasets.add(agent, DATASET, assign(placed, list(unknown.values()), config.splits))
    return CurateSummary(
        fingerprint=dataset.fingerprint,
        added=len(wanted.keys() - known.keys()),
        corrected=len(corrected),
        failing=len(failing.keys() - corrected.keys()),
        passing=len(passing.keys() - corrected.keys() - failing.keys()),
        contradictions=contradictions,
        without_input=without,
        groups=len(store.datasets.groups(agent, DATASET)),
        counts={split.value: count for split, count in dataset.counts.items()},
    )


def _known(store: "Store", config: AgentConfig) -> dict[str, tuple[Example, Split]]:
    """Examples that are there, oldest first as far as the store says, the held-out ones without their answers."""
    agent = config.name
    found = {e.id: (e, Split.HELD_OUT) for e in store.datasets.sealed(agent, DATASET).inputs_for_splitting()}
    for split in (Split.DEV, Split.TRAIN):
        found.update((e.id, (e, split)) for e in store.datasets.examples(agent, DATASET, split))
    return {i: found[i] for i in store.datasets.assigned(agent, DATASET)}


def _corrected(store: "Store", agent: str) -> tuple[dict[str, Example], int, int]:
    """Examples from corrections by id, how many inputs were corrected in different ways, and traces without input."""
    # A correction of one span is not what the agent as a whole should have said.
    corrections = {
        f.trace_id: f for f in store.feedback.corrections(agent) if f.span_id is None and f.correction is not None
    }
    criteria = _criteria(store, list(corrections))
    examples: dict[str, Example] = {}
    said: dict[str, set[str]] = {}
    without = 0
    for trace in store.traces.load(list(corrections)):
        if not _is_production(trace):
            continue
        if trace.input is None:
            without += 1
            continue
        correction = corrections[trace.trace_id]
        example = _example(agent, trace, "correction", correction.correction, criteria.get(trace.trace_id, ()))
        # Traces come in the order of their corrections, oldest first, so the latest stays.
        examples[example.id] = example
        said.setdefault(example.id, set()).add(content_hash(correction.correction))
    return examples, sum(len(ways) > 1 for ways in said.values()), without


def _criteria(store: "Store", trace_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    def stated(items: Iterable[Feedback]) -> tuple[str, ...]:
        told = [f.comment for f in items if f.key == CRITERION and f.source in _PEOPLE and f.comment]
        return tuple(dict.fromkeys(told))

    return {trace_id: stated(items) for trace_id, items in store.feedback.for_traces(trace_ids).items()}


def _scored(
    store: "Store", config: AgentConfig, known: dict[str, tuple[Example, Split]]
) -> tuple[dict[str, Example], dict[str, Example], int]:
    """Failing examples, and as many passing ones, by id."""
    metric, limit = config.improve.metric, config.improve.fail_below
    by_trace = {e.trace_id: e for e, _ in known.values() if e.trace_id is not None}
    low = store.traces.ids(TraceQuery(agent=config.name, below=(metric, limit)))
    failing, without = _examples(store, config.name, low, by_trace, None)
    others = set(store.traces.ids(TraceQuery(agent=config.name, has_feedback=metric))).difference(low)
    # Known ones first, so that tonight's choice is last night's as long as there are not more failures.
    order = sorted(others, key=lambda i: (i not in by_trace, content_hash(config.splits.seed, i)))
    passing, _ = _examples(store, config.name, order, by_trace, len(failing), exclude=failing.keys())
    return failing, passing, without


def _examples(
    store: "Store",
    agent: str,
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
        example = _example(agent, trace, "score", None, ())
        if example.id not in left_out:
            found.setdefault(example.id, example)
        if most is not None and len(found) >= most:
            break
    return found, without


def _example(agent: str, trace: Trace, origin: str, expected: Json, criteria: tuple[str, ...]) -> Example:
    metadata: dict[str, Json] = {"origin": origin}
    if trace.user_id:
        metadata["user"] = trace.user_id
    if trace.session_id:
        metadata["session"] = trace.session_id
    return Example(
        id=Example.id_for(agent, trace.input),
        input=trace.input,
        expected=expected,
        criteria=criteria,
        metadata=metadata,
        trace_id=trace.trace_id,
    )


def _is_production(trace: Trace) -> bool:
    return trace.source != "experiment"
