"""POST /v1/traces: OTLP over HTTP, protobuf or JSON."""

import hmac
import json
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from burnish.errors import InputError, StoreError

if TYPE_CHECKING:
    from burnish.loop.ingest import ReceiveResult

__all__ = ["MAX_BODY_BYTES", "receive_traces"]

MAX_BODY_BYTES = 64 * 2**20
JSON_TYPE = "application/json"
PROTOBUF_TYPES = ("application/x-protobuf", "application/protobuf")
RETRY_AFTER_S = 5
DEFAULT_AGENT = "unnamed"

# google.rpc.Code by HTTP status.
CODES = {400: 3, 401: 16, 413: 11, 415: 3, 503: 14}


async def receive_traces(request: Request) -> Response:
    """Store the spans of one export request.

    A 400, 401, 413 or 415 must not be sent again as it is; a 503 carries Retry-After and should be.
    """
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if not _authorised(request):
        return _refusal(401, "this server asks for a bearer token (BURNISH_INGEST_TOKEN)", kind)
    if kind != JSON_TYPE and kind not in PROTOBUF_TYPES:
        return _refusal(415, "send application/x-protobuf or application/json", JSON_TYPE)
    try:
        body = await _read(request)
        if body is None:
            return _refusal(413, f"the body is over {MAX_BODY_BYTES} bytes; send smaller batches", kind)
        result = await run_in_threadpool(_store, request, body, content_type)
    except ClientDisconnect:
        return Response(status_code=400)
    except InputError as error:
        return _refusal(400, str(error), kind)
    except StoreError as error:
        return _refusal(503, str(error), kind)
    from burnish.loop.ingest import encode_response

    return Response(encode_response(result, content_type), media_type=kind)


def _store(request: Request, body: bytes, content_type: str) -> "ReceiveResult":
    from burnish.loop.ingest import receive

    return receive(
        request.app.state.store,
        _agent(request),
        body,
        content_type,
        request.headers.get("content-encoding"),
        max_bytes=MAX_BODY_BYTES,
        screens=request.app.state.screens,
    )


def _agent(request: Request) -> str:
    """Whose traces these are where they do not say so themselves: the project's only agent, if it has one only."""
    known = list(request.app.state.agents)
    return known[0] if len(known) == 1 else DEFAULT_AGENT


def _authorised(request: Request) -> bool:
    token = request.app.state.settings.ingest_token
    if token is None:
        return True
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    expected = token.get_secret_value().encode()
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("utf-8", "replace"), expected)


async def _read(request: Request) -> bytes | None:
    """The body, or None as soon as it is known to be too large."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
        return None
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _refusal(status: int, reason: str, kind: str) -> Response:
    """A google.rpc.Status in the encoding of the request, as the OTLP specification asks."""
    headers = {}
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    code = CODES[status]
    if kind in PROTOBUF_TYPES:
        return Response(_status_message(code, reason), status, headers, media_type=kind)
    return Response(json.dumps({"code": code, "message": reason}), status, headers, media_type=JSON_TYPE)


def _status_message(code: int, reason: str) -> bytes:
    """google.rpc.Status on the wire: field 1 the code as a varint, field 2 the message as a string."""
    text = reason.encode("utf-8", "replace")
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
