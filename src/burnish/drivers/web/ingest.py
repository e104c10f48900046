"""POST /v1/traces and /v1/logs: OTLP over HTTP, protobuf or JSON."""

import json
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from burnish.drivers.web.intake import Place
from burnish.errors import InputError, StoreError

if TYPE_CHECKING:
    from burnish.loop.ingest import ReceiveResult

__all__ = ["receive_logs", "receive_traces", "refuse_metrics"]

JSON_TYPE = "application/json"
PROTOBUF_TYPES = ("application/x-protobuf", "application/protobuf")
RETRY_AFTER_S = {429: 1, 503: 5}
READ_S = 60.0
DEFAULT_AGENT = "unnamed"

# google.rpc.Code by HTTP status.
CODES = {400: 3, 401: 16, 404: 12, 413: 11, 415: 3, 429: 8, 503: 14}


async def receive_traces(request: Request) -> Response:
    """Store the spans of one export request.

    A 400, 401, 413 or 415 must not be sent again as it is; a 429 or 503 carries Retry-After and should be.
    """
    return await _receive(request, logs=False)


async def receive_logs(request: Request) -> Response:
    """Store what the log records of one export request tell of spans: what was said in them, and scores of them."""
    return await _receive(request, logs=True)


async def refuse_metrics(request: Request) -> Response:
    """Metrics are nothing to burnish: say so in a way that exporters log once and do not try again."""
    return _refusal(404, "burnish takes traces and logs; switch the exporter of metrics off for it", _kind(request))


async def _receive(request: Request, *, logs: bool) -> Response:
    kind = _kind(request)
    state = request.app.state
    caller = state.keyring.caller(request.headers.get("authorization", ""))
    if caller is None:
        return _refusal(
            401, "send a bearer token: an agent's own (api_key_env of its [source]) or the general one", kind
        )
    if kind != JSON_TYPE and kind not in PROTOBUF_TYPES:
        return _refusal(415, "send application/x-protobuf or application/json", JSON_TYPE)
    declared = _declared(request)
    limit: int = state.settings.ingest_body_bytes
    too_large = f"the body is over {limit} bytes; send smaller batches"
    if declared > limit:
        return _refusal(413, too_large, kind)
    place: Place | None = state.intake.place(declared)
    if place is None:
        return _refusal(429, "too many exports at once; send it again", kind)
    with place:
        try:
            with anyio.fail_after(READ_S):
                body = await _read(request, limit, place)
            if body is None:
                return _refusal(413, too_large, kind)
            work = partial(_store, request, body, caller.owner, logs)
            del body
            result = await anyio.to_thread.run_sync(work, limiter=state.ingest_limiter)
        except ClientDisconnect:
            return Response(status_code=400)
        except TimeoutError:
            return _refusal(503, f"the body did not come within {READ_S:g} s; send it again", kind)
        except BlockingIOError as error:
            return _refusal(429, str(error), kind)
        except InputError as error:
            return _refusal(400, str(error), kind)
        except StoreError as error:
            return _refusal(503, str(error), kind)
    from burnish.loop.ingest import encode_response

    return Response(encode_response(result, kind, logs=logs), media_type=kind)


def _store(request: Request, body: bytes, owner: str | None, logs: bool) -> "ReceiveResult":
    from burnish.loop.ingest import receive

    return receive(
        request.app.state.store,
        _agent(request),
        body,
        _kind(request),
        request.headers.get("content-encoding"),
        max_bytes=request.app.state.settings.ingest_body_bytes,
        owner=owner,
        logs=logs,
        screens=request.app.state.screens,
    )


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _agent(request: Request) -> str:
    """Whose traces these are where they do not say so themselves: the project's only agent, if it has one only."""
    known = list(request.app.state.agents)
    return known[0] if len(known) == 1 else DEFAULT_AGENT


def _declared(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdecimal() and len(declared) < 19 else 0


async def _read(request: Request, limit: int, place: Place) -> bytes | None:
    """The body, or None as soon as it is known to be too large.

    Raises BlockingIOError where there is no room for it, TimeoutError where it does not come.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            return None
        if not place.holds(size):
            raise BlockingIOError("too many bytes of exports at once; send it again")
        chunks.append(chunk)
    return b"".join(chunks)


def _refusal(status: int, reason: str, kind: str) -> Response:
    """A google.rpc.Status in the encoding of the request, as the OTLP specification asks."""
    headers = {}
    if status in RETRY_AFTER_S:
        headers["Retry-After"] = str(RETRY_AFTER_S[status])
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
