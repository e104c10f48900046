from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.domain.by_cluster import by_evaluator, by_group, clusters_of, metrics_of
from burnish.domain.datasets import Example
from burnish.domain.experiments import Run, RunKey, RunStatus
from burnish.domain.gate import GateRule, compare
from burnish.domain.missingness import missing
from burnish.domain.proposals import Cluster

RULE = GateRule(level=0.025)


def run(arm: str, example: int, score: float | None, **fields: object) -> Run:
    key = RunKey(experiment_id="e", arm=arm, example_id=f"e{example}")
    scores = {} if score is None else {"right": score}
    return Run(key=key, version_id="v", **{"status": RunStatus.OK, "scores": scores, **fields})  # type: ignore[arg-type]


def arm(name: str, scores: Sequence[float | None]) -> list[Run]:
    return [run(name, number, score) for number, score in enumerate(scores)]


def test_each_cluster_has_its_own_comparison() -> None:
    """A gain in one cluster and a loss in another are two lines, largest first; the rest stands last."""
    before = arm("baseline", [0, 0, 0, 1, 1, 0])
    after = arm("new", [1, 1, 0, 0, 1, 0])
    groups = {"e0": "A", "e1": "A", "e2": "A", "e3": "B", "e4": "B"}
    parts = by_group("right", before, after, groups, {"A": "Astray", "B": "Blunt"}, RULE)
    assert [("A", "Astray", 3), ("B", "Blunt", 2), ("", "in no cluster", 1)] == [
        (part.key, part.name, part.examples) for part in parts
    ]
    assert [(2, 0, 1), (0, 1, 1), (0, 0, 1)] == [
        (p.comparison.wins, p.comparison.losses, p.comparison.ties) for p in parts
    ]
    assert [pytest.approx(2 / 3), -0.5, 0.0] == [p.comparison.effect for p in parts]


@given(
    rows=st.lists(
        st.tuples(st.sampled_from([0.0, 1.0, None]), st.sampled_from([0.0, 1.0, None]), st.sampled_from("ABC")),
        min_size=1,
        max_size=30,
    )
)
def test_the_parts_add_up_to_the_whole(rows: list[tuple[float | None, float | None, str]]) -> None:
    """No example is dropped or counted twice: pairs, wins, losses, ties and what is unmeasured are sums."""
    before, after = arm("baseline", [row[0] for row in rows]), arm("new", [row[1] for row in rows])
    groups = {f"e{number}": row[2] for number, row in enumerate(rows) if row[2] != "C"}
    parts = [part.comparison for part in by_group("right", before, after, groups, {}, RULE)]
    whole = compare("right", before, after, RULE)
    for field in ("pairs", "wins", "losses", "ties", "unmeasured_baseline", "unmeasured_candidate"):
        assert getattr(whole, field) == sum(getattr(part, field) for part in parts)


def test_every_evaluator_is_compared_the_metric_first() -> None:
    """Also one that failed on all runs: it is there with everything unmeasured."""
    before = [run("baseline", n, 1.0, evaluator_failures={"polite": "no JSON"}) for n in range(3)]
    after = [run("new", n, 1.0, scores={"right": 1.0, "brief": 0.5}) for n in range(3)]
    metrics = metrics_of([*before, *after], "right")
    assert ("right", "brief", "polite") == metrics
    found = by_evaluator(metrics, before, after, RULE)
    assert [(3, 0, 0), (0, 3, 0), (0, 3, 3)] == [
        (c.pairs, c.unmeasured_baseline, c.unmeasured_candidate) for c in found
    ]


def test_examples_find_their_cluster_by_their_trace() -> None:
    """One without a trace, or whose trace is in no cluster, has none."""
    cluster = Cluster(id="k", agent="a", name="n", trace_ids=("t1", "t2"), size=2, night="a/1")
    examples = [Example(id=f"e{n}", input=n, trace_id=trace) for n, trace in enumerate(("t1", "t9", None))]
    assert {"e0": "k"} == clusters_of(examples, [cluster])


def test_what_is_missing_is_told_by_reason() -> None:
    """An agent that failed is wrong; a harness that failed and an evaluator that failed are not scores."""
    runs = [
        run("a", 0, 1.0),
        run("a", 1, None, status=RunStatus.AGENT_FAILURE),
        run("a", 2, None, status=RunStatus.UNMEASURED),
        run("a", 3, None, evaluator_failures={"right": "crashed"}),
        run("a", 4, None),
    ]
    found = missing(runs, "right")
    one_each = {"agent_failures": 1, "infrastructure": 1, "evaluator_failures": 1, "unscored": 1}
    assert {"runs": 5, **one_each} == found.model_dump()
    assert found.unmeasured == sum(one.score("right") is None for one in runs)
