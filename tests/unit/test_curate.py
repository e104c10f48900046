from typing import ClassVar

from support.store_samples import judged, trace

from burnish.adapters.store import OpenStore, Store
from burnish.adapters.store.sealed import HeldOut
from burnish.domain.base import Json, content_hash, utc_now
from burnish.domain.datasets import Example, Split, SplitRule
from burnish.domain.evaluators.base import Evaluator
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.proposals import Cluster
from burnish.loop.curate import CRITERION, CurateSummary, curate, curate_trace
from burnish.loop.reviewing import example_now
from burnish.project import AgentConfig, ImproveConfig, RepositoryConfig, TargetConfig


class NeedsExpected(Evaluator):
    kind = "needs_expected_in_test"

    @property
    def uses_expected(self) -> bool:
        return True


class NeedsNothing(Evaluator):
    kind = "needs_nothing_in_test"


CONFIG = AgentConfig(
    name="support",
    repository=RepositoryConfig(url="/nowhere"),
    target=TargetConfig(),
    improve=ImproveConfig(metric="helpful"),
)
EXACT, JUDGE = (NeedsExpected(name="helpful"),), (NeedsNothing(name="helpful"),)


def corrected(trace_id: str, correction: Json, after: float = 0.0, **fields: object) -> Feedback:
    given = {"source": FeedbackSource.HUMAN, "author": "ann", "version": "", "correction": correction} | fields
    return judged(trace_id, None, "review", after, **given)


def examples(store: Store) -> dict[str, Example]:
    everything = list(HeldOut(store, "support", "main").examples())
    for split in (Split.TRAIN, Split.DEV):
        everything += store.datasets.examples("support", "main", split)
    return {str(e.input): e for e in everything}


def test_corrections_become_examples(store: Store) -> None:
    """A corrected trace is an example with the correction as what is expected, and says whose it was."""
    store.traces.add([trace("t1", user_id="u1", session_id="s1"), trace("t2")])
    criterion = Feedback(trace_id="t1", key=CRITERION, source=FeedbackSource.HUMAN, comment="names the queue")
    store.feedback.add([corrected("t1", "atlas"), criterion])
    summary = curate(OpenStore(store), CONFIG, EXACT)
    found = examples(store)["question of t1"]
    assert (summary.added, summary.corrected, summary.failing, summary.passing) == (1, 1, 0, 0)
    assert (found.expected, found.trace_id, found.criteria) == ("atlas", "t1", ("names the queue",))
    assert (found.metadata["user"], found.metadata["session"]) == ("u1", "s1")
    assert found.id == Example.id_for("support", "question of t1")


def test_curating_twice_changes_nothing(store: Store) -> None:
    """The second time nothing is added and the fingerprint stays."""
    store.traces.add([trace(f"t{i}", input=f"case {i} {'abcdefghij'[i] * 9}") for i in range(10)])
    store.feedback.add([corrected(f"t{i}", "x") for i in range(5)])
    store.feedback.add([judged(f"t{i}", 0.0 if i < 7 else 1.0) for i in range(10)])
    first, splits = curate(OpenStore(store), CONFIG, JUDGE), store.datasets.groups("support", "main")
    second = curate(OpenStore(store), CONFIG, JUDGE)
    assert second == first.model_copy(update={"added": 0})
    assert store.datasets.groups("support", "main") == splits
    assert first.added == 10


def test_the_same_input_twice_is_one_example_and_the_latest_correction_holds(store: Store) -> None:
    """Two people who corrected the same question differently are counted; the later one is expected."""
    store.traces.add(
        [trace("t1", input="same"), trace("t2", input="same"), trace("t3", input="agreed"), trace("t4", input="agreed")]
    )
    store.feedback.add(
        [
            corrected("t1", "late", after=9),
            corrected("t2", "early", after=1),
            corrected("t3", "x"),
            corrected("t4", "x"),
        ]
    )
    summary = curate(OpenStore(store), CONFIG, EXACT)
    assert (summary.corrected, summary.contradictions) == (2, 1)
    assert examples(store)["same"].expected == "late"
    store.feedback.add([corrected("t2", "newest", after=20)])
    assert curate(OpenStore(store), CONFIG, EXACT).added == 0
    assert examples(store)["same"].expected == "newest"


