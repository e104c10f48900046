"""Whether an agent's evaluators can measure what its file asks of them."""

from collections.abc import Sequence

from burnish.domain.evaluators.base import Evaluator
from burnish.errors import ConfigError
from burnish.project import AgentConfig

__all__ = ["check_metrics", "scores_runs"]


def scores_runs(evaluator: Evaluator) -> bool:
    """Whether an evaluator has something to look at in an experiment, where there are no sessions and no users."""
    return evaluator.level == "trace" and not evaluator.needs_feedback


def check_metrics(config: AgentConfig, evaluators: Sequence[Evaluator]) -> None:
    """Raise ConfigError where the metric to improve, a guard or what says that a trace fails is none of them."""
    by_name = {evaluator.name: evaluator for evaluator in evaluators}
    wanted = {config.improve.metric, *config.gate.guards}
    missing = sorted(wanted - by_name.keys())
    if missing:
        raise ConfigError(
            f"agent '{config.name}' measures {', '.join(missing)}, which no evaluator in config/evaluators "
            f"is called; there are: {', '.join(by_name)}"
        )
    offline = {one.name for one in evaluators if scores_runs(one)}
    if not wanted <= offline:
        raise ConfigError(
            f"agent '{config.name}' measures {', '.join(sorted(wanted - offline))}, which judges sessions or "
            "what users say: an experiment has neither; choose an evaluator of single traces"
        )
    failing = config.improve.failing
    if failing is not None and (failing not in by_name or by_name[failing].compares_arms):
        known = ", ".join(name for name, one in by_name.items() if not one.compares_arms)
        raise ConfigError(
            f"agent '{config.name}': [improve] failing = '{failing}' is no evaluator that scores traces; "
            f"there are: {known or 'none'}"
        )
