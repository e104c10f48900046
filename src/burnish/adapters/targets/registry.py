"""The target that an agent's file names."""

from collections.abc import Callable, Mapping
from typing import Protocol

from burnish.adapters.targets.command import CommandTarget
from burnish.adapters.targets.prompt import PromptTarget
from burnish.adapters.targets.python import PythonTarget
from burnish.adapters.targets.spans import ParseSpans
from burnish.domain.chat import ChatModel
from burnish.domain.experiments import Target
from burnish.project import TargetConfig

__all__ = ["OfflineTarget", "open_target"]


class OfflineTarget(Target, Protocol):
    """A target that may own processes."""

    async def aclose(self) -> None:
        """End them, in the event loop that ran them."""
        ...


def open_target(
    config: TargetConfig,
    agent: str,
    *,
    model: Callable[[], ChatModel],
    environ: Mapping[str, str],
    parse_spans: ParseSpans | None = None,
    temperature: float = 0.0,
    max_tokens: int = 1024,
) -> OfflineTarget:
    """Build the target of an agent. Starts nothing yet.

    `model` is called for a prompt target only and gives what it asks; `environ` is our environment, of which little
    reaches the agent. Raises TargetError where [target] lacks what its kind needs.
    """
    match config.kind:
        case "prompt":
            return PromptTarget(model(), config, agent=agent, temperature=temperature, max_tokens=max_tokens)
        case "python":
            return PythonTarget(config, environ, agent=agent, parse_spans=parse_spans)
        case "command":
            return CommandTarget(config, environ, agent=agent, parse_spans=parse_spans)
