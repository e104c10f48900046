"""A judge of pairs as the metric: both answers, both orders, ties for contradictions, and the gate's usual test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.chat import ChatRequest
from burnish.domain.datasets import Example, Split
from burnish.domain.evaluators.base import EvaluationContext, EvaluatorError
from burnish.domain.evaluators.chains import waves
from burnish.domain.evaluators.limits import LatencyLimit
from burnish.domain.evaluators.pairwise import Pairwise
from burnish.domain.experiments import AgentVersion, RunOutcome, RunStatus
from burnish.domain.gate import Outcome
from burnish.domain.pairing import pair
from burnish.domain.proposals import Edit, Proposal, ProposalStatus
from burnish.domain.traces import Span, SpanKind, Trace
from burnish.errors import BudgetExceededError, ConfigError
from burnish.loop.context import Workshop
from burnish.loop.enrich import enrich
from burnish.loop.measure import choose_on_dev, prove_on_held_out
from burnish.loop.metrics import check_metrics
from burnish.loop.plan import plan_agent
from burnish.project import AgentConfig
from burnish.testing import ScriptedModel

NIGHT = "desk/2026-01-01"
CONFIG = AgentConfig.model_validate(
    {
        "name": "desk",
        "repository": {"url": "unused"},
        "target": {"kind": "prompt", "prompt": "p.md"},
        "improve": {"metric": "better", "repetitions": 1},
        "gate": {"minimum_pairs": 10},
    }
)
JUDGE = Pairwise(name="better", rubric="More stars are better.", against="baseline")


def by_stars(request: ChatRequest) -> dict[str, object]:
    """A fair judge: more stars win, wherever they stand."""
    return verdict(request, lambda first, second: "tie" if first == second else "first" if first > second else "second")


def verdict(request: ChatRequest, say: Callable[[int, int], str]) -> dict[str, object]:
    text = request.messages[1].text
    second = text.index("<second-")
    return {"reasoning": "stars", "verdict": say(text[:second].count("*"), text[second:].count("*"))}


class Stars:
    """An agent whose version answers with so many stars by the example's number; None: it fails, -1: it times out."""

    def __init__(self, stars: dict[str, Callable[[int], int | None]]) -> None:
        self._stars = stars

    async def run(self, version: AgentVersion, example: Example, salt: str) -> RunOutcome:
        now, number = utc_now(), self._stars[version.label](int(str(example.input)))
        if number is None:
            return RunOutcome(status=RunStatus.AGENT_FAILURE, error="ValueError")
        if number < 0:
            return RunOutcome(status=RunStatus.UNMEASURED, error="timed out")
        trace_id = f"{version.label}-{example.id}"
        root = Span(trace_id=trace_id, span_id="s", name="a", kind=SpanKind.AGENT, started_at=now, ended_at=now)
        trace = Trace(
            trace_id=trace_id, agent="desk", source="experiment", name="a", started_at=now, ended_at=now,
            input=example.input, output="*" * number or "none", spans=(root,),
        )  # fmt: skip
        return RunOutcome(status=RunStatus.OK, output=trace.output, trace=trace)


class Repository:
    """Versions without files: the label says which edits they carry."""

    def worktree(self, version_id: str, commit: str, edits: tuple[Edit, ...]) -> AgentVersion:
        return AgentVersion(id=version_id, root=Path(), commit=commit, label=edits[0].replace if edits else "baseline")


class Shop:
    """The ports that measuring asks for."""

    config = CONFIG
    base_commit = "c0"
    night = NIGHT
    models_print = "models"
    accounts = None

    def __init__(self, store: Store, target: Stars, judge: object) -> None:
        self.store, self.target, self.judge = store, target, judge
        self.evaluators = [JUDGE]
        self.repository = Repository()

    async def book_calls(self) -> None:
        """No model port is used here."""


Build = Callable[..., tuple[Workshop, Proposal]]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    with Store.open(f"sqlite:///{tmp_path / 'store.sqlite3'}") as store:

        def make(before: object, after: object, judge: Any = by_stars) -> tuple[Workshop, Proposal]:
            examples = [
                (Example(id=f"e{n:03}", input=str(n), group=f"g{n}"), Split.DEV if n < 10 else Split.HELD_OUT)
                for n in range(70)
            ]
            store.datasets.add("desk", "main", examples)
            edits = (Edit(path="p.md", search="x", replace="new"),)
            proposal = Proposal(
                id=Proposal.id_for("desk", "c0", edits), agent="desk", night=NIGHT, base_commit="c0", title="new",
                rationale="", edits=edits, created_at=utc_now(),
            )  # fmt: skip
            store.proposals.add([proposal])
            arms = cast(dict[str, Callable[[int], int | None]], {"baseline": before, "new": after})
            model = judge if hasattr(judge, "complete") else ScriptedModel(judge)
            return cast(Workshop, Shop(store, Stars(arms), model)), proposal

        yield make


async def test_wins_over_the_baseline_carry_the_gates_test(build: Build) -> None:
    """Dev chooses by the share of comparisons won, the held-out test counts wins and losses; labels are still due."""
    workshop, proposal = build(lambda n: 1, lambda n: 1 if n % 3 == 0 else 2)
    choice = await choose_on_dev(workshop, NIGHT)
    assert proposal.id == choice.chosen
    assert {"baseline": 0.5, proposal.id: 0.8} == {arm: round(mean, 9) for arm, mean in choice.means.items()}
    verdict = await prove_on_held_out(workshop, NIGHT, proposal.id)
    comparison = verdict.comparison
    assert comparison is not None
    assert comparison.losses == 0 < comparison.wins == comparison.pairs - comparison.ties
    assert verdict.p_value is not None
    assert verdict.p_value < verdict.level
    # Equal answers are ties that nobody was asked about; no label of people bears the judge out yet.
    assert 2 * (comparison.wins + 6) == len(cast(ScriptedModel, workshop.judge).requests)
    assert Outcome.INCONCLUSIVE is verdict.outcome
    assert verdict.reasons[0].startswith("better compares with the baseline and scores no trace alone")
    assert any(
        f"better than the baseline's on {comparison.wins} of {comparison.pairs} examples, worse on 0" in reason
        for reason in verdict.reasons
    )


