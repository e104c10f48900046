"""The two files that Inspect writes, read one sample at a time: a zip of JSON texts, or one JSON text."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from burnish.adapters.sources.base import Problem
from burnish.adapters.sources.inspect.zstd_entries import read_zstd_entry
from burnish.adapters.sources.jsontext import parse_json
from burnish.domain.base import Json

__all__ = ["MAX_LOG_BYTES", "MAX_SAMPLE_BYTES", "LoggedSample", "read_log"]

MAX_SAMPLE_BYTES = 256 * 2**20  # of one entry, unpacked: an archive that promises or holds more is not unpacked further
MAX_LOG_BYTES = 256 * 2**20  # of a .json log, which has to be read whole
_HEADERS = ("header.json", "_journal/start.json")  # the second alone is there while the evaluation runs
_ZSTANDARD = 93


class LoggedSample(NamedTuple):
    """A sample as it stands in a log, with what the log says of the evaluation; `where` names it in problems."""

    where: str
    evaluation: dict[str, Json]
    sample: dict[str, Json]


class _UnreadableError(Exception):
    """Why a file or an entry of it could not be read."""


def read_log(path: Path) -> Iterator[LoggedSample | Problem]:
    """Yield the samples of a log; an unreadable one is a problem and its neighbours are read."""
    try:
        yield from _archive(path) if path.suffix == ".eval" else _json_log(path)
    except (OSError, zipfile.BadZipFile) as error:
        yield Problem(where=path.name, reason=f"cannot be read: {error}; a log that is being written is read later")
    except _UnreadableError as error:
        yield Problem(where=path.name, reason=str(error))


def _archive(path: Path) -> Iterator[LoggedSample | Problem]:
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}  # written twice: the last one counts
        header = next((name for name in _HEADERS if name in entries), None)
        if header is None:
            raise _UnreadableError("no Inspect log: the archive has no header.json")
        evaluation = _evaluation(_entry(path, archive, entries[header]))
        for name, entry in entries.items():
            if not name.startswith("samples/") or not name.endswith(".json"):
                continue
            where = f"{path.name}/{name}"
            if name.count("/") > 1:
                if name.endswith("/sample.json"):
                    yield Problem(where=where, reason="this sample is stored in chunks, which are not read")
                continue
            try:
                sample = _entry(path, archive, entry)
            except (_UnreadableError, OSError, zipfile.BadZipFile, EOFError, zlib.error) as error:
                yield Problem(where=where, reason=f"cannot be read: {error}")
                continue
            if isinstance(sample, dict):
                yield LoggedSample(where, evaluation, sample)
            else:
                yield Problem(where=where, reason="not a JSON object")


def _json_log(path: Path) -> Iterator[LoggedSample | Problem]:
    size = path.stat().st_size
    if size > MAX_LOG_BYTES:
        raise _UnreadableError(f"{size:,} bytes; above {MAX_LOG_BYTES:,} convert it: inspect log convert --to eval")
    log = _parsed(path.read_bytes())
    evaluation = _evaluation(log)
    samples = log.get("samples") if isinstance(log, dict) else None
    for number, sample in enumerate(samples if isinstance(samples, list) else [], start=1):
        where = f"{path.name}, sample {number}"
        if isinstance(sample, dict):
            yield LoggedSample(where, evaluation, sample)
        else:
            yield Problem(where=where, reason="not a JSON object")


def _evaluation(header: Json) -> dict[str, Json]:
    found = header.get("eval") if isinstance(header, dict) else None
    if not isinstance(found, dict):
        raise _UnreadableError("no Inspect log: it has no 'eval' object")
    return found


def _entry(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Json:
    if entry.file_size > MAX_SAMPLE_BYTES:
        raise _UnreadableError(f"{entry.file_size:,} bytes unpacked, at most {MAX_SAMPLE_BYTES:,} are read")
    if entry.compress_type == _ZSTANDARD:
        try:
            content = read_zstd_entry(path, entry, MAX_SAMPLE_BYTES)
        except ValueError as error:
            raise _UnreadableError(str(error)) from error
    else:
        try:
            with archive.open(entry) as file:
                content = file.read(MAX_SAMPLE_BYTES + 1)
        except (NotImplementedError, RuntimeError) as error:  # an unknown method, a password
            raise _UnreadableError(str(error)) from error
    if len(content) > MAX_SAMPLE_BYTES:
        raise _UnreadableError(f"more than the {MAX_SAMPLE_BYTES:,} bytes that are read unpacked")
    return _parsed(content)


def _parsed(content: bytes) -> Json:
    try:
        return parse_json(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _UnreadableError(f"not valid JSON: {error}") from error
