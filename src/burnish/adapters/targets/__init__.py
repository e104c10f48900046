"""Targets: ways to run the agent at a version."""

from burnish.adapters.targets.command import CommandTarget
from burnish.adapters.targets.prompt import PromptTarget
from burnish.adapters.targets.python import PythonTarget
from burnish.adapters.targets.registry import OfflineTarget, open_target
from burnish.adapters.targets.spans import ParseSpans

__all__ = ["CommandTarget", "OfflineTarget", "ParseSpans", "PromptTarget", "PythonTarget", "open_target"]
