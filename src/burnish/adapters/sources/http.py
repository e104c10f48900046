"""How the connectors speak HTTP: one client, failed requests tried again, refusals as SourceError with advice."""

import time
from collections.abc import Callable, Container
from types import TracebackType
from typing import Any, Self

import httpx

from burnish.adapters.sources.jsontext import parse_json
from burnish.domain.base import Json
from burnish.domain.retrying import Backoff, retry_after, worth_retrying
from burnish.errors import SourceError

__all__ = ["HttpClient", "RefusedError"]

_ADVICE = {
    401: "check the key",
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


class HttpClient:
    """Requests to one server.

    429, 5xx, time-outs and broken connections are tried again up to `attempts` times in all, waiting what Retry-After
    asks; requests of this package are reads or idempotent writes, so that a repetition is harmless. Text of the
    server's refusals is cut to 300 characters; headers, and with them keys, never show in an error.
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
    ) -> None:
        self.base_url = base_url
        self._attempts = attempts
        self._backoff = backoff or Backoff()
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
        response = self.send(method, path, **request)
        if not response.content:
            return None
        try:
            found = parse_json(response.text)  # what a store answers with may hold NaN, NUL and lone surrogates
        except (ValueError, RecursionError) as error:
            raise SourceError(
                f"{self._named(method, path)} answered with no JSON (starts {response.text[:60]!r}): check url"
            ) from error
        return found

    def send(self, method: str, path: str, *, final: Container[int] = (), **request: Any) -> httpx.Response:
        """The successful response, after as many attempts as it takes; statuses in `final` are refused at once."""
        failures = 0
        while True:
            asked: float | None = None
            try:
                response = self._client.request(method, path, **request)
            except httpx.TransportError as error:
                reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            else:
                if response.is_success:
                    return response
                reason = f"{response.status_code} {response.text[:300].strip()}".strip()
                if response.status_code in final or not worth_retrying(response.status_code, None):
                    advice = _ADVICE.get(response.status_code)
                    raise RefusedError(
                        f"{self._named(method, path)} answered {reason}" + (f"; {advice}" if advice else ""),
                        response.status_code,
                    )
                asked = retry_after(response.headers)
            failures += 1
            if failures >= self._attempts:
                raise SourceError(f"{self._named(method, path)} failed {failures} times, the last time with: {reason}")
            self._sleep(self._backoff.wait(failures, asked))

    def _named(self, method: str, path: str) -> str:
        return f"{method} {path if path.startswith('http') else self.base_url + path}"
