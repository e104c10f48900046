"""Logs of Inspect AI: `.eval` archives and the older `.json` ones, a trace for each sample and epoch."""

from burnish.adapters.sources.inspect.samples import sample_trace
from burnish.adapters.sources.inspect.scores import sample_feedback
from burnish.adapters.sources.inspect.source import InspectSource, open_inspect

__all__ = ["InspectSource", "open_inspect", "sample_feedback", "sample_trace"]
