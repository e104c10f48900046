"""One chat-completions endpoint: the SDK says where it is and who asks, aiohttp carries the bytes.

Through the whole SDK a call costs 1.5 to 3 ms of CPU (2 to 3 with typed answers), nearly all of it copying options,
headers and URLs; at 32 calls of 50 ms that doubles the wall time. So AsyncOpenAI builds what stays the same once, and
a call is one aiohttp request: about 0.3 ms.
"""

import asyncio
import io
import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from burnish.errors import ConfigError

if TYPE_CHECKING:
    import ssl

    import aiohttp

__all__ = ["DEFAULT_BASE_URL", "ConnectionFailed", "Endpoint", "Exchange", "Wire", "encoded"]

DEFAULT_BASE_URL = "https://api.openai.com/v1"
CONNECT_TIMEOUT_S = 10.0
LONG_BODY = 2**20


class ConnectionFailed(Exception):  # noqa: N818 - not an error of ours: the retry loop catches it and speaks
    """No answer came: the endpoint was not reached, hung up or took too long."""


@dataclass(frozen=True, repr=False)
class Endpoint:
    """Where requests go and the headers they carry. `key` is kept to take it out of messages; never printed."""

    url: str
    headers: Mapping[str, str]
    key: str
    tls: "ssl.SSLContext | None" = None
    proxy: str | None = None

    @classmethod
    def of(cls, base_url: str | None, api_key: str) -> "Endpoint":
        """The endpoint at `base_url` (default: OpenAI's).

        Raises ConfigError where it is no http(s) URL or carries a password, and for a key that no header can carry.
        """
        url = (base_url or DEFAULT_BASE_URL).strip()
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(
                f"'{_without_user(url)}' is not the base URL of a model endpoint; "
                "write it like https://api.openai.com/v1 or http://127.0.0.1:11434/v1"
            )
        if parts.username is not None or parts.password is not None:
            raise ConfigError(
                f"the base URL '{_without_user(url)}' has a user or password in it: give the API key instead"
            )
        key = api_key.strip()  # a key read from a file often ends in a line break
        if not key.isprintable():
            raise ConfigError(f"the API key for '{_without_user(url)}' holds a line break or a control character")
        return _endpoint(url, key)

    @property
    def address(self) -> str:
        """The URL fit to be shown: without user, password and query."""
        return _without_user(self.url)

    def redact(self, text: str) -> str:
        """`text` without the key, which some endpoints repeat in their errors."""
        return text.replace(self.key, "[key]") if len(self.key) >= 6 else text

    def __repr__(self) -> str:
        return f"Endpoint({self.address!r})"


@lru_cache(maxsize=16)
def _endpoint(base_url: str, api_key: str) -> Endpoint:
    import httpx
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=base_url, api_key=api_key or "none", max_retries=0)
    given = {**client.default_headers, **client.auth_headers}
    headers = {name: value for name, value in given.items() if isinstance(value, str)}  # the rest is marked as omitted
    base = client.base_url
    url = str(base.copy_with(path=base.path.rstrip("/") + "/chat/completions"))
    # httpx's context brings its own certificates and heeds SSL_CERT_FILE; building it reads files, so it happens here.
    tls = httpx.create_ssl_context() if base.scheme == "https" else None
    return Endpoint(url, headers, api_key, tls, _proxy(base.scheme, str(base.host)))


def _proxy(scheme: str, host: str) -> str | None:
    """The proxy that the system's usual settings name, asked once: aiohttp's own look-up costs a thread a call."""
    if host in ("127.0.0.1", "localhost", "::1") or urllib.request.proxy_bypass(host):
        return None
    proxy = urllib.request.getproxies().get(scheme)
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


@dataclass(frozen=True)
class Exchange:
    """What came back: the status, the headers and the raw body."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return orjson.loads(self.body)
        except ValueError:
            pass
        try:
            return json.loads(self.body)  # other encodings, NaN
        except ValueError:
            return None


def encoded(body: Mapping[str, Any]) -> bytes:
    """The bytes of a request body; a lone surrogate, which no endpoint can read, becomes a question mark."""
    try:
        return orjson.dumps(body)
    except TypeError:  # numbers of more than 64 bits are no matter for json either
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


class Wire:
    """Sends request bodies to one endpoint, over one session an event loop."""

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        self.endpoint = endpoint
        self._timeout_s = timeout_s
        self._sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}

    async def post(self, data: bytes) -> Exchange:
        """Send one request body and read the whole answer. Raises ConnectionFailed; any HTTP status is an answer."""
        import aiohttp

        session = self._session()
        try:
            # A long body goes out in pieces, between which others have their turn.
            body = data if len(data) < LONG_BODY else io.BytesIO(data)
            async with session.post(self.endpoint.url, data=body, allow_redirects=False) as response:
                return Exchange(response.status, response.headers, await response.read())
        except aiohttp.ConnectionTimeoutError as error:
            raise ConnectionFailed(f"no connection within {CONNECT_TIMEOUT_S:g} s") from error
        except TimeoutError as error:
            raise ConnectionFailed(f"no answer within {self._timeout_s:g} s") from error
        except aiohttp.ClientError as error:
            raise ConnectionFailed(f"{type(error).__name__}: {self.endpoint.redact(str(error))}") from error

    async def aclose(self) -> None:
        """Close the session of the running loop. Whoever used the wire in several loops closes it in each."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    def _session(self) -> "aiohttp.ClientSession":
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = self._sessions[loop] = self._open()
        return session

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp

        from burnish.adapters.llm.sending import request_class

        # The model's limit bounds what is in flight, so the pool needs no bound of its own.
        connector = aiohttp.TCPConnector(limit=0, ssl=self.endpoint.tls or True)
        return aiohttp.ClientSession(
            connector=connector,
            proxy=self.endpoint.proxy,
            headers=self.endpoint.headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=CONNECT_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            request_class=request_class(),
        )
