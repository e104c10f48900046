"""Langfuse's public API as far as we ask it, in the newest version that the server has.

Each question is put to the newest endpoint first; a 404, 405 or 501 decides for the older one, once a connection.
Sources: Langfuse's SDK 5.0 and its API reference.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from burnish.adapters.sources.base import Window
from burnish.adapters.sources.fields import Item, count_in, items_in, object_in, text_in
from burnish.adapters.sources.http import HttpClient, RefusedError
from burnish.adapters.sources.paging import MISSING, Page, first_answering, read_pages
from burnish.domain.base import Json
from burnish.errors import SourceError

__all__ = ["LangfuseApi", "written"]

Params = dict[str, str | int]

_FIELDS = "core,basic,time,io,metadata,model,usage,prompt,metrics,trace_context"
_PAGE = 1000  # the most that v2 gives
_LEAST_PAGE = 20
_OLDER_PAGE = 100
_SCORES_PAGE = 100  # more is a 400
_TRACES_AT_ONCE = 4


class LangfuseApi:
    """Questions to one Langfuse project; the key pair decides which. Raises SourceError, as HttpClient does."""

    def __init__(
        self, http: HttpClient, *, environment: str | None, expand_metadata: str | None, page_size: int = _PAGE
    ) -> None:
        self._http = http
        self._environment = environment
        self._expand = expand_metadata
        self._page_size = page_size
        self._versions: dict[str, int] = {}

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def window(self, window: Window) -> Iterator[tuple[int, list[Item]]]:
        """What started in the window, a page at a time: (2, observations), or (1, whole traces) from Langfuse v3."""
        newest: list[tuple[int, Callable[[], Iterator[list[Item]]]]] = [
            (2, lambda: self._observations(window)),
            (1, lambda: self._whole_traces(window)),
        ]
        return first_answering(self._versions, "observations", newest)

    def scores(self, since: datetime, source: str) -> Iterator[list[Item]]:
        """Scores of one source (ANNOTATION, API, EVAL) with a timestamp since then."""
        params: Params = {"limit": _SCORES_PAGE, "source": source, "fromTimestamp": written(since)}
        if self._environment:
            params["environment"] = self._environment
        newest: list[tuple[int, Callable[[], Iterator[list[Item]]]]] = [
            (3, lambda: self._by_cursor("/api/public/v3/scores", params | {"fields": "details,subject,annotation"})),
            (2, lambda: self._by_number("/api/public/v2/scores", params)),
            (1, lambda: self._by_number("/api/public/scores", params)),
        ]
        return (items for _, items in first_answering(self._versions, "scores", newest))

    def write_scores(self, scores: list[Item]) -> tuple[int, Json]:
        """POST scores as one list; the status (202, or 207 where some were refused) and the answer."""
        response = self._http.send("POST", "/api/public/scores", json=scores)
        return response.status_code, response.json() if response.content else None

    def write_score(self, score: Item) -> None:
        """POST one score, as servers before v5 take it."""
        self._http.post("/api/public/scores", {**score})

    def _observations(self, window: Window) -> Iterator[list[Item]]:
        # The time bounds are parameters and `filter` is never sent: it would take precedence over them.
        params: Params = {"fields": _FIELDS, "fromStartTime": written(window.start)}
        if window.end is not None:
            params["toStartTime"] = written(window.end)
        if self._environment:
            params["environment"] = self._environment
        if self._expand:
            params["expandMetadata"] = self._expand
        return self._by_cursor("/api/public/v2/observations", params, sized=True)

    def _whole_traces(self, window: Window) -> Iterator[list[Item]]:
        """Each trace is asked for by itself: it comes whole, and with `fields=core` the list is cheap to make."""
        params: Params = {"limit": _OLDER_PAGE, "fields": "core", "orderBy": "timestamp.asc"}
        params["fromTimestamp"] = written(window.start)
        if window.end is not None:
            params["toTimestamp"] = written(window.end)
        if self._environment:
            params["environment"] = self._environment
        with ThreadPoolExecutor(_TRACES_AT_ONCE, thread_name_prefix="burnish-langfuse") as several:
            for listed in self._by_number("/api/public/traces", params):
                ids = [trace_id for item in listed if (trace_id := text_in(item, "id")) is not None]
                yield [trace for trace in several.map(self._trace, ids) if trace is not None]

    def _trace(self, trace_id: str) -> Item | None:
        """One whole trace; None where it was deleted since it was listed."""
        try:
            found = self._http.get(f"/api/public/traces/{trace_id}")
        except RefusedError as error:
            if error.status == 404:
                return None
            raise
        return found if isinstance(found, dict) else None

    def _by_cursor(self, path: str, params: Params, *, sized: bool = False) -> Iterator[list[Item]]:
        """Pages by cursor. Where `sized`, a page that fails for good is asked for smaller: time-outs come of size."""

        def fetch(cursor: str | None) -> Page[Item]:
            while True:
                asked = params | ({"limit": self._page_size} if sized else {})
                try:
                    if cursor is not None:
                        asked = asked | {"cursor": cursor}
                    answer = self._http.call("GET", path, params=asked, final=MISSING)
                    break
                except RefusedError:
                    raise
                except SourceError:
                    if not sized or self._page_size <= _LEAST_PAGE:
                        raise
                    self._page_size = max(_LEAST_PAGE, self._page_size // 4)
            body = answer if isinstance(answer, dict) else {}
            return Page(items_in(body, "data"), text_in(object_in(body, "meta"), "cursor"))

        return read_pages(fetch, f"Langfuse ({path})")

    def _by_number(self, path: str, params: Params) -> Iterator[list[Item]]:
        """Pages by number, as long as the server says that there are more."""

        def fetch(number: str | None) -> Page[Item]:
            page = int(number or 1)
            answer = self._http.get(path, params | {"page": page})
            body = answer if isinstance(answer, dict) else {}
            items = items_in(body, "data")
            last = count_in(object_in(body, "meta"), "totalPages")
            more = bool(items) and (last is None or page < last)
            return Page(items, str(page + 1) if more else None)

        return read_pages(fetch, f"Langfuse ({path})")


def written(moment: datetime) -> str:
    """A time as the API takes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
