"""Mappers to fuzz: whatever turns the parsed answer of a store or a line of a file into a Batch.

To have one more fuzzed, add a `Mapper`: its function takes anything that JSON can say and returns a Batch; InputError
and SourceError are the only exceptions it may raise. `seeds` are well-formed inputs, which are spoilt before it sees
them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.adapters.sources.base import Batch
from burnish.adapters.sources.otlp import spans_to_traces
from burnish.adapters.sources.otlp.body import DecodedRequest, add_logs
from burnish.adapters.sources.otlp.json_body import read_request

__all__ = ["Mapper", "mappers"]


@dataclass(frozen=True)
class Mapper:
    """A mapper by name."""

    name: str
    function: Callable[[Any], Batch]
    seeds: Sequence[Any]


def mappers(recorded: Sequence[dict[str, Any]], shared: Path | None) -> list[Mapper]:
    """All mappers. `recorded` are spans in OTLP/JSON, `shared` the folder of public recordings, if there is one."""
    spans = [{"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]} for span in recorded]
    return [Mapper("otlp", map_otlp, spans)]


def map_otlp(request: Any) -> Batch:
    """A parsed OTLP request, without its bytes."""
    spans, logs, problems = read_request(request)
    decoded = DecodedRequest(spans, problems)
    add_logs(decoded, logs, [])
    batch = spans_to_traces(decoded.spans, "agent", "otlp")
    return Batch(batch.traces, decoded.problems + batch.problems, [*decoded.feedback, *batch.feedback])
