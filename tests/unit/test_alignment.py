"""Judges of an agent, measured on what they were not fitted to."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.databases import sqlite_url
from support.store_samples import START, judged, trace

from burnish.adapters.store import Store
from burnish.domain.agreement import Agreement, AlignmentState, JudgeRule
from burnish.domain.alignment.measurement import Alignment
from burnish.domain.datasets import SplitRule
from burnish.domain.evaluators.base import CodeCheck
from burnish.domain.evaluators.judge import Judge
from burnish.domain.evaluators.pairwise import Pairwise
from burnish.domain.feedback import ADJUDICATED, Feedback, FeedbackSource
from burnish.loop.alignment import held_against_people, keys_measured, measure_judge, measure_judges
from burnish.loop.context import Workshop
from burnish.loop.night import judges_stage
from burnish.loop.report import night_markdown
from burnish.project import AgentConfig
from burnish.settings import Settings

NOW = START + timedelta(days=60)
JUDGE = Judge(name="helpful", rubric="Is it helpful?", model="small")
OTHER = JUDGE.model_copy(update={"model": "large"})
TOPICS = ("refund", "delivery", "warranty", "invoice", "password", "address", "discount", "colour", "size", "gift")
WORDS = ("kitchen", "garden", "winter", "travel", "office", "camping", "music", "sports", "cycling", "painting")


class Fast(CodeCheck):
    kind = "fast_in_measurement_test"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(sqlite_url(tmp_path)) as opened:
        yield opened


def config(metric: str = "helpful", **judges: Any) -> AgentConfig:
    return AgentConfig.model_validate(
        {
            "name": "support",
            "repository": {"url": "."},
            "target": {"kind": "command", "command": ["true"]},
            "improve": {"metric": metric},
            "gate": {"judges": judges},
        }
    )


def person(trace_id: str, score: float, author: str = "ann", day: float = 0, **fields: Any) -> Feedback:
    moment = START + timedelta(days=day)
    given = {"key": "review", "source": FeedbackSource.HUMAN, "created_at": moment}
    return Feedback(trace_id=trace_id, score=score, author=author, **(given | fields))


def labelled(store: Store, count: int, wrong: range, judge: Judge = JUDGE, **fields: Any) -> None:
    """Different questions, one a day third, every second passed by people, with the judge wrong on some."""
    traces, said = [], []
    for number in range(count):
        name, truth = f"t{number}", float(number % 2)
        asked = f"{TOPICS[number % 10]} {WORDS[number // 10 % 10]} {number * 7919} about my {WORDS[number % 7]} order?"
        days = number / 3
        given = {"input": asked, "output": "x" * (100 + number)} | fields
        traces.append(trace(name, after=days * 86_400, **given))
        says = 1 - truth if number in wrong else truth
        said += [judged(name, says, version=judge.version, after=days * 86_400), person(name, truth, day=days)]
    store.traces.add(traces)
    store.feedback.add(said)


def fitted(store: Store, *trace_ids: str, version: str = JUDGE.version) -> None:
    """Somebody made this version from those traces' labels."""
    store.alignments.add(
        Alignment(
            agent="support",
            judge="helpful",
            version=version,
            measured_at=START,
            held_out=Agreement(items=0),
            fitted_on=trace_ids,
            state=AlignmentState.UNALIGNED,
            reason="Not yet.",
        )
    )


def test_a_measurement_has_every_figure_and_is_kept(store: Store) -> None:
    """36 of 40 right is kappa 0.8; alpha and AC1 of the same table stand beside it, and no item is named."""
    labelled(store, 40, range(0, 40, 10))
    (found,) = measure_judges(store, config(), [JUDGE, Fast(name="fast")], now=NOW)
    assert found == store.alignments.latest("support", "helpful")
    assert ("aligned", 40, "small", 0) == (found.state.value, found.held_out_labels, found.model, found.train_labels)
    assert 0.8 == pytest.approx(found.held_out.kappa)
    assert found.raters is not None
    assert (0.9, 40) == (found.raters.observed, found.raters.items)
    assert found.length is not None
    assert found.drift is not None
    assert (1, 40) == (found.drift.look, found.length.items)
    assert (None, None, None) == (found.ceiling, found.train, found.position)
    assert "t1" not in found.model_dump_json(exclude={"judge"})


def test_labels_that_a_judge_was_fitted_to_say_nothing_of_it(store: Store) -> None:
    """They are counted as train; a version made by hand from that one inherits them, the one before it does not."""
    labelled(store, 40, range(20, 40))
    fitted(store, version="before")
    fitted(store, *(f"t{number}" for number in range(20)))
    found = measure_judge(store, config(), JUDGE, now=NOW)
    assert (20, 20) == (found.held_out_labels, found.train_labels)
    assert found.train is not None
    assert 1.0 == found.train.kappa
    assert found.held_out.kappa is not None
    assert found.held_out.kappa < 0