async def test_a_judge_of_places_proves_nothing(build: Build) -> None:
    """Where the first answer wins whatever it says, every pair is a tie and the flips are told."""
    workshop, proposal = build(lambda n: 1, lambda n: 2, lambda request: verdict(request, lambda *_: "first"))
    answer = await prove_on_held_out(workshop, NIGHT, proposal.id)
    assert answer.comparison is not None
    assert (0, 0) == (answer.comparison.wins, answer.comparison.losses)
    assert any("contradicted itself on" in reason and "(100%)" in reason for reason in answer.reasons)
    assert any("decides more often than the answer" in reason for reason in answer.reasons)
    assert Outcome.REFUSED is answer.outcome


async def test_a_failure_loses_and_a_lost_run_is_no_comparison(build: Build) -> None:
    """Against an answer a failure loses, two failures are even, and what timed out in one arm is that arm's gap."""
    outcomes = {0: (1, None), 1: (None, 1), 2: (None, None), 3: (1, -1), 4: (-1, 1), 5: (2, 1)}
    workshop, proposal = build(lambda n: outcomes.get(n, (1, 1))[0], lambda n: outcomes.get(n, (1, 1))[1])
    choice = await choose_on_dev(workshop, NIGHT)
    assert choice.experiment_id is not None
    arms = [workshop.store.experiments.runs(choice.experiment_id, arm) for arm in ("baseline", proposal.id)]
    assert [0.0, 1.0, 0.5, None, None, 0.0] == [run.score("better") for run in arms[1][:6]]
    assert [0.5, 0.5, 0.5, 0.5, None, 0.5] == [run.score("better") for run in arms[0][:6]]
    pairs = pair("better", *arms)
    assert {"e003", "e004"} == set(pairs.examples) - set(pairs.ids)
    assert (1, 1) == (pairs.baseline_missing, pairs.candidate_missing)


async def test_a_judge_that_fails_blames_neither_arm(build: Build) -> None:
    """Pairs without a verdict are unmeasured in both arms, so they make no arm look measured less often."""
    workshop, proposal = build(lambda n: 1, lambda n: 2, lambda request: {"verdict": "both"})
    answer = await prove_on_held_out(workshop, NIGHT, proposal.id)
    assert Outcome.INCONCLUSIVE is answer.outcome
    assert any("unmeasured" in reason for reason in answer.reasons)
    assert not any("were not measured alike" in reason for reason in answer.reasons)


async def test_a_spent_budget_keeps_what_was_judged(build: Build) -> None:
    """The night ends undecided; started again, it asks only about the pairs that are left."""
    left = [9]

    def limited(request: ChatRequest) -> Any:
        if left[0] == 0:
            return BudgetExceededError("spent")
        left[0] -= 1
        return by_stars(request)

    workshop, proposal = build(lambda n: 1, lambda n: 2, limited)
    assert "The budget of the night ended before dev was measured." == (await choose_on_dev(workshop, NIGHT)).reason
    assert ProposalStatus.DRAFTED is workshop.store.proposals.get(proposal.id).status
    asked = len(cast(ScriptedModel, workshop.judge).requests)
    left[0] = 1_000
    assert proposal.id == (await choose_on_dev(workshop, NIGHT)).chosen
    again = len(cast(ScriptedModel, workshop.judge).requests) - asked
    assert 10 <= again <= 12  # ten pairs make 20 questions, and four or more pairs had both their answers


async def test_it_says_nothing_of_a_trace_alone(build: Build) -> None:
    """Production traces pass it by, and what would wait for its word is refused with the reason."""
    workshop, _ = build(lambda n: 1, lambda n: 2)
    await choose_on_dev(workshop, NIGHT)
    summary = await enrich(workshop.store, [JUDGE], ["baseline-e000"], workshop.judge, night=NIGHT)
    assert {} == summary.evaluators
    trace = next(iter(workshop.store.traces.load(["baseline-e000"])))
    with pytest.raises(EvaluatorError, match="a trace alone has none"):
        await JUDGE.evaluate(EvaluationContext(trace=trace, judge=workshop.judge))
    late = LatencyLimit.model_validate(
        {"name": "late", "max_s": 1, "applies": {"when": {"evaluator": "better", "below": 0.5}}}
    )
    with pytest.raises(ConfigError, match="compares the arms of experiments"):
        waves([JUDGE, late])


def test_what_fails_needs_a_metric_of_its_own() -> None:
    """`failing` may not be the judge of pairs, and the plan counts two calls for each pair."""
    config = CONFIG.model_copy(update={"improve": CONFIG.improve.model_copy(update={"failing": "better"})})
    with pytest.raises(ConfigError, match=r"\[improve\] failing = 'better' is no evaluator that scores traces"):
        check_metrics(config, [JUDGE])
    assert "better" == CONFIG.improve.fails_on
    assert 0 == plan_agent(CONFIG, [JUDGE], None).outlay.calls


def test_the_version_of_a_judge_against_what_is_expected_stays() -> None:
    """Judges that compare with the expected output keep their series; the other kind is another measure."""
    plain = Pairwise(name="better", rubric="More stars are better.")
    assert plain.version != JUDGE.version
    assert "against" not in plain.model_dump(exclude_defaults=True)
    assert (True, False) == (plain.uses_expected, JUDGE.uses_expected)
