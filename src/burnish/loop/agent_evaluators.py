"""The evaluators of an agent, bound to the models that its file and the settings give its judges."""

from burnish.domain.evaluators.base import Evaluator, JudgeModels
from burnish.project import ROLES, AgentConfig
from burnish.settings import Settings

__all__ = ["agent_evaluators", "judge_models"]


def judge_models(config: AgentConfig, settings: Settings) -> JudgeModels:
    """The judge's model and the further ones of the agent's file, without opening them."""
    usual = config.models.get("judge") or config.models.get("target")
    named = {alias: f"{alias} ({model.name})" for alias, model in config.models.items() if alias not in ROLES}
    return JudgeModels(usual=(usual and usual.name) or settings.model or settings.embedded_model, named=named)


def agent_evaluators(config: AgentConfig, settings: Settings, *, known: bool = False) -> list[Evaluator]:
    """Those that the agent's file names, all of the project's where it names none; `known`: all in any case.

    Raises ConfigError where a file of theirs is wrong.
    """
    from burnish.domain.evaluators.specs import load_evaluators

    folder, names = settings.project / "config" / "evaluators", None if known else config.evaluators or None
    return load_evaluators(folder, names, judge_model=judge_models(config, settings))
