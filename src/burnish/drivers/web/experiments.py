"""Pages of experiments."""

from starlette.requests import Request
from starlette.responses import Response

from burnish.domain.datasets import Split
from burnish.drivers.arms import baseline_of, summarise_arms
from burnish.drivers.breakdown import breakdown, missing_text
from burnish.drivers.verdicts import numbered, verdict_of
from burnish.drivers.web.effect import effect_picture
from burnish.drivers.web.render import page
from burnish.drivers.web.wiring import agent_filter, known_agents, store_of
from burnish.loop.against_baseline import order_text

__all__ = ["show", "show_list"]


def show_list(request: Request) -> Response:
    """Experiments, newest first."""
    agent = agent_filter(request)
    night = request.query_params.get("night") or None
    return page(
        request,
        "experiments.html",
        experiments=store_of(request).experiments.list(agent=agent, night=night),
        agents=known_agents(request),
        asked={"agent": agent or "", "night": night or ""},
    )


def show(request: Request) -> Response:
    """One experiment: a row an arm, the gate's comparison, each arm by evaluator and cluster, and what changed.

    What held-out examples say stays sealed: of those, numbers and scores alone are shown.
    """
    store = store_of(request)
    experiment = store.experiments.get(request.path_params["experiment_id"])
    runs = numbered(experiment, store.experiments.runs(experiment.id))
    verdict = verdict_of(store, experiment)
    comparison = verdict.comparison if verdict is not None else None
    proposals = {proposal.id: proposal for proposal in store.proposals.list(agent=experiment.agent)}
    return page(
        request,
        "experiment.html",
        experiment=experiment,
        sealed=experiment.split is Split.HELD_OUT,
        base=baseline_of(experiment),
        arms=summarise_arms(experiment, runs),
        missing_text=missing_text,
        orders={
            arm: order_text([run for run in runs if run.key.arm == arm], experiment.metric) for arm in experiment.arms
        },
        breakdown=breakdown(store, experiment, runs),
        titles={arm: proposals[arm].title for arm in experiment.arms if arm in proposals},
        verdict=verdict,
        comparison=comparison,
        picture=effect_picture(comparison) if comparison is not None else None,
        traces={
            (run.key.arm, run.key.example_id): run.trace_id for run in runs if run.trace_id and run.key.repetition == 0
        },
    )
