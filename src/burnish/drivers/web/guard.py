"""Guards around every page: who may ask for it, and what a browser may do with it."""

import ipaddress
import re
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["CONTENT_SECURITY_POLICY", "GuardHosts", "SecureHeaders", "host_allowed"]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

HOST = re.compile(r"(\[(?P<v6>[^\]]+)\]|(?P<name>[^:\[\]/?#@\\\s]+))(:\d*)?")

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: browsers would then say that our own forms come from nowhere (Origin: null).
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecureHeaders:
    """Adds the headers that keep a page from running, loading or leaking anything."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class GuardHosts:
    """Refuses requests under a name that is not ours.

    A site can point its own name at 127.0.0.1 and have its visitors' browsers read this server as "same origin"; the
    Host header then carries that site's name. An IP address cannot be rebound, so any is fine.
    """

    def __init__(self, app: ASGIApp, allowed: Sequence[str] = (), open_paths: Sequence[str] = ()) -> None:
        self._app = app
        self._allowed = frozenset(name.lower().rstrip(".") for name in allowed)
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 421 (misdirected)."""
        if scope["type"] == "http" and scope["path"] not in self._open_paths:
            host = Headers(scope=scope).get("host", "")
            if not host_allowed(host, self._allowed):
                answer = PlainTextResponse(
                    "This server does not answer to that host name; start it with --allow-host NAME.\n", 421
                )
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def host_allowed(header: str, allowed: frozenset[str]) -> bool:
    """Whether a Host header names this machine by address, as localhost, or by a name in `allowed`."""
    host = header.strip().lower()
    found = HOST.fullmatch(host)
    if found is None:
        return False
    name = found["v6"] or found["name"].rstrip(".")
    if name == "localhost" or name.endswith(".localhost") or name in allowed:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
