"""How the connectors speak HTTP: one client, failed requests tried again, refusals as SourceError with advice."""

import re
import time
from collections.abc import Callable, Container
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx

from burnish.adapters.sources.jsontext import parse_json
from burnish.domain.base import Json
from burnish.domain.retrying import Backoff, Retold, retry_after, worth_retrying
from burnish.errors import SourceError

__all__ = ["HttpClient", "RefusedError"]

_ADVICE = {
    403: "the key may not do this",
    404: "check url and project",
}


class RefusedError(SourceError):
    """The server answered with an error that no retry mends; `status` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, status)
        self.status = status

    def __str__(self) -> str:
        return str(self.args[0])


class _Failure(NamedTuple):
    """A try that may be repeated: why it failed, and the wait that the server asked for."""

    reason: str
    asked_s: float | None


class HttpClient:
    """Requests to one server.

    429, 5xx, time-outs and broken connections are tried again up to `attempts` times in all, waiting what Retry-After
    asks; requests of this package are reads or idempotent writes, so that a repetition is harmless, or go through
    `create`. Text of the server's refusals is cut to 300 characters; headers, and with them keys, never show in an
    error. `key_advice` is what to do after a 401.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: dict[str, str] | None = None,
        timeout_s: float = 60.0,
        attempts: int = 6,
        backoff: Backoff | None = None,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
        key_advice: str = "check the key",
    ) -> None:
        self.base_url = base_url
        self._advice = {401: key_advice, **_ADVICE}
        self._attempts = attempts
        self._backoff = backoff or Backoff()
        self._retold = Retold()
        self._sleep = sleep
        self._client = httpx.Client(base_url=base_url, headers=headers, timeout=timeout_s, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, params: Any = None) -> Json:
        """The JSON that GET answers with."""
        return self.call("GET", path, params=params)

    def post(self, path: str, body: Json) -> Json:
        """The JSON that POST of a JSON body answers with."""
        return self.call("POST", path, json=body)

    def call(self, method: str, path: str, **request: Any) -> Json:
        """The JSON of the answer, None where it has no body.

        Raises RefusedError for a status that retrying does not mend, SourceError once the attempts are used up or where
        the answer is no JSON.
        """
        return self._json(method, path, self.send(method, path, **request))

    def create(self, path: str, body: Json, made: Callable[[], Json]) -> Json:
        """The JSON that a POST answers with which must not be repeated blindly, as it makes something new each time.

        A try that failed may have been carried out: before each further one `made` is asked for what is there now, and
        anything but None is given back in its place.
        """
        failures = 0
        while True:
            result = self._attempt("POST", path, {"json": body})
            if isinstance(result, httpx.Response):
                return self._json("POST", path, result)
            failures += 1
            self._wait("POST", path, failures, result)
            there = made()
            if there is not None:
                return there

    def send(self, method: str, path: str, *, final: Container[int] = (), **request: Any) -> httpx.Response:
        """The successful response, after as many attempts as it takes; statuses in `final` are refused at once."""
        failures = 0
        while True:
            result = self._attempt(method, path, request, final)
            if isinstance(result, httpx.Response):
                return result
            failures += 1
            self._wait(method, path, failures, result)

    def _attempt(
        self, method: str, path: str, request: dict[str, Any], final: Container[int] = ()
    ) -> httpx.Response | _Failure:
        try:
            response = self._client.request(method, path, **request)
        except httpx.TransportError as error:
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            unreached = "; start it, or check url" if isinstance(error, httpx.ConnectError) else ""
            return _Failure(reason + unreached, None)
        if response.is_success:
            return response
        reason = f"{response.status_code} {_told(response.text)}".strip()
        if response.status_code not in final and worth_retrying(response.status_code, None):
            return _Failure(reason, retry_after(response.headers))
        advice = self._advice.get(response.status_code)
        raise RefusedError(
            f"{self._named(method, path)} answered {reason}" + (f"; {advice}" if advice else ""),
            response.status_code,
        )

    def _wait(self, method: str, path: str, failures: int, last: _Failure) -> None:
        if failures >= self._attempts:
            raise SourceError(f"{self._named(method, path)} failed {failures} times, the last time with: {last.reason}")
        left, wait = self._attempts - failures, self._backoff.wait(failures, last.asked_s)
        rest = self._backoff.longest(self._attempts - 1) - self._backoff.longest(failures)
        self._retold.tell(self._named(method, path), last.reason, left, wait + rest)
        self._sleep(wait)

    def _json(self, method: str, path: str, response: httpx.Response) -> Json:
        if not response.content:
            return None
        try:
            return parse_json(response.content.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            raise SourceError(
                f"{self._named(method, path)} answered with no JSON (starts {response.text[:60]!r}): check url"
            ) from error

    def _named(self, method: str, path: str) -> str:
        return f"{method} {path if path.startswith('http') else self.base_url + path}"


def _told(text: str) -> str:
    """What a refusal says, on one line and cut to 300 characters; of a page of HTML its words."""
    start = text[:10_000].lstrip()
    words = re.sub(r"<[^<>]*>", " ", start) if start.startswith("<") else start
    return " ".join(words.split())[:300]
