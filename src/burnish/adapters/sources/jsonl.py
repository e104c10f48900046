"""burnish's own file format: one trace a line, as JSON; gzip where the name ends in .gz."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from io import BufferedIOBase
from pathlib import Path

from pydantic import ValidationError

from burnish.adapters.sources.base import Batch, Problem
from burnish.adapters.sources.files import find_files, open_binary
from burnish.adapters.sources.jsontext import parse_json
from burnish.adapters.sources.registry import SourceContext
from burnish.domain.traces import Trace

__all__ = ["JsonlSource", "open_jsonl", "write_jsonl"]

_BATCH_TRACES = 200
_BATCH_BYTES = 8 * 2**20
_SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


def write_jsonl(path: Path, traces: Iterable[Trace]) -> int:
    """Write traces to `path`, replacing it; gives how many."""
    count = 0
    with _open_for_writing(path) as file:
        for trace in traces:
            file.write(trace.model_dump_json().encode() + b"\n")
            count += 1
    return count


def _open_for_writing(path: Path) -> BufferedIOBase:
    return gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb")


class JsonlSource:
    """Traces from JSON Lines files.

    All of them are `agent`'s: a line's own agent gives way, so that a file can be read under another name. `source`
    may be left out of a line.
    """

    name = "jsonl"

    def __init__(self, path: Path, agent: str) -> None:
        self._path = path
        self._agent = agent

    def read(self) -> Iterator[Batch]:
        """Yield batches of at most 200 traces or 8 MiB of text; a bad line is a problem with its number."""
        files, problems = find_files(self._path, _SUFFIXES)
        if problems:
            yield Batch([], problems)
        for file in files:
            yield from self._read(file)

    def _read(self, path: Path) -> Iterator[Batch]:
        batch = Batch([], [])
        size = number = 0
        try:
            with open_binary(path) as lines:
                for number, line in enumerate(lines, start=1):
                    if not line.strip():
                        continue
                    found = self._trace(line, f"{path.name}:{number}")
                    if isinstance(found, Trace):
                        batch.traces.append(found)
                    else:
                        batch.problems.append(found)
                    size += len(line)
                    if len(batch.traces) + len(batch.problems) >= _BATCH_TRACES or size >= _BATCH_BYTES:
                        yield batch
                        batch, size = Batch([], []), 0
        except (OSError, EOFError, zlib.error) as error:
            batch.problems.append(Problem(where=f"{path.name}:{number + 1}", reason=f"cannot be read on: {error}"))
        if batch.traces or batch.problems:
            yield batch

    def _trace(self, line: bytes, where: str) -> Trace | Problem:
        try:
            record = parse_json(line.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            return Problem(where=where, reason=f"not valid JSON: {error}")
        if not isinstance(record, dict):
            return Problem(where=where, reason="not a JSON object")
        try:
            trace = Trace.model_validate({"source": self.name, **record, "agent": self._agent})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            return Problem(where=where, reason=f"not a trace: {field}: {first['msg']}")
        stray = next((span.span_id for span in trace.spans if span.trace_id != trace.trace_id), None)
        if stray is not None:
            return Problem(where=where, reason=f"span {stray} belongs to another trace than {trace.trace_id}")
        return trace


def open_jsonl(context: SourceContext) -> JsonlSource:
    """The source of kind `jsonl`."""
    return JsonlSource(context.path(), context.agent)
