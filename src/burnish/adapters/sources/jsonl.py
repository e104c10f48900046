"""burnish's own file format: one trace a line, as JSON, with `feedback` on it; gzip where the name ends in .gz."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedIOBase
from pathlib import Path

from pydantic import ValidationError

from burnish.adapters.sources.base import Batch, Problem
from burnish.adapters.sources.files import find_files, open_binary, read_files
from burnish.adapters.sources.jsontext import DEEPEST, nested_too_deep, parse_json
from burnish.adapters.sources.lines import MAX_LINE_BYTES, read_lines
from burnish.adapters.sources.registry import SourceContext
from burnish.domain.feedback import Feedback
from burnish.domain.traces import Trace

__all__ = ["JsonlSource", "open_jsonl", "write_jsonl"]

_BATCH_TRACES = 200
_BATCH_BYTES = 8 * 2**20
_SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


def write_jsonl(path: Path, records: Iterable[Trace | tuple[Trace, Sequence[Feedback]]]) -> int:
    """Write traces, with what was said of them where it is handed in, to `path`, replacing it; gives how many."""
    count = 0
    with _open_for_writing(path) as file:
        for record in records:
            trace, said = (record, ()) if isinstance(record, Trace) else record
            line = trace.model_dump_json()
            if said:
                feedback = ",".join(item.model_dump_json(exclude={"trace_id"}) for item in said)
                line = f'{line[:-1]},"feedback":[{feedback}]}}'
            file.write(line.encode() + b"\n")
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

    def files(self) -> tuple[list[Path], list[Problem]]:
        """The files that the path means now, and what is wrong with it."""
        return find_files(self._path, _SUFFIXES)

    def read(self) -> Iterator[Batch]:
        """Yield batches of at most 200 traces or 8 MiB of text; a bad line is a problem with its number."""
        return read_files(self)

    def read_file(self, path: Path) -> Iterator[Batch]:
        """Yield what one file holds."""
        traces: list[Trace] = []
        problems: list[Problem] = []
        feedback: list[Feedback] = []
        size = number = 0
        try:
            with open_binary(path) as file:
                for number, line in read_lines(file):
                    found = self.map_line(line, f"{path.name}:{number}")
                    if isinstance(found, Problem):
                        problems.append(found)
                    else:
                        traces.append(found[0])
                        feedback.extend(found[1])
                    size += len(line or b"")
                    if len(traces) + len(problems) >= _BATCH_TRACES or size >= _BATCH_BYTES:
                        yield Batch(traces, problems, feedback)
                        traces, problems, feedback, size = [], [], [], 0
        except (OSError, EOFError, zlib.error) as error:
            problems.append(Problem(where=f"{path.name}:{number + 1}", reason=f"cannot be read on: {error}"))
        if traces or problems:
            yield Batch(traces, problems, feedback)

    def map_line(self, line: bytes | None, where: str) -> tuple[Trace, list[Feedback]] | Problem:
        """What one line holds; None stands for a line that is too long."""
        if line is None:
            return Problem(where=where, reason=f"a line of more than {MAX_LINE_BYTES:,} bytes")
        try:
            record = parse_json(line.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            return Problem(where=where, reason=f"not valid JSON: {error}")
        if not isinstance(record, dict):
            return Problem(where=where, reason="not a JSON object")
        if line.count(b"{") + line.count(b"[") > DEEPEST and nested_too_deep(record):
            return Problem(where=where, reason=f"nested more than {DEEPEST} levels deep, which the store does not take")
        said = record.pop("feedback", None)
        try:
            trace = Trace.model_validate({"source": self.name, **record, "agent": self._agent})
            feedback = [
                Feedback.model_validate({**item, "trace_id": trace.trace_id} if isinstance(item, dict) else item)
                for item in (said if isinstance(said, list) else [] if said is None else [said])
            ]
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            return Problem(where=where, reason=f"not a {error.title.lower()}: {field}: {first['msg']}")
        stray = next((span.span_id for span in trace.spans if span.trace_id != trace.trace_id), None)
        if stray is not None:
            return Problem(where=where, reason=f"span {stray} belongs to another trace than {trace.trace_id}")
        return trace, feedback


def open_jsonl(context: SourceContext) -> JsonlSource:
    """The source of kind `jsonl`."""
    return JsonlSource(context.path(), context.agent)
