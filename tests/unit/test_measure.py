"""Choosing on dev and proving on held-out: dev picks, the gate decides, and a spent budget decides nothing."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.datasets import Example, Split
from burnish.domain.evaluators.base import CodeCheck, EvaluationContext, Score
from burnish.domain.experiments import AgentVersion, RunOutcome, RunStatus
from burnish.domain.gate import Outcome
from burnish.domain.gate.differences import Differences
from burnish.domain.gate.eprocess import evidence
from burnish.domain.proposals import Edit, Proposal, ProposalStatus
from burnish.domain.traces import Span, SpanKind, Trace
from burnish.errors import BudgetExceededError
from burnish.loop.context import Workshop
from burnish.loop.measure import choose_on_dev, prove_on_held_out
from burnish.project import AgentConfig

NIGHT = "desk/2026-01-01"
CONFIG = AgentConfig.model_validate(
    {
        "name": "desk",
        "repository": {"url": "unused"},
        "target": {"kind": "prompt", "prompt": "p.md"},
        "improve": {"metric": "right", "dev_limit": 8, "repetitions": 1},
        "gate": {"minimum_pairs": 10},
    }
)


class Right(CodeCheck):
    """Whether the output is the expected one."""

    kind = "right"

    def check(self, context: EvaluationContext) -> Score:
        return Score.passed(context.output == context.expected)


class FakeRepository:
    """Versions without files: the label says which edits they carry."""

    def worktree(self, version_id: str, commit: str, edits: tuple[Edit, ...]) -> AgentVersion:
        return AgentVersion(id=version_id, root=Path(), commit=commit, label=edits[0].replace if edits else "baseline")


class FakeTarget:
    """Answers right where the version's knowledge reaches: `known[label]` examples of each ten."""

    def __init__(self, known: dict[str, int], calls: int | None = None) -> None:
        self._known = known
        self.left = calls
        self.lost: set[str] = set()  # labels of versions whose wrong answers time out

    async def run(self, version: AgentVersion, example: Example, salt: str) -> RunOutcome:
        if self.left is not None:
            if self.left == 0:
                raise BudgetExceededError("spent")
            self.left -= 1
        now, number = utc_now(), int(str(example.input))
        output = "yes" if number % 10 < self._known[version.label] else "no"
        if output == "no" and version.label in self.lost:
            return RunOutcome(status=RunStatus.UNMEASURED, error="timed out")
        trace_id = f"{version.label}-{example.id}"
        root = Span(trace_id=trace_id, span_id="s", name="a", kind=SpanKind.AGENT, started_at=now, ended_at=now)
        trace = Trace(
            trace_id=trace_id, agent="desk", source="experiment", name="a", started_at=now, ended_at=now,
            input=example.input, output=output, spans=(root,),
        )  # fmt: skip
        return RunOutcome(status=RunStatus.OK, output=output, trace=trace)


class FakeWorkshop:
    """The ports that measuring asks for."""

    config = CONFIG
    base_commit = "c0"
    night = NIGHT
    models_print = "models"

    async def book_calls(self) -> None:
        """No model port is used here."""

    def __init__(self, store: Store, target: FakeTarget) -> None:
        self.store = store
        self.target = target
        self.evaluators = [Right(name="right")]
        self.repository = FakeRepository()
        self.judge = None
        self.accounts = None


Build = Callable[..., tuple[Workshop, dict[str, Proposal]]]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    with Store.open(f"sqlite:///{tmp_path / 'store.sqlite3'}") as store:

        def make(known: dict[str, int], calls: int | None = None) -> tuple[Workshop, dict[str, Proposal]]:
            store.datasets.add("desk", "main", [*_examples(Split.DEV, 0, 10), *_examples(Split.HELD_OUT, 10, 50)])
            drafted = {label: _proposal(label) for label in known if label != "baseline"}
            store.proposals.add(list(drafted.values()))
            return cast(Workshop, FakeWorkshop(store, FakeTarget(known, calls))), drafted

        yield make


def _examples(split: Split, first: int, last: int) -> list[tuple[Example, Split]]:
    return [
        (Example(id=f"e{number:03}", input=str(number), expected="yes", group=f"g{number}"), split)
        for number in range(first, last)
    ]


