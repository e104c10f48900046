"""Langfuse's public API as far as we ask it, in the newest version that the server has.

Each question is asked in the newest version first; a 404 or 405 decides for the older one, once a connection. Sources:
the SDK 5.0 and Langfuse's API reference.
"""

from collections.abc import Iterator
from datetime import datetime

from burnish.adapters.sources.base import Window
from burnish.adapters.sources.fields import Item, count_in, items_in, object_in, text_in
from burnish.adapters.sources.http import HttpClient, RefusedError
from burnish.adapters.sources.paging import Page, read_pages
from burnish.domain.base import Json

__all__ = ["LangfuseApi"]

_FIELDS = "core,basic,time,io,metadata,model,usage,prompt,metrics,trace_context"
_PAGE = 1000  # the most that v2 gives; smaller with io, where 1,000 rows are too much for the server
_V1_PAGE = 100
_SCORES_PAGE = 100  # more is a 400
_MISSING = (404, 405)


class LangfuseApi:
    """Questions to one Langfuse project; the key pair decides which. Raises SourceError, as HttpClient does."""

    def __init__(
        self, http: HttpClient, *, environment: str | None, expand_metadata: str | None, page_size: int = _PAGE
    ) -> None:
        self._http = http
        self._environment = environment
        self._expand = expand_metadata
        self._page_size = page_size
        self._has_v2: bool | None = None
        self._scores_version: int | None = None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def has_observations(self) -> bool:
        """Whether the server has the v2 observations; False means Langfuse v3 and older."""
        if self._has_v2 is None:
            try:
                self._http.get("/api/public/v2/observations", {"limit": 1, "fields": "core"})
                self._has_v2 = True
            except RefusedError as error:
                if error.status not in _MISSING:
                    raise
                self._has_v2 = False
        return self._has_v2

    def observations(self, window: Window) -> Iterator[list[Item]]:
        """Observations that started in the window, a page at a time.

        The time bounds are parameters and `filter` is never sent: it would take precedence over them.
        """
        params: dict[str, str | int] = {"fields": _FIELDS, "limit": self._page_size}
        params["fromStartTime"] = _written(window.start)
        if window.end is not None:
            params["toStartTime"] = _written(window.end)
        if self._environment:
            params["environment"] = self._environment
        if self._expand:
            params["expandMetadata"] = self._expand
        return self._by_cursor("/api/public/v2/observations", params)

    def trace_ids(self, window: Window) -> Iterator[list[Item]]:
        """Traces of the older API with a timestamp in the window, oldest first, without their contents."""
        params: dict[str, str | int] = {"limit": _V1_PAGE, "fields": "core", "orderBy": "timestamp.asc"}
        params["fromTimestamp"] = _written(window.start)
        if window.end is not None:
            params["toTimestamp"] = _written(window.end)
        if self._environment:
            params["environment"] = self._environment
        return self._by_number("/api/public/traces", params)

    def trace(self, trace_id: str) -> Item | None:
        """One whole trace of the older API; None where it is gone since."""
        try:
            found = self._http.get(f"/api/public/traces/{trace_id}")
        except RefusedError as error:
            if error.status == 404:
                return None
            raise
        return found if isinstance(found, dict) else None

    def scores(self, since: datetime) -> Iterator[list[Item]]:
        """Scores with a timestamp since then, in the form of whichever version the server has."""
        version = self._scores_version or self._find_scores_version()
        params: dict[str, str | int] = {"limit": _SCORES_PAGE, "fromTimestamp": _written(since)}
        if self._environment:
            params["environment"] = self._environment
        if version == 3:
            params["fields"] = "details,subject,annotation"
            return self._by_cursor("/api/public/v3/scores", params)
        return self._by_number("/api/public/v2/scores" if version == 2 else "/api/public/scores", params)

    def write_scores(self, scores: list[Item]) -> tuple[int, Json]:
        """POST scores as one list; the status (202, or 207 where some were refused) and the answer."""
        response = self._http.send("POST", "/api/public/scores", json=scores)
        return response.status_code, response.json() if response.content else None

    def write_score(self, score: Item) -> None:
        """POST one score, as servers before v5 take it."""
        self._http.post("/api/public/scores", {**score})

    def _find_scores_version(self) -> int:
        for version, path in ((3, "/api/public/v3/scores"), (2, "/api/public/v2/scores")):
            try:
                self._http.get(path, {"limit": 1})
            except RefusedError as error:
                if error.status not in _MISSING:
                    raise
            else:
                self._scores_version = version
                return version
        self._scores_version = 1
        return 1

    def _by_cursor(self, path: str, params: dict[str, str | int]) -> Iterator[list[Item]]:
        def fetch(cursor: str | None) -> Page:
            answer = self._http.get(path, params if cursor is None else {**params, "cursor": cursor})
            body = answer if isinstance(answer, dict) else {}
            return Page(items_in(body, "data"), text_in(object_in(body, "meta"), "cursor"))

        return read_pages(fetch, f"Langfuse ({path})")

    def _by_number(self, path: str, params: dict[str, str | int]) -> Iterator[list[Item]]:
        """Pages by number. The server's count of pages is only a hint: it shrinks while traces are deleted."""

        def fetch(number: str | None) -> Page:
            page = int(number or 1)
            answer = self._http.get(path, {**params, "page": page})
            body = answer if isinstance(answer, dict) else {}
            items = items_in(body, "data")
            last = count_in(object_in(body, "meta"), "totalPages")
            more = bool(items) and (last is None or page < last)
            return Page(items, str(page + 1) if more else None)

        return read_pages(fetch, f"Langfuse ({path})")


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