def test_scores_make_examples_only_where_nothing_is_expected(store: Store) -> None:
    """An evaluator that needs an expected output cannot score an uncorrected example, so none is made."""
    store.traces.add([trace(f"t{i}") for i in range(4)])
    store.feedback.add([judged(f"t{i}", 0.0) for i in range(4)])
    assert curate(OpenStore(store), CONFIG, EXACT).added == 0
    assert curate(OpenStore(store), CONFIG, ()).added == 0
    assert curate(OpenStore(store), CONFIG, JUDGE).failing == 4


def test_as_many_passing_as_failing(store: Store) -> None:
    """All failing traces and an equal number of passing ones; the choice stays as traffic grows."""
    store.traces.add([trace(f"t{i}") for i in range(40)])
    store.feedback.add([judged(f"t{i}", 0.0 if i < 5 else 1.0) for i in range(40)])
    summary = curate(OpenStore(store), CONFIG, JUDGE)
    assert (summary.failing, summary.passing, summary.added) == (5, 5, 10)
    before = set(examples(store))
    store.traces.add([trace(f"n{i}") for i in range(30)])
    store.feedback.add([judged(f"n{i}", 1.0) for i in range(30)])
    assert (curate(OpenStore(store), CONFIG, JUDGE).added, set(examples(store))) == (0, before)


def test_a_correction_outranks_a_score(store: Store) -> None:
    """An example found by score gets its expected output once somebody corrects it, and keeps its split."""
    store.traces.add([trace("t1")])
    store.feedback.add([judged("t1", 0.0)])
    curate(OpenStore(store), CONFIG, JUDGE)
    groups = store.datasets.groups("support", "main")
    store.feedback.add([corrected("t1", "atlas")])
    summary = curate(OpenStore(store), CONFIG, JUDGE)
    assert (summary.corrected, summary.failing, summary.added) == (1, 0, 0)
    assert examples(store)["question of t1"].expected == "atlas"
    assert store.datasets.groups("support", "main") == groups


def test_what_cannot_be_an_example_is_left_out(store: Store) -> None:
    """Offline runs, corrections of single spans and traces without input are not examples; the last are counted."""
    store.traces.add([trace("run", source="experiment"), trace("inner"), trace("empty", input=None)])
    store.feedback.add([corrected("run", "x"), corrected("inner", "x", span_id="call"), corrected("empty", "x")])
    empty = CurateSummary(without_input=1, counts={"train": 0, "dev": 0, "held_out": 0})
    assert curate(OpenStore(store), CONFIG, EXACT).model_copy(update={"fingerprint": ""}) == empty


def test_look_alikes_of_a_later_night_join_the_first(store: Store) -> None:
    """A near-duplicate of a known example, sealed or not, goes to the same group and split."""
    asked = [f"{letter * 12} is what my question {n} is all about" for n, letter in enumerate("abcdefghijklmno")]
    store.traces.add([trace(f"t{n}", input=text) for n, text in enumerate(asked)])
    store.feedback.add([corrected(f"t{n}", "x") for n in range(15)])
    curate(OpenStore(store), CONFIG, EXACT)
    groups = store.datasets.groups("support", "main")
    store.traces.add([trace(f"c{n}", input=f"{text}!!") for n, text in enumerate(asked)])
    store.feedback.add([corrected(f"c{n}", "x") for n in range(15)])
    summary = curate(OpenStore(store), CONFIG, EXACT)
    assert (summary.added, summary.groups) == (15, 15)
    assert store.datasets.groups("support", "main") == groups
    assert min(summary.counts.values()) > 0


