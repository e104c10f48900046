"""The source of kind `openai_chat`."""

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BufferedIOBase
from pathlib import Path

from burnish.adapters.sources.base import Batch, Problem
from burnish.adapters.sources.chatlogs.traces import record_trace
from burnish.adapters.sources.files import find_files, open_binary, read_files
from burnish.adapters.sources.jsontext import parse_json
from burnish.adapters.sources.lines import MAX_LINE_BYTES, read_lines
from burnish.adapters.sources.registry import SourceContext
from burnish.domain.base import Json
from burnish.domain.traces import Trace

__all__ = ["ChatLogSource", "open_openai_chat"]

_BATCH_TRACES = 200
_BATCH_BYTES = 8 * 2**20
_MAX_FILE_BYTES = 256 * 2**20  # of a .json file, which has to be read whole
_LINED = (".jsonl", ".ndjson")
_SUFFIXES = tuple(suffix + zipped for suffix in (*_LINED, ".json") for zipped in ("", ".gz"))

Piece = tuple[str, Json | Problem, int]  # where it stands, the record or why there is none, its size


class ChatLogSource:
    """Chat logs: .jsonl with a record a line, or .json with one record, a list of them or a list of messages.

    Records without a time are dated by when their file was last changed.
    """

    name = "openai_chat"

    def __init__(self, path: Path, agent: str) -> None:
        self._path = path
        self._agent = agent

    def files(self) -> tuple[list[Path], list[Problem]]:
        """The files that the path means now, and what is wrong with it."""
        return find_files(self._path, _SUFFIXES)

    def read(self) -> Iterator[Batch]:
        """Yield batches of at most 200 traces or 8 MiB of text."""
        return read_files(self)

    def read_file(self, path: Path) -> Iterator[Batch]:
        """Yield what one file holds; a bad record is a problem with its place."""
        batch, size = Batch([], []), 0
        where = path.name
        try:
            dated = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            with open_binary(path) as file:
                lined = path.name.removesuffix(".gz").endswith(_LINED)
                for where, record, length in _records(file, path.name, lined):
                    found = record if isinstance(record, Problem) else self.map_record(record, where, dated)
                    if isinstance(found, Trace):
                        batch.traces.append(found)
                    else:
                        batch.problems.append(found)
                    size += length
                    if len(batch.traces) + len(batch.problems) >= _BATCH_TRACES or size >= _BATCH_BYTES:
                        yield batch
                        batch, size = Batch([], []), 0
        except (OSError, EOFError, zlib.error) as error:
            batch.problems.append(Problem(where=where, reason=f"cannot be read on: {error}"))
        if batch.traces or batch.problems:
            yield batch

    def map_record(self, record: Json, where: str, dated: datetime) -> Trace | Problem:
        """The trace of a record, `dated` where it says no time, or why there is none."""
        try:
            return record_trace(record, self._agent, self.name, dated)
        except (ValueError, RecursionError, OverflowError) as error:
            return Problem(where=where, reason=f"not a chat that can be read: {error}")


def _records(file: BufferedIOBase, name: str, lined: bool) -> Iterator[Piece]:
    if lined:
        yield from _lines(read_lines(file), name)
        return
    content = file.read(_MAX_FILE_BYTES + 1)
    if len(content) > _MAX_FILE_BYTES:
        yield name, Problem(where=name, reason=f"more than {_MAX_FILE_BYTES:,} bytes; use .jsonl, a record a line"), 0
        return
    whole = _parsed(content)
    if isinstance(whole, Problem) and b"\n" in content.strip():  # lines, under the name of one text
        numbered = ((number, line) for number, line in enumerate(content.splitlines(), start=1) if line.strip())
        yield from _lines(numbered, name)
        return
    if isinstance(whole, dict) and isinstance(whole.get("data"), list) and "messages" not in whole:
        whole = whole["data"]  # a page of stored completions
    if isinstance(whole, list) and not _is_conversation(whole):
        each = len(content) // max(1, len(whole))
        for number, record in enumerate(whole, start=1):
            yield f"{name}, record {number}", record, each
        return
    yield name, _placed(whole, name), len(content)


def _lines(lines: Iterator[tuple[int, bytes | None]], name: str) -> Iterator[Piece]:
    for number, line in lines:
        where = f"{name}:{number}"
        if line is None:
            yield where, Problem(where=where, reason=f"a line of more than {MAX_LINE_BYTES:,} bytes"), 0
        else:
            yield where, _placed(_parsed(line), where), len(line)


def _parsed(content: bytes) -> Json | Problem:
    try:
        return parse_json(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return Problem(where="", reason=f"not valid JSON: {error}")


def _placed(found: Json | Problem, where: str) -> Json | Problem:
    return Problem(where=where, reason=found.reason) if isinstance(found, Problem) else found


def _is_conversation(items: list[Json]) -> bool:
    """Whether a list is the messages of one conversation rather than records."""
    return bool(items) and all(isinstance(item, dict) and "role" in item and "messages" not in item for item in items)


def open_openai_chat(context: SourceContext) -> ChatLogSource:
    """The source of kind `openai_chat`."""
    return ChatLogSource(context.path(), context.agent)
