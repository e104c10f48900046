"""Sources: turn what some store or exporter holds into traces."""

from burnish.adapters.sources.base import (
    Annotates,
    Annotation,
    Batch,
    HearsPeople,
    KnownTrace,
    Problem,
    ReadsFiles,
    Source,
    Window,
    WindowedSource,
    Written,
)
from burnish.adapters.sources.jsonl import write_jsonl
from burnish.adapters.sources.registry import SourceContext, open_source

__all__ = [
    "Annotates",
    "Annotation",
    "Batch",
    "HearsPeople",
    "KnownTrace",
    "Problem",
    "ReadsFiles",
    "Source",
    "SourceContext",
    "Window",
    "WindowedSource",
    "Written",
    "open_source",
    "write_jsonl",
]
