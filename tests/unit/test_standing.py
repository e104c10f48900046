"""Judges held to account from the store: on production traces, by arm, and with their favour taken out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.databases import sqlite_url
from support.store_samples import judged, trace

from burnish.adapters.store import Store
from burnish.domain.agreement import Agreement, AlignmentState, JudgeRule
from burnish.domain.alignment.measurement import Alignment
from burnish.domain.base import utc_now
from burnish.domain.evaluators.base import CodeCheck
from burnish.domain.evaluators.judge import Judge
from burnish.domain.experiments import Run, RunKey, RunStatus
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.traces import Trace
from burnish.loop.annotate import Review, import_reviews
from burnish.loop.standing import arm_agreements, corrected_effect, judge_standings, labels_wanted


class Fast(CodeCheck):
    kind = "fast_in_test"


JUDGE = Judge(name="helpful", rubric="Is it helpful?")
SHOWN = Judge(name="helpful", rubric="Is it helpful?", reference=True)
FAST = Fast(name="fast")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(sqlite_url(tmp_path)) as opened:
        yield opened


def label(trace_id: str, judge: Judge, says: float, person: float | None) -> list[Feedback]:
    found = [judged(trace_id, says, version=judge.version)]
    if person is not None:
        found.append(Feedback(trace_id=trace_id, key="review", source=FeedbackSource.HUMAN, score=person, author="ann"))
    return found


def production(store: Store, judge: Judge, correction: str | None = None) -> None:
    """Forty labelled traces, of which the judge gets four wrong."""
    store.traces.add([trace(f"t{number}") for number in range(40)])
    said: list[Feedback] = []
    for number in range(40):
        truth = float(number % 2)
        said += label(f"t{number}", judge, 1 - truth if number % 10 == 0 else truth, truth)
        if correction is not None:
            said.append(Feedback(trace_id=f"t{number}", key="fix", source=FeedbackSource.HUMAN, correction=correction))
    store.feedback.add(said)


def test_a_judge_stands_by_the_labels_of_its_own_version(store: Store) -> None:
    """36 of 40 right is kappa 0.8, which carries; a changed rubric is another judge, of which nothing is known."""
    production(store, JUDGE)
    (standing,) = judge_standings(store, "support", [JUDGE, FAST], ["helpful", "fast", "helpful"], 0.5)
    assert (True, 40, 0.8) == (standing.can_carry, standing.agreement.items, pytest.approx(standing.agreement.kappa))
    changed = JUDGE.model_copy(update={"rubric": "Is it kind?"})
    (standing,) = judge_standings(store, "support", [changed], ["helpful"], 0.5)
    assert (False, 0) == (standing.can_carry, standing.agreement.items)
    (strict,) = judge_standings(store, "support", [JUDGE], ["helpful"], 0.5, JudgeRule(kappa_floor=0.85))
    assert not strict.can_carry


def test_a_judge_that_reads_corrections_is_not_believed_for_agreeing_with_them(store: Store) -> None:
    """Traces whose correction the judge was shown do not count for it; for one that is not shown them they do."""
    production(store, SHOWN, "better so")
    (standing,) = judge_standings(store, "support", [SHOWN], ["helpful"], 0.5)
    assert (False, 0) == (standing.can_carry, standing.agreement.items)
    production(store, JUDGE, "better so")
    assert judge_standings(store, "support", [JUDGE], ["helpful"], 0.5)[0].can_carry


def test_a_judge_does_not_stand_by_labels_that_it_was_made_from(store: Store) -> None:
    """All forty were used to improve it, so nothing is known of it, and the reason says that labels are missing."""
    production(store, JUDGE)
    store.alignments.add(
        Alignment(
            agent="support",
            judge="helpful",
            version=JUDGE.version,
            measured_at=utc_now(),
            held_out=Agreement(items=0),
            fitted_on=tuple(f"t{number}" for number in range(40)),
            state=AlignmentState.UNALIGNED,
            reason="Not yet.",
        )
    )
    (standing,) = judge_standings(store, "support", [JUDGE], ["helpful"], 0.5)
    assert (AlignmentState.UNALIGNED, 0) == (standing.state, standing.agreement.items)
    assert "People have labelled 0 of the items" in standing.reason


def test_a_standing_names_no_item(store: Store) -> None:
    """What is shown holds neither ids nor texts of the traces, which may be sealed."""
    production(store, JUDGE)
    (standing,) = judge_standings(store, "support", [JUDGE], ["helpful"], 0.5)
    shown = standing.model_dump_json()
    assert [] == [f"t{number}" for number in range(40) if f'"t{number}"' in shown or f"of t{number}" in shown]


def experiment(store: Store, labelled: int, failed: int = 0) -> tuple[list[Run], list[Run]]:
    """120 examples on which nothing gets better, though the judge passes every third more in the new arm."""
    arms: dict[str, list[Run]] = {"baseline": [], "candidate": []}
    traces: list[Trace] = []
    judgements: list[Feedback] = []
    for number in range(120):
        truth = {"baseline": float(number % 2), "candidate": float((number + (number % 7 == 0)) % 2)}
        for arm, runs in arms.items():
            trace_id = f"{arm}-{number}"
            fails = arm == "candidate" and number < failed
            says = max(truth[arm], float(arm == "candidate" and number % 3 == 0))
            traces.append(trace(trace_id, source="experiment"))
            if not fails:
                judgements.extend(label(trace_id, JUDGE, says, None))
            runs.append(
                Run(
                    key=RunKey(experiment_id="e", arm=arm, example_id=f"x{number}"),
                    version_id=arm,
                    status=RunStatus.AGENT_FAILURE if fails else RunStatus.OK,
                    trace_id=None if fails else trace_id,
                    scores={} if fails else {"helpful": says},
                )
            )
    store.traces.add(traces)
    store.feedback.add(judgements)
    reviews = [
        Review(
            trace_id=f"{arm}-{number}",
            reviewer="ann",
            score=float((number + (number % 7 == 0) * (arm != "baseline")) % 2),
        )
        for number in range(labelled)
        for arm in arms
    ]
    import_reviews(store, "support", reviews)
    return arms["baseline"], arms["candidate"]


def test_a_judge_can_be_fair_to_one_arm_alone(store: Store) -> None:
    """Labels on both arms show a judge that agrees with people on the old version and flatters the new one."""
    before, after = arm_agreements(store, "support", JUDGE, *experiment(store, 120), 0.5)
    assert (1.0, 120) == (before.kappa, before.items)
    assert after.kappa is not None
    assert after.kappa < 0.75
    assert after.tnr is not None
    assert after.tnr.share < 0.75


def test_labels_on_both_arms_take_the_favour_out(store: Store) -> None:
    """The judge alone sees a gain of about 17 points; with 60 labelled pairs there is none to prove."""
    found = corrected_effect(store, "support", JUDGE, *experiment(store, 60))
    assert found is not None
    assert (60, 60) == (found.labelled, found.unlabelled)
    assert found.judge_mean > 0.15
    assert found.p_value is not None
    assert found.p_value > 0.2
    assert found.low < 0 < found.high


def test_copies_of_a_question_are_one_label(store: Store) -> None:
    """Sixty labelled examples in twelve groups are twelve labels: people's word on a copy proves nothing new."""
    before, after = experiment(store, 60)
    groups = {f"x{number}": f"session {number // 5}" for number in range(120)}
    found = corrected_effect(store, "support", JUDGE, before, after, groups=groups)
    alone = corrected_effect(store, "support", JUDGE, before, after)
    assert found is not None
    assert alone is not None
    assert (12, 12) == (found.labelled, found.unlabelled)
    assert found.people_mean == pytest.approx(alone.people_mean)


def test_without_labels_on_both_arms_nothing_is_corrected(store: Store) -> None:
    """No labelled pair, no estimate."""
    assert corrected_effect(store, "support", JUDGE, *experiment(store, 0)) is None


def test_a_failed_agent_needs_no_label(store: Store) -> None:
    """Where the new version failed, people's score is 0 as the run's is, and the pair counts as labelled."""
    found = corrected_effect(store, "support", JUDGE, *experiment(store, 60, failed=10))
    assert found is not None
    assert (60, 60) == (found.labelled, found.unlabelled)


def test_what_people_should_label_is_drawn_from_both_arms_and_grows(store: Store) -> None:
    """The same pairs every time, more of them on request, in an order that does not give the arm away."""
    before, after = experiment(store, 0, failed=10)
    few, many = labels_wanted(before, after, 20, "e"), labels_wanted(before, after, 500, "e")
    assert few == labels_wanted(before, after, 20, "e")
    assert set(few) < set(many)
    assert (40, 220) == (len(set(few)), len(set(many)))  # ten examples left no trace in one arm
    arms = [trace_id.partition("-")[0] for trace_id in few]
    assert (20, 20) == (arms.count("baseline"), arms.count("candidate"))
    assert arms != ["baseline", "candidate"] * 20
