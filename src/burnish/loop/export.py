"""Export: traces with what was said of them into a file of burnish's own format, which the source `jsonl` reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from burnish.adapters.sources.jsonl import write_jsonl
from burnish.domain.feedback import Feedback
from burnish.domain.listing import TraceQuery
from burnish.domain.traces import Trace

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["export_traces"]

_AT_ONCE = 100


def export_traces(store: "Store", query: TraceQuery, path: Path) -> int:
    """Write the traces that `query` means to `path`, newest first, a hundred in memory at a time; gives how many.

    The file takes its place only when it is whole. Where no trace fits, nothing is written.
    """
    ids = store.traces.ids(query)
    if not ids:
        return 0
    part = path.with_name(f".part-{path.name}")  # keeps the suffix, which says whether it is compressed
    try:
        count = write_jsonl(part, _records(store, ids))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


def _records(store: "Store", ids: list[str]) -> Iterator[tuple[Trace, list[Feedback]]]:
    for begin in range(0, len(ids), _AT_ONCE):
        some = ids[begin : begin + _AT_ONCE]
        said = store.feedback.for_traces(some)
        for trace in store.traces.load(some):
            yield trace, said.get(trace.trace_id, [])
