"""Power before money: what tonight's measurement can show, from what is stored, before a single run is made.

The seal stays whole: of the held-out split only the number of examples is read, and flips, cost and time come from
runs on dev.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.domain.agreement import JudgeStanding
from burnish.domain.datasets import DATASET, Split
from burnish.domain.evaluators.base import Evaluator
from burnish.domain.experiments import Experiment, Run, RunStatus
from burnish.domain.feedback import FeedbackSource
from burnish.domain.gate import begin
from burnish.domain.plan import Outlay, Plan
from burnish.domain.planning import POWER, FlipRate, assumed_flips, detectable, estimate_flips, needs
from burnish.loop.report import markdown_table
from burnish.loop.standing import judge_standings
from burnish.project import AgentConfig

if TYPE_CHECKING:
    from burnish.adapters.store import Store
    from burnish.loop.context import Workshop

__all__ = ["plan", "plan_agent", "plan_markdown", "plan_rows"]

RECENT = 20  # experiments that are looked at: an agent of long ago flipped and cost otherwise


def plan(workshop: "Workshop") -> Plan:
    """The plan of the workshop's night, with what the night has spent so far taken off the budget."""
    return plan_agent(workshop.config, workshop.evaluators, workshop.store, workshop.night)


def plan_agent(
    config: AgentConfig,
    evaluators: Sequence[Evaluator],
    store: "Store | None",
    night: str | None = None,
    *,
    level: float | None = None,
    power: float = POWER,
    repetitions: int | None = None,
    flips: float | None = None,
) -> Plan:
    """What a night of this agent can show. Without a store, or before any run, on stated assumptions.

    `level`, `repetitions` and `flips` stand in for the agent's own, to see what would be.
    """
    improve = config.improve
    level = _level(config, store) if level is None else level
    repetitions = improve.repetitions if repetitions is None else repetitions
    counts = _counts(config.name, store)
    runs = _recent_runs(config.name, improve.metric, store)
    rate = assumed_flips(flips, "given") if flips is not None else _flips(runs, improve.metric)
    examples = min(counts.get(Split.HELD_OUT, 0), improve.held_out_limit)
    dev = min(counts.get(Split.DEV, 0), improve.dev_limit)
    gain = detectable(examples, rate.share, repetitions, level, power)
    return Plan(
        agent=config.name,
        metric=improve.metric,
        held_out=counts.get(Split.HELD_OUT, 0),
        examples=examples,
        limit=improve.held_out_limit,
        minimum_pairs=config.gate.minimum_pairs,
        repetitions=repetitions,
        level=level,
        power=power,
        flips=rate,
        gain=gain if examples >= config.gate.minimum_pairs else None,
        needs=needs(examples, rate.share, repetitions, level, power),
        outlay=_outlay(config, evaluators, runs, (dev, examples), repetitions, _spent(store, night)),
        judges=_standings(config, evaluators, store),
    )


def plan_rows(found: Plan) -> list[dict[str, str]]:
    """A row a gain: the examples it needs with 1 run and with 3, and how many are missing."""
    return [
        {
            "gain": f"+{need.gain * 100:.0f} points",
            "examples, 1 run": f"{need.once:,}",
            "examples, 3 runs": f"{need.thrice:,}",
            "still missing": f"{need.missing:,}" if need.missing else "none",
        }
        for need in found.needs
    ]


def plan_markdown(found: Plan) -> str:
    """The plan on one page."""
    first, *rest = found.sentences
    listed = "\n".join(f"- {sentence}" for sentence in rest)
    return f"**{first}**\n\n{listed}\n\n{markdown_table(plan_rows(found))}\n"


def _counts(agent: str, store: "Store | None") -> dict[Split, int]:
    datasets = store.datasets.list(agent) if store is not None else []
    return next((dict(one.counts) for one in datasets if one.name == DATASET), {})


def _recent_runs(agent: str, metric: str, store: "Store | None") -> list[tuple[Experiment, list[Run]]]:
    if store is None:
        return []
    found = [e for e in store.experiments.list(agent=agent) if e.split is Split.DEV and e.metric == metric]
    return [(experiment, store.experiments.runs(experiment.id)) for experiment in found[:RECENT]]


def _flips(runs: Sequence[tuple[Experiment, Sequence[Run]]], metric: str) -> FlipRate:
    """From repetitions within experiments where there are enough, else from one version on several nights."""
    within: dict[tuple[str, str, str], list[float]] = {}
    across: dict[tuple[str, str], list[float]] = {}
    for experiment, made in runs:
        for run in made:
            score = run.score(metric)
            if score is None or not math.isfinite(score):
                continue
            within.setdefault((experiment.id, run.version_id, run.key.example_id), []).append(score)
            across.setdefault((run.version_id, run.key.example_id), []).append(score)
    return (
        estimate_flips(within.values(), "repetitions") or estimate_flips(across.values(), "nights") or assumed_flips()
    )


def _outlay(
    config: AgentConfig,
    evaluators: Sequence[Evaluator],
    runs: Sequence[tuple[Experiment, Sequence[Run]]],
    examples: tuple[int, int],
    repetitions: int,
    spent: tuple[int, float],
) -> Outlay:
    dev_runs = examples[0] * repetitions * (1 + config.improve.candidates)
    held_out_runs = examples[1] * repetitions * 2
    total = dev_runs + held_out_runs
    measured = {config.improve.metric, *config.gate.guards}
    judges = sum(e.source is FeedbackSource.JUDGE and e.name in measured for e in evaluators)
    made = [run for _, some in runs for run in some if run.status is not RunStatus.UNMEASURED]
    price = _mean([run.cost_usd for run in made if run.cost_usd is not None])
    seconds = _mean([run.latency_s for run in made if run.latency_s is not None])
    budget = config.budget
    return Outlay(
        dev_examples=examples[0],
        dev_runs=dev_runs,
        held_out_runs=held_out_runs,
        calls=total * (1 + judges),
        usd=None if price is None else price * total,
        seconds=None if seconds is None else seconds * total / config.target.concurrency,
        calls_left=None if budget.calls is None else max(0, budget.calls - spent[0]),
        usd_left=None if budget.usd is None else max(0.0, budget.usd - spent[1]),
    )


def _spent(store: "Store | None", night: str | None) -> tuple[int, float]:
    return store.calls.spent(night) if store is not None and night is not None else (0, 0.0)


def _level(config: AgentConfig, store: "Store | None") -> float:
    """The level at which the next proposal would be decided."""
    return begin(config.gate).tonight() if store is None else store.attempts.next_level(config.name, config.gate)


def _standings(
    config: AgentConfig, evaluators: Sequence[Evaluator], store: "Store | None"
) -> tuple[JudgeStanding, ...]:
    if store is None:
        return ()
    metrics = (config.improve.metric, *config.gate.guards)
    improve, rule = config.improve, config.gate.judges
    return judge_standings(store, config.name, evaluators, metrics, improve.fail_below, rule, config.splits)


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
