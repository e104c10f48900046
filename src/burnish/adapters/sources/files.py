"""Files that hold traces: which ones a path means, and OTLP requests in them."""

import glob
import gzip
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path

from burnish.adapters.sources.base import Batch, Problem, ReadsFiles
from burnish.adapters.sources.otlp import DecodedRequest, decode_body, spans_to_traces
from burnish.adapters.sources.registry import SourceContext
from burnish.errors import InputError

__all__ = ["OtlpFilesSource", "find_files", "open_binary", "open_otlp", "read_files"]

_BATCH_SPANS = 2000
_MAX_BYTES = 512 * 2**20  # one request in a file of one's own
_JSON, _PROTOBUF = "application/json", "application/x-protobuf"
_SUFFIXES = tuple(
    suffix + zipped for suffix in (".json", ".jsonl", ".ndjson", ".pb", ".binpb") for zipped in ("", ".gz")
)


def read_files(source: ReadsFiles) -> Iterator[Batch]:
    """Yield what is wrong with where the files are looked for, then what each of them holds."""
    files, problems = source.files()
    if problems:
        yield Batch([], problems)
    for file in files:
        yield from source.read_file(file)


def find_files(path: Path, suffixes: tuple[str, ...]) -> tuple[list[Path], list[Problem]]:
    """The files that `path` means, sorted: itself, those below a folder that end in `suffixes`, or those of a glob.

    A path that means no file at all is a problem, an empty folder is not.
    """
    if path.is_file():
        return [path], []
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.name.endswith(suffixes) and file.is_file()), []
    found = sorted(Path(name) for name in glob.glob(str(path), recursive=True))  # noqa: PTH207 - the pattern is absolute
    files = [file for file in found if file.is_file()]
    if files:
        return files, []
    return [], [Problem(where=str(path), reason="no such file or folder, and no file matches it as a pattern")]


def open_binary(path: Path) -> BufferedIOBase:
    """Open for reading, through gzip where the name ends in .gz."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


class OtlpFilesSource:
    """OTLP requests in files: .json, .jsonl (a request a line, as the Collector writes them) and .pb, each also .gz."""

    name = "otlp"

    def __init__(self, path: Path, agent: str) -> None:
        self._path = path
        self._agent = agent

    def files(self) -> tuple[list[Path], list[Problem]]:
        """The files that the path means now, and what is wrong with it."""
        return find_files(self._path, _SUFFIXES)

    def read_file(self, path: Path) -> Iterator[Batch]:
        """Yield what one of them holds."""
        return OtlpFilesSource(path, self._agent).read()

    def read(self) -> Iterator[Batch]:
        """Yield batches of about 2,000 spans, so that neighbouring requests of one trace come together."""
        files, problems = self.files()
        waiting = DecodedRequest(problems=problems)
        for file in files:
            for request in _requests(file):
                waiting.spans.extend(request.spans)
                waiting.problems.extend(request.problems)
                waiting.feedback.extend(request.feedback)
                if len(waiting.spans) + len(waiting.feedback) >= _BATCH_SPANS:
                    yield self._batch(waiting)
                    waiting = DecodedRequest()
        if waiting.spans or waiting.problems or waiting.feedback:
            yield self._batch(waiting)

    def _batch(self, waiting: DecodedRequest) -> Batch:
        mapped = spans_to_traces(waiting.spans, self._agent, self.name)
        return Batch(mapped.traces, waiting.problems + mapped.problems, [*waiting.feedback, *mapped.feedback])


def _requests(path: Path) -> Iterator[DecodedRequest]:
    try:
        with open_binary(path) as file:
            if path.name.removesuffix(".gz").endswith((".pb", ".binpb")):
                yield _decoded(file.read(_MAX_BYTES + 1), _PROTOBUF, path.name)
            else:
                yield from _json_requests(file, path.name)
    except (OSError, EOFError, zlib.error) as error:
        yield DecodedRequest([], [Problem(where=path.name, reason=f"cannot be read: {error}")])


def _json_requests(file: BufferedIOBase, name: str) -> Iterator[DecodedRequest]:
    """One request a line where the first line is one by itself; else the whole file is one, over many lines."""
    first = file.readline(_MAX_BYTES + 1)
    try:
        request = decode_body(first, _JSON, None, max_bytes=_MAX_BYTES)
    except InputError as error:
        rest = file.read(_MAX_BYTES + 1)
        if not name.removesuffix(".gz").endswith((".jsonl", ".ndjson")):
            yield _decoded(first + rest, _JSON, name)
            return
        yield DecodedRequest([], [Problem(where=f"{name}:1", reason=str(error))])
        lines: Iterator[bytes] = iter(rest.splitlines())
    else:
        yield _named(request, f"{name}:1")
        lines = iter(file)
    for number, line in enumerate(lines, start=2):
        if line.strip():
            yield _decoded(line, _JSON, f"{name}:{number}")


def _decoded(body: bytes, content_type: str, where: str) -> DecodedRequest:
    try:
        return _named(decode_body(body, content_type, None, max_bytes=_MAX_BYTES), where)
    except InputError as error:
        return DecodedRequest([], [Problem(where=where, reason=str(error))])


def _named(request: DecodedRequest, where: str) -> DecodedRequest:
    named = [Problem(where=f"{where}, {problem.where}", reason=problem.reason) for problem in request.problems]
    return DecodedRequest(request.spans, named, request.feedback)


def open_otlp(context: SourceContext) -> OtlpFilesSource:
    """The source of kind `otlp`."""
    return OtlpFilesSource(context.path(), context.agent)
