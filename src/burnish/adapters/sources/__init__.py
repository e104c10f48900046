"""Sources: turn what some store or exporter holds into traces."""

from burnish.adapters.sources.base import Batch, Problem, Source
from burnish.adapters.sources.jsonl import write_jsonl
from burnish.adapters.sources.registry import open_source

__all__ = ["Batch", "Problem", "Source", "open_source", "write_jsonl"]