def _proposal(label: str) -> Proposal:
    edits = (Edit(path="p.md", search="x", replace=label),)
    return Proposal(
        id=Proposal.id_for("desk", "c0", edits), agent="desk", night=NIGHT, base_commit="c0", title=label,
        rationale="", edits=edits, created_at=utc_now(),
    )  # fmt: skip


def status(workshop: Workshop, proposal: Proposal) -> tuple[ProposalStatus, str]:
    stored = workshop.store.proposals.get(proposal.id)
    return stored.status, stored.status_reason


async def test_the_best_on_dev_goes_to_the_gate(build: Build) -> None:
    """The others are marked with what they scored; dev's own limit of examples holds."""
    workshop, drafted = build({"baseline": 3, "good": 6, "better": 9})
    choice = await choose_on_dev(workshop, NIGHT)
    assert drafted["better"].id == choice.chosen
    assert choice.measured is not None
    assert 3 * 8 == choice.measured.planned
    assert choice.means["baseline"] < choice.means[drafted["good"].id] < choice.means[drafted["better"].id]
    assert ProposalStatus.DRAFTED is status(workshop, drafted["better"])[0]
    moved, reason = status(workshop, drafted["good"])
    assert ProposalStatus.MEASURED is moved
    assert f"Not chosen: scored {choice.means[drafted['good'].id]:.2f} on dev." == reason


async def test_of_equals_the_smaller_diff_is_chosen(build: Build) -> None:
    """What gains the same with fewer words is easier to review."""
    workshop, drafted = build({"baseline": 3, "a much longer diff": 9, "short": 9, "middling": 9})
    choice = await choose_on_dev(workshop, NIGHT)
    assert drafted["short"].id == choice.chosen


@pytest.mark.parametrize("candidate", [3, 1])
async def test_nothing_better_than_the_baseline_is_not_chosen(build: Build, candidate: int) -> None:
    """A tie with the baseline is no gain."""
    workshop, drafted = build({"baseline": 3, "new": candidate})
    choice = await choose_on_dev(workshop, NIGHT)
    assert None is choice.chosen
    assert choice.reason.startswith("No proposal beats the baseline on dev")
    assert ProposalStatus.MEASURED is status(workshop, drafted["new"])[0]


async def test_a_budget_that_ends_dev_chooses_nothing_until_there_is_more(build: Build) -> None:
    """Half a measurement could favour either side. With more money the runs paid for are not run again."""
    workshop, drafted = build({"baseline": 3, "new": 9}, calls=11)
    choice = await choose_on_dev(workshop, NIGHT)
    assert (None, True) == (choice.chosen, choice.measured is not None and choice.measured.exhausted)
    assert "The budget of the night ended before dev was measured." == choice.reason
    target = cast(FakeTarget, workshop.target)
    target.left = 100
    again = await choose_on_dev(workshop, NIGHT)
    assert drafted["new"].id == again.chosen
    assert 100 - (16 - 11) == target.left


async def test_nothing_to_measure_says_why(build: Build, tmp_path: Path) -> None:
    """No proposal, or no example on dev: a reason, and no experiment."""
    workshop, _ = build({"baseline": 3})
    choice = await choose_on_dev(workshop, NIGHT)
    assert (None, None) == (choice.experiment_id, choice.chosen)
    assert "No proposal of this night applies" in choice.reason
    with Store.open(f"sqlite:///{tmp_path / 'other.sqlite3'}") as empty:
        bare = FakeWorkshop(empty, FakeTarget({}))
        empty.proposals.add([_proposal("new")])
        choice = await choose_on_dev(cast(Workshop, bare), NIGHT)
        assert "The dev split is empty" in choice.reason
        assert [] == empty.experiments.list(agent="desk")


@pytest.mark.parametrize(
    ("candidate", "calls", "outcome"),
    [(9, None, Outcome.ACCEPTED), (3, None, Outcome.REFUSED), (9, 30, Outcome.INCONCLUSIVE)],
)
async def test_the_gate_decides_on_held_out(build: Build, candidate: int, calls: int | None, outcome: Outcome) -> None:
    """A clear gain is accepted, none is refused, and a measurement cut short is neither."""
    workshop, drafted = build({"baseline": 3, "new": candidate}, calls=calls)
    verdict = await prove_on_held_out(workshop, NIGHT, drafted["new"].id)
    assert outcome is verdict.outcome
    assert (ProposalStatus(outcome.value), verdict.reasons[0]) == status(workshop, drafted["new"])
    assert verdict == workshop.store.proposals.verdict(drafted["new"].id)
    if calls is not None:
        assert "The budget of the night ended the measurement early." == verdict.reasons[0]


