"""An OTLP/HTTP request body to spans: decompress within a limit, then decode by content type."""

import zlib
from dataclasses import dataclass, field

from burnish.adapters.sources.base import Problem
from burnish.adapters.sources.otlp.raw import RawSpan
from burnish.errors import InputError

__all__ = ["JSON_TYPES", "PROTOBUF_TYPES", "DecodedRequest", "decode_body", "media_type"]

PROTOBUF_TYPES = ("application/x-protobuf", "application/protobuf")
JSON_TYPES = ("application/json",)


@dataclass(slots=True)
class DecodedRequest:
    """The spans of one export request, and a problem for each span that was rejected."""

    spans: list[RawSpan] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def media_type(content_type: str) -> str:
    """The content type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def decode_body(body: bytes, content_type: str, content_encoding: str | None, *, max_bytes: int) -> DecodedRequest:
    """Decode one ExportTraceServiceRequest.

    `max_bytes` limits the body after decompression. Raises InputError with the reason where the body as a whole is
    unusable; a single bad span is a problem of the result instead.
    """
    data = _decompress(body, (content_encoding or "identity").strip().lower(), max_bytes)
    kind = media_type(content_type)
    if kind in PROTOBUF_TYPES:
        from burnish.adapters.sources.otlp.protobuf import read_protobuf

        spans, problems = read_protobuf(data)
    elif kind in JSON_TYPES:
        from burnish.adapters.sources.otlp.json_body import read_json

        spans, problems = read_json(data)
    else:
        raise InputError(
            f"content type '{kind[:100]}' is not OTLP; send application/x-protobuf or application/json",
        )
    return DecodedRequest(spans, problems)


def _decompress(body: bytes, encoding: str, max_bytes: int) -> bytes:
    if encoding in ("", "identity"):
        data = body
    elif encoding in ("gzip", "x-gzip"):
        data = _inflate(body, 31, encoding, max_bytes)
    elif encoding == "deflate":
        # "deflate" means zlib's format, but some clients send the bare stream; the first byte of zlib's tells.
        data = _inflate(body, 15 if body[:1] and body[0] & 0x0F == 8 else -15, encoding, max_bytes)
    else:
        raise InputError(f"content encoding '{encoding[:100]}' is not supported; send gzip, deflate or none")
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
