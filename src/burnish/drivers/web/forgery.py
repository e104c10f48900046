"""Requests that another site makes in a visitor's name: how they are told from the visitor's own."""

import hmac
from urllib.parse import parse_qsl, urlsplit

import anyio
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

__all__ = [
    "FIELD",
    "HEADER",
    "LARGEST_FORM",
    "SAFE_METHODS",
    "STRANGERS_FORM",
    "carries_token",
    "form_of",
    "own_site",
    "read_form",
]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD = "csrf"
HEADER = "x-csrf-token"
LARGEST_FORM = 4 * 2**20
STRANGERS_FORM = 64 * 2**10
READ_S = 60.0
MOST_FIELDS = 1_000
FORM = "application/x-www-form-urlencoded"


async def read_form(request: Request, largest: int = LARGEST_FORM) -> None:
    """Read a form's body, so that pages that are no coroutines find it with `form_of`.

    Raises HTTPException: 413 over `largest` bytes, 415 for another kind of body, 400 for one that is not text, 408
    where it takes longer than a minute to come.
    """
    body = bytearray()
    try:
        with anyio.fail_after(READ_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > largest:
                    raise HTTPException(413, "That is more text than a form may carry")
    except TimeoutError as error:
        raise HTTPException(408, "The form did not come within a minute") from error
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != FORM:
        raise HTTPException(415, f"Forms come as {FORM}")
    try:
        text = body.decode("ascii")
        fields = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise HTTPException(400, "That is no form") from error
    request.state.form = FormData([(name, value) for name, value in fields])


def form_of(request: Request) -> FormData:
    """The fields of the form that was sent; none for a request that only reads."""
    form: FormData = getattr(request.state, "form", None) or FormData()
    return form


def carries_token(request: Request, expected: str) -> bool:
    """Whether the request carries the session's token, in its header or its form."""
    given = request.headers.get(HEADER) or form_of(request).get(FIELD) or ""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), expected.encode())


def own_site(request: Request, site_names: frozenset[str]) -> bool:
    """Whether what the browser says of the request's origin fits: one of our own pages sent it.

    Tools that are no browser say nothing, and are held by the token alone. `site_names` are those of --allow-host.
    """
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None and fetched not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return True
    if origin == "null":
        return fetched == "same-origin"
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    # A proxy may ask us under another name than the browser knows; then only a configured name can be ours.
    return parts.netloc.lower() == request.headers.get("host", "").lower() or parts.hostname in site_names
