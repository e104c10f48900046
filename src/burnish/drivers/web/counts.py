"""What is counted of an agent as a whole, kept for all pages that show any of it."""

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import State
from starlette.requests import Request

from burnish.domain.agreement import STANDARD
from burnish.domain.annotation.specs import load_queues
from burnish.domain.evaluators.pairwise import Pairwise
from burnish.domain.evaluators.panel import DISAGREEMENT, Panel
from burnish.domain.feedback import FeedbackSource
from burnish.domain.listing import MetricSummary
from burnish.drivers.web.kept import Found
from burnish.drivers.web.wiring import all_agents, config_of, config_stamp, evaluators_of, fail_below, kept_of
from burnish.errors import BurnishError, ConfigError
from burnish.loop.agreement_report import JudgeAgreement, QueueReport, judge_agreement, queue_reports
from burnish.loop.evaluator_report import EvaluatorReport, evaluator_reports

if TYPE_CHECKING:
    from burnish.adapters.store import Store
    from burnish.domain.evaluators.base import Evaluator

__all__ = ["AgentFigures", "count_all", "figures_of", "queue_reports_of", "summary_of"]


@dataclass(frozen=True, slots=True)
class AgentFigures:
    """An agent's evaluators, and its judges beside people; `problem` says why the project's own are not known."""

    agent: str
    reports: tuple[EvaluatorReport, ...]
    judges: tuple[JudgeAgreement, ...]
    problem: str = ""


def figures_of(request: Request, agent: str) -> Found[AgentFigures]:
    """The newest figures of an agent."""
    return _kept_figures(request.app.state, agent)


def queue_reports_of(request: Request) -> Found[tuple[QueueReport, ...]]:
    """The queues with labels."""
    return _kept_queues(request.app.state)


def summary_of(request: Request, agent: str) -> Found[list[MetricSummary]]:
    """The agent's metrics with their means."""
    return _kept_summary(request.app.state, agent)


def count_all(state: State) -> None:
    """Ask for every figure once, so that it is counted by the time somebody looks; what fails fails again there."""
    with suppress(BurnishError):
        agents = all_agents(state)
        for agent in agents:
            _kept_summary(state, agent)
        for agent in agents:
            _kept_figures(state, agent)
        _kept_queues(state)


def _kept_figures(state: State, agent: str) -> Found[AgentFigures]:
    return kept_of(state).get(("figures", agent, config_stamp(state)), lambda: _figures(state, agent))


def _kept_queues(state: State) -> Found[tuple[QueueReport, ...]]:
    return kept_of(state).get(("queues", config_stamp(state)), lambda: _queues(state))


def _kept_summary(state: State, agent: str) -> Found[list[MetricSummary]]:
    store: Store = state.store
    return kept_of(state).get(("summary", agent), lambda: store.feedback.summary(agent))


def _figures(state: State, agent: str) -> AgentFigures:
    store: Store = state.store
    pass_at, problem = fail_below(state, agent), ""
    evaluators: list[Evaluator] = []
    try:
        evaluators = evaluators_of(state, agent)
    except ConfigError as error:
        problem = str(error)
    reports = evaluator_reports(store, agent, evaluators, pass_at)
    config = config_of(state, agent)
    rule = config.gate.judges if config is not None else STANDARD
    by_name = {one.name: one for one in evaluators}
    judges = [
        judge_agreement(
            store,
            agent,
            key.key,
            pass_at,
            rule,
            config.splits if config is not None else None,
            current=report.version,
            uncorrected=report.name in by_name and by_name[report.name].uses_expected,
        )
        for report in reports
        if report.source == FeedbackSource.JUDGE.value
        for key in report.keys
        if not _is_no_verdict(key.key, by_name.get(report.name))
    ]
    return AgentFigures(agent, reports, tuple(one for one in judges if one.versions), problem)


def _is_no_verdict(key: str, evaluator: "Evaluator | None") -> bool:
    """Whether a key says how far a panel's members or a pair's two orders agree: people have no opinion on that."""
    return (isinstance(evaluator, Panel) and key == f"{evaluator.name}.{DISAGREEMENT}") or (
        isinstance(evaluator, Pairwise) and key == f"{evaluator.name}.order"
    )


def _queues(state: State) -> tuple[QueueReport, ...]:
    try:
        return queue_reports(state.store, load_queues(state.settings.project))
    except ConfigError:
        return ()  # the page of queues says what is wrong