async def test_a_verdict_is_the_same_when_asked_again(build: Build) -> None:
    """Proving twice runs nothing twice, books one attempt and keeps its level."""
    workshop, drafted = build({"baseline": 3, "new": 9}, calls=80)
    first = await prove_on_held_out(workshop, NIGHT, drafted["new"].id)
    left = cast(FakeTarget, workshop.target).left
    again: Any = await prove_on_held_out(workshop, NIGHT, drafted["new"].id)
    assert (first, left) == (again, cast(FakeTarget, workshop.target).left)
    (attempt,) = workshop.store.attempts.list("desk")
    assert (1, first.level, first.p_value) == (attempt.number, attempt.level, attempt.p_value)
    assert Outcome.ACCEPTED is attempt.outcome


async def test_a_yes_or_a_no_of_the_night_is_final(build: Build) -> None:
    """Another model, or a corrected example, would be a second try at a level spent once: nothing is run again."""
    workshop, drafted = build({"baseline": 3, "new": 3}, calls=160)
    refused = await prove_on_held_out(workshop, NIGHT, drafted["new"].id)
    target, left = cast(FakeTarget, workshop.target), cast(FakeTarget, workshop.target).left
    cast(Any, workshop).models_print = "other models"
    target._known["new"] = 10
    assert refused == await prove_on_held_out(workshop, NIGHT, drafted["new"].id)
    assert (Outcome.REFUSED, left, 1) == (refused.outcome, target.left, len(workshop.store.attempts.list("desk")))


async def test_what_was_inconclusive_is_completed_on_the_same_measurement_only(build: Build) -> None:
    """Lost runs are made up for and decided; with other models the night's answer stays what it was."""
    for models, outcome in (("models", Outcome.ACCEPTED), ("others", Outcome.INCONCLUSIVE)):
        workshop, drafted = build({"baseline": 3, f"new for {models}": 9})
        (proposal,) = drafted.values()
        target = cast(FakeTarget, workshop.target)
        target.lost = {"baseline"}
        night = f"desk/2026-01-0{len(models)}"
        first = await prove_on_held_out(workshop, night, proposal.id)
        assert Outcome.INCONCLUSIVE is first.outcome
        target.lost = set()
        cast(Any, workshop).models_print = models
        again = await prove_on_held_out(workshop, night, proposal.id)
        assert outcome is again.outcome


async def test_a_candidate_that_loses_its_wrong_answers_is_not_chosen(build: Build) -> None:
    """A mean over what is left would make it the best: right on some and timed out on the others is no 100 %."""
    workshop, drafted = build({"baseline": 3, "lossy": 5, "sound": 6})
    cast(FakeTarget, workshop.target).lost = {"lossy"}
    choice = await choose_on_dev(workshop, NIGHT)
    assert choice.means[drafted["lossy"].id] > choice.means[drafted["sound"].id]
    assert drafted["sound"].id == choice.chosen


async def test_a_night_that_is_started_again_keeps_what_it_chose_and_decided(build: Build) -> None:
    """One proposal a night meets the sealed split, whatever dev says the second time; accepted stays accepted."""
    workshop, drafted = build({"baseline": 3, "first": 9, "second": 8})
    first = await choose_on_dev(workshop, NIGHT)
    assert drafted["first"].id == first.chosen
    await prove_on_held_out(workshop, NIGHT, drafted["first"].id)
    cast(Any, workshop).models_print = "other models"
    cast(FakeTarget, workshop.target)._known |= {"first": 1, "second": 10}
    again = await choose_on_dev(workshop, NIGHT)
    assert (drafted["first"].id, True) == (again.chosen, "had chosen before" in again.reason)
    assert ProposalStatus.ACCEPTED is status(workshop, drafted["first"])[0]


async def test_a_clear_case_does_not_run_every_example(build: Build) -> None:
    """A great gain ends the measurement at a look, and so does none; the looks say how far they got."""
    for known, outcome in ((10, Outcome.ACCEPTED), (0, Outcome.REFUSED)):
        workshop, drafted = build({"baseline": 3, f"new {known}": known}, calls=80)
        verdict = await prove_on_held_out(workshop, NIGHT, drafted[f"new {known}"].id)
        assert outcome is verdict.outcome
        assert verdict.stopped_early
        assert 4 == verdict.planned_looks > len(verdict.looks)
        assert 80 - 2 * verdict.looks[-1].examples == cast(FakeTarget, workshop.target).left