@pytest.mark.parametrize(
    ("mate", "counted"),
    [
        ({"session_id": "s"}, 38),
        ({"user_id": "u"}, 38),
        ({"input": "Where is my parcel, please? It should be here."}, 38),
        ({"input": "Something else altogether: can I have two of them?"}, 39),
    ],
)
def test_what_belongs_with_a_fitted_label_counts_on_neither_side(
    store: Store, mate: dict[str, Any], counted: int
) -> None:
    """The same session, the same user and nearly the same question have been seen by the judge as well."""
    labelled(store, 38, range(0))
    store.traces.add(
        [
            trace("fit", input="Where is my parcel, please? It should be here!", session_id="s", user_id="u"),
            trace("mate", **({"input": "Do you deliver to islands in the north?"} | mate)),
        ]
    )
    for one in ("fit", "mate"):
        store.feedback.add([judged(one, 1.0, version=JUDGE.version), person(one, 1.0)])
    fitted(store, "fit")
    found = held_against_people(store, "support", JUDGE, "helpful", 0.5, JudgeRule(), SplitRule(), NOW)
    assert (counted, 1) == (len(found.held_out), len(found.train))


def test_an_aligned_judge_that_gets_another_model_is_stale_until_it_is_labelled(store: Store) -> None:
    """Its version is another one, of which nothing is known but that the last one was right."""
    labelled(store, 40, range(0, 40, 10))
    measure_judges(store, config(), [JUDGE], now=NOW)
    found = measure_judge(store, config(), OTHER, now=NOW)
    assert AlignmentState.STALE is found.state
    assert "its model was small then and is large now" in found.reason


def test_a_judge_that_falls_behind_is_found_stale_by_the_next_measurement(store: Store) -> None:
    """Right on the first 100, wrong on most of the last 40: kappa over all is above the floor, and yet."""
    labelled(store, 140, range(114, 140))
    found = measure_judge(store, config(kappa_floor=0.5), JUDGE, now=NOW)
    assert AlignmentState.STALE is found.state
    assert "has fallen" in found.reason
    assert found.held_out.kappa is not None
    assert found.held_out.kappa > 0.6


def test_how_far_people_agree_is_the_ceiling(store: Store) -> None:
    """Of what two people said before an expert decided, whichever labels count for the judge."""
    labelled(store, 40, range(0))
    second = [person(f"t{n}", float(n % 2) if n < 30 else 1.0 - n % 2, "bob") for n in range(40)]
    decided = [person(f"t{n}", float(n % 2), "eve", version=ADJUDICATED) for n in range(30, 40)]
    store.feedback.add([*second, *decided])
    found = measure_judge(store, config(), JUDGE, now=NOW)
    assert found.ceiling is not None
    assert (40, 0.75) == (found.ceiling.items, found.ceiling.observed)
    assert (40, 1.0) == (found.held_out_labels, found.held_out.kappa)


def test_a_pairwise_judge_is_asked_for_its_favourite_place(store: Store) -> None:
    """From the orders it recorded: ten flips of thirty, all won by the first place."""
    judge = Pairwise(name="better", rubric="Better?", model="small")
    store.traces.add([trace(f"t{n}") for n in range(30)])
    orders = [
        judged(
            f"t{n}", float(n >= 10), "better.order", author="better", version=judge.version,
            value="first" if n < 10 else "agree",
        )
        for n in range(30)
    ]  # fmt: skip
    store.feedback.add(orders)
    found = measure_judge(store, config(), judge, now=NOW).position
    assert found is not None
    assert found.first is not None
    assert (10 / 30, 1.0) == (found.flips.share, found.first.share)
    assert found.shown


def test_criteria_are_measured_where_the_gate_reads_them() -> None:
    """A judge by its name, and the one criterion that is the metric."""
    judge = Judge(name="tone", rubric="Tone.", criteria={"kind": "Is kind.", "short": "Is short."})
    found = keys_measured(config("tone.kind"), [judge, JUDGE, Fast(name="fast")])
    assert ["tone", "helpful", "tone.kind"] == [key for _, key in found]


async def test_a_night_measures_the_judges_and_its_report_says_how_they_stand(store: Store, tmp_path: Path) -> None:
    """No model is asked; what was found is kept and booked, and a stale judge is found without anybody looking."""
    file = tmp_path / "config" / "evaluators" / "all.yaml"
    file.parent.mkdir(parents=True)
    file.write_text('- {name: helpful, kind: judge, rubric: "Is it helpful?", model: small}\n')
    labelled(store, 60, range(0, 60, 15))
    night = store.nights.begin("support", date(2026, 7, 1))
    workshop = Workshop(Settings(_env_file=None, project=tmp_path), config(stale_after_days=1), store, night.id)
    await judges_stage(workshop)
    await workshop.aclose()
    found = store.alignments.latest("support", "helpful")
    assert found is not None
    assert AlignmentState.STALE is found.state
    text = night_markdown(store.nights.get(night.id), None, [], (0, 0.0))
    assert "| helpful | stale | 60 | 0.87 (" in text
    assert ") | The newest label beside the judge helpful is" in text


def test_grades_on_another_scale_are_no_crash(store: Store) -> None:
    """People's one to five from another system beside a judge's 0 to 1: a low kappa, and a measurement all the same."""
    store.traces.add([trace(f"t{number}") for number in range(50)])
    for number in range(50):
        store.feedback.add([judged(f"t{number}", number % 5 / 4, version=JUDGE.version)])
        store.feedback.add([person(f"t{number}", float(1 + number % 5))])
    found = measure_judge(store, config(), JUDGE, now=NOW)
    assert (AlignmentState.UNALIGNED, 50) == (found.state, found.held_out_labels)