def test_a_users_examples_stay_together(store: Store) -> None:
    """Grouped by user, a user's later questions join the earlier ones."""
    config = CONFIG.model_copy(update={"splits": SplitRule(group_by=("user",))})
    store.traces.add([trace(f"t{i}", user_id=f"u{i % 3}") for i in range(6)])
    store.feedback.add([corrected(f"t{i}", "x") for i in range(6)])
    assert curate(OpenStore(store), config, EXACT).groups == 3
    store.traces.add([trace(f"n{i}", user_id=f"u{i % 3}") for i in range(6)])
    store.feedback.add([corrected(f"n{i}", "x") for i in range(6)])
    assert curate(OpenStore(store), config, EXACT).groups == 3


def test_what_was_shown_before_it_was_corrected_never_proves_anything(store: Store) -> None:
    """A trace of an earlier cluster, and its look-alikes, go to train once they are corrected."""
    store.traces.add([trace(f"t{n}", input=f"{'abcdefghijkl'[n] * 9} is case {n}") for n in range(12)])
    members = tuple(f"t{n}" for n in range(12))
    shown = Cluster(id="c", agent="support", name="n", trace_ids=members, size=12, night="support/2026-01-01")
    store.clusters.save("support", "support/2026-01-01", [shown])
    store.feedback.add([corrected(f"t{n}", "x") for n in range(12)])
    assert {"train": 12, "dev": 0, "held_out": 0} == curate(OpenStore(store), CONFIG, EXACT).counts


def test_fresh_traffic_refreshes_the_held_out_split(store: Store) -> None:
    """Night after night its share of the new examples is sealed, and nobody moves."""
    sealed: set[str] = set()
    for night in range(4):
        numbers = range(40 * night, 40 * night + 40)
        store.traces.add([trace(f"t{n}", input=f"{content_hash(n, length=40)} what is that") for n in numbers])
        store.feedback.add([corrected(f"t{n}", "x") for n in numbers])
        summary = curate(OpenStore(store), CONFIG, EXACT)
        now = {e.id for e in HeldOut(store, "support", "main").examples()}
        assert sealed < now
        assert (40, 40 * (night + 1)) == (summary.added, summary.corrected)
        sealed = now
    assert 0.25 < len(sealed) / 160 < 0.55


def test_examples_that_would_straddle_are_left_out_every_night(store: Store) -> None:
    """A question of a held-out user that says what a train example says: no side takes it, and the summary says so."""
    text = "please send me the invoice of last month again"
    sealed = Example(id="h", input="one", metadata={"user": "ada"}, group="g1")
    store.datasets.add(
        "support", "main", [(sealed, Split.HELD_OUT), (Example(id="t", input=text, group="g2"), Split.TRAIN)]
    )
    store.traces.add([trace("t1", input=f"{text}!", user_id="ada")])
    store.feedback.add([corrected("t1", "x")])
    for _ in range(2):
        summary = curate(OpenStore(store), CONFIG, EXACT)
        assert (0, 1, {"train": 1, "dev": 0, "held_out": 1}) == (summary.added, summary.left_out, summary.counts)


class AsJudge(NeedsNothing):
    kind = "judge_in_test"
    source: ClassVar[FeedbackSource] = FeedbackSource.JUDGE


def criterion(trace_id: str, text: str, **fields: object) -> Feedback:
    return judged(trace_id, None, CRITERION, source=FeedbackSource.HUMAN, author="ann", comment=text, **fields)