async def test_a_night_cut_short_anywhere_comes_to_the_same_verdict(build: Build) -> None:
    """Whatever number of runs a kill or a budget leaves, going on gives the verdict and the looks of a whole night."""
    fixed = CONFIG.gate.model_copy(update={"across_nights": "fixed"})
    config = CONFIG.model_copy(update={"gate": fixed})
    workshop, drafted = build({"baseline": 3, "new": 6})
    cast(Any, workshop).config = config
    whole = await prove_on_held_out(workshop, NIGHT, drafted["new"].id)
    for cut, night in ((1, "a"), (19, "b"), (20, "c"), (33, "d")):
        workshop, drafted = build({"baseline": 3, "new": 6}, calls=cut)
        cast(Any, workshop).config = config
        other = f"{night}/2026-01-02"
        with_other = await prove_on_held_out(workshop, other, drafted["new"].id)
        assert Outcome.INCONCLUSIVE is with_other.outcome
        (attempt,) = [one for one in workshop.store.attempts.list("desk") if one.night == other]
        assert None is attempt.outcome
        cast(FakeTarget, workshop.target).left = 100
        again = await prove_on_held_out(workshop, other, drafted["new"].id)
        assert (attempt.level, whole.outcome) == (again.level, again.outcome)
        assert [(look.examples, look.effect) for look in whole.looks] == [
            (look.examples, look.effect) for look in again.looks
        ]


async def test_each_night_is_an_attempt_of_its_own(build: Build) -> None:
    """The second night knows of the first, and a refusal leaves it less to spend."""
    workshop, drafted = build({"baseline": 3, "new": 3, "better": 9})
    first = await prove_on_held_out(workshop, NIGHT, drafted["new"].id)
    second = await prove_on_held_out(workshop, "desk/2026-01-02", drafted["better"].id)
    assert (0, 1) == (first.attempts_before, second.attempts_before)
    assert second.level < first.level
    assert any("1 proposal of this agent was held against held-out" in reason for reason in second.reasons)


async def test_bets_on_fresh_examples_add_up_over_nights(build: Build) -> None:
    """What a first night's budget allowed counts in the second, which runs only the examples the first did not."""
    gate = CONFIG.gate.model_copy(update={"mode": "e_process", "across_nights": "fixed"})
    config = CONFIG.model_copy(update={"gate": gate})
    workshop, drafted = build({"baseline": 3, "new": 8}, calls=30)
    cast(Any, workshop).config = config
    first = await prove_on_held_out(workshop, NIGHT, drafted["new"].id)
    assert Outcome.INCONCLUSIVE is first.outcome
    assert first.comparison is not None
    target = cast(FakeTarget, workshop.target)
    target.left = 100
    second = await prove_on_held_out(workshop, "desk/2026-01-02", drafted["new"].id)
    assert second.comparison is not None
    assert set() == set(first.comparison.fixed) & set(second.comparison.fixed)
    assert 40 >= first.comparison.pairs + second.comparison.pairs
    assert 100 - 2 * second.comparison.pairs == target.left
    assert Outcome.ACCEPTED is second.outcome
    # The fresh examples alone would not have been enough.
    alone = Differences(np.array([1.0] * second.comparison.wins + [0.0] * second.comparison.ties), binary=True)
    assert math.exp(-evidence(alone)) > 0.01 > (second.p_value or 1)


async def test_without_fresh_examples_a_bet_is_not_made_again(build: Build) -> None:
    """What was said of these examples stands, and no attempt is paid for saying it again."""
    gate = CONFIG.gate.model_copy(update={"mode": "e_process"})
    workshop, drafted = build({"baseline": 3, "new": 4}, calls=80)
    cast(Any, workshop).config = CONFIG.model_copy(update={"gate": gate})
    first = await prove_on_held_out(workshop, NIGHT, drafted["new"].id)
    assert (Outcome.REFUSED, 0) == (first.outcome, cast(FakeTarget, workshop.target).left)
    assert first == await prove_on_held_out(workshop, "desk/2026-01-02", drafted["new"].id)
    assert 1 == len(workshop.store.attempts.list("desk"))
