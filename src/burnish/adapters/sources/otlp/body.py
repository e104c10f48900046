"""An OTLP/HTTP request body to spans: decompress within a limit, then decode by content type."""

import sys
import zlib
from dataclasses import dataclass, field

from burnish.adapters.sources.base import Problem
from burnish.adapters.sources.otlp.logs import RawLog, content_of, evaluation_of
from burnish.adapters.sources.otlp.raw import RawSpan
from burnish.domain.feedback import Feedback
from burnish.errors import InputError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["JSON_TYPES", "PROTOBUF_TYPES", "DecodedRequest", "decode_body", "media_type"]

PROTOBUF_TYPES = ("application/x-protobuf", "application/protobuf")
JSON_TYPES = ("application/json",)
_WINDOW_LOG = 23  # 8 MB, what a decoder must offer by RFC 8878; a frame that asks for more memory is refused


@dataclass(slots=True)
class DecodedRequest:
    """The spans of one export request, a problem for each span or log record that was rejected, and scores in logs.

    The content of a log record is a span too, one that is marked so (`RawSpan.logged`).
    """

    spans: list[RawSpan] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)


def media_type(content_type: str) -> str:
    """The content type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def decode_body(
    body: bytes, content_type: str, content_encoding: str | None, *, max_bytes: int, logs: bool = False
) -> DecodedRequest:
    """Decode one ExportTraceServiceRequest, or with `logs` one ExportLogsServiceRequest; JSON may hold both.

    `max_bytes` limits the body after decompression. Raises InputError with the reason where the body as a whole is
    unusable; a single bad span is a problem of the result instead.
    """
    data = _decompress(body, (content_encoding or "identity").strip().lower(), max_bytes)
    kind = media_type(content_type)
    if kind in PROTOBUF_TYPES:
        from burnish.adapters.sources.otlp.protobuf import read_protobuf, read_protobuf_logs

        decoded = DecodedRequest()
        if logs:
            add_logs(decoded, *read_protobuf_logs(data))
        else:
            decoded.spans, decoded.problems = read_protobuf(data)
        return decoded
    if kind in JSON_TYPES:
        from burnish.adapters.sources.otlp.json_body import read_json

        decoded = DecodedRequest()
        decoded.spans, found, decoded.problems = read_json(data)
        add_logs(decoded, found, [])
        return decoded
    raise InputError(f"content type '{kind[:100]}' is not OTLP; send application/x-protobuf or application/json")


def add_logs(decoded: DecodedRequest, logs: list[RawLog], problems: list[Problem]) -> None:
    """Add what log records tell of spans."""
    decoded.problems.extend(problems)
    for log in logs:
        try:
            content, score = content_of(log), evaluation_of(log)
        except ValueError as error:
            decoded.problems.append(Problem(where=f"log record '{log.name[:80]}'", reason=str(error)))
            continue
        if content is not None:
            decoded.spans.append(content)
        if score is not None:
            decoded.feedback.append(score)


def _decompress(body: bytes, encoding: str, max_bytes: int) -> bytes:
    if encoding in ("", "identity"):
        data = body
    elif encoding in ("gzip", "x-gzip"):
        data = _inflate(body, 31, encoding, max_bytes)
    elif encoding == "deflate":
        # "deflate" means zlib's format, but some clients send the bare stream; the first byte of zlib's tells.
        data = _inflate(body, 15 if body[:1] and body[0] & 0x0F == 8 else -15, encoding, max_bytes)
    elif encoding == "zstd":
        data = _unzstd(body, max_bytes)
    else:
        raise InputError(f"content encoding '{encoding[:100]}' is not supported; send gzip, zstd, deflate or none")
    if len(data) > max_bytes:
        raise InputError(f"the body is over {max_bytes} bytes; send smaller batches")
    return data


def _inflate(body: bytes, window_bits: int, encoding: str, max_bytes: int) -> bytes:
    pieces: list[bytes] = []
    room = max_bytes + 1
    rest = body
    while rest and room > 0:  # gzip may hold several members one after another
        stream = zlib.decompressobj(window_bits)
        try:
            piece = stream.decompress(rest, room)
        except zlib.error as error:
            raise InputError(f"the body is not valid {encoding}: {error}") from error
        pieces.append(piece)
        room -= len(piece)
        if not stream.eof:
            if room > 0:
                raise InputError(f"the {encoding} body ends too early; send it whole")
            break
        rest = stream.unused_data
    return b"".join(pieces)


def _unzstd(body: bytes, max_bytes: int) -> bytes:
    pieces: list[bytes] = []
    room = max_bytes + 1
    rest = body
    while rest and room > 0:  # zstd too may hold several frames
        stream = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})
        try:
            piece = stream.decompress(rest, room)
        except (zstd.ZstdError, ValueError) as error:
            raise InputError(f"the body is not valid zstd: {error}") from error
        pieces.append(piece)
        room -= len(piece)
        if not stream.eof:
            if room > 0:
                raise InputError("the zstd body ends too early; send it whole")
            break
        rest = stream.unused_data
    return b"".join(pieces)