def test_criteria_alone_make_an_example_where_a_judge_scores(store: Store) -> None:
    """What a good output must meet is enough for a judge, and nothing for a check against what is expected."""
    store.traces.add([trace("t1"), trace("t2", input="another one entirely")])
    store.feedback.add([criterion("t1", "names the queue", version=""), criterion("t1", "is short", version="1")])
    assert {} == examples_after(store, EXACT)
    found = examples_after(store, (AsJudge(name="helpful"),))
    assert ["question of t1"] == list(found)
    assert (None, {"names the queue", "is short"}) == (
        found["question of t1"].expected,
        set(found["question of t1"].criteria),
    )
    again = curate(OpenStore(store), CONFIG, (AsJudge(name="helpful"),))
    assert (0, 1) == (again.added, again.version)


def test_criteria_reach_examples_that_are_there_in_every_split(store: Store) -> None:
    """Failing examples get what people say of them later, held-out ones too, unseen."""
    store.traces.add([trace(f"t{i}", input=f"case {i} {'abcdefghij'[i] * 9}") for i in range(10)])
    store.feedback.add([judged(f"t{i}", 0.0) for i in range(10)])
    assert 10 == len(examples_after(store, JUDGE))
    store.feedback.add([criterion(f"t{i}", f"mentions {i}", version="") for i in range(10)])
    found = examples_after(store, JUDGE)
    assert {f"mentions {i}" for i in range(10)} == {text for one in found.values() for text in one.criteria}
    assert 0 < len(HeldOut(store, "support", "main").examples())


def examples_after(store: Store, evaluators: tuple[Evaluator, ...]) -> dict[str, Example]:
    curate(OpenStore(store), CONFIG, evaluators)
    return examples(store)


def test_a_correction_curated_at_once_leaves_nothing_for_the_night(store: Store) -> None:
    """It becomes the very example that the night would make of it, with its criteria; other corrections wait."""
    store.traces.add([trace("t1", user_id="u1"), trace("t2"), trace("t3", input=None)])
    criterion = Feedback(trace_id="t1", key=CRITERION, source=FeedbackSource.HUMAN, comment="names the queue")
    store.feedback.add([corrected("t1", "atlas"), corrected("t2", "bravo"), corrected("t3", "x"), criterion])
    assert "It is an example now; the grouping rule says in which split." == example_now(store, CONFIG, [], "t1")
    found = examples(store)
    assert [("question of t1", "atlas", ("names the queue",))] == [
        (one.input, one.expected, one.criteria) for one in found.values()
    ]
    assert 0 == curate_trace(OpenStore(store), CONFIG, [], "t1").added
    assert "no input" in example_now(store, CONFIG, [], "t3")
    assert 1 == curate(OpenStore(store), CONFIG, EXACT).added
    assert found["question of t1"] == examples(store)["question of t1"]


def test_criteria_curated_at_once_are_what_the_night_would_make_of_them(store: Store) -> None:
    """Alone they make an example where a judge scores, join an example that is there, and the night changes nothing."""
    judge = (AsJudge(name="helpful"),)
    store.traces.add([trace("t1"), trace("t2", input="another one entirely"), trace("t3", input="question of t1")])
    store.feedback.add([criterion("t1", "names the queue", version="")])
    assert "is no judge" in example_now(store, CONFIG, EXACT, "t1", corrected=False)
    assert {} == examples(store)
    assert "It is an example now" in example_now(store, CONFIG, judge, "t1", corrected=False)
    store.feedback.add([criterion("t3", "is short", version="", after=9)])
    example_now(store, CONFIG, judge, "t3", corrected=False)
    found = examples(store)
    assert ("names the queue", "is short") == found["question of t1"].criteria
    assert (found, 0) == (examples(store), curate(OpenStore(store), CONFIG, judge).added)
    assert found == examples(store)


def test_nothing_is_curated_under_a_running_night(store: Store) -> None:
    """A night's dataset stands still; what is corrected meanwhile waits for the next."""
    store.traces.add([trace("t1")])
    store.feedback.add([corrected("t1", "atlas")])
    store.nights.begin("support", utc_now().date())
    assert "is under way" in example_now(store, CONFIG, [], "t1")
    assert {} == examples(store)
