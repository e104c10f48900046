"""LangSmith's API as far as we ask it: runs in v2 and, for self-hosted servers before 0.16, in v1; feedback.

Source: LangSmith's SDK 0.15 and its API reference.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from burnish.adapters.sources.base import Window
from burnish.adapters.sources.fields import Item, items_in, object_in, text_in
from burnish.adapters.sources.http import HttpClient, RefusedError
from burnish.adapters.sources.paging import MISSING, Page, first_answering, read_pages
from burnish.domain.base import Json, utc_now
from burnish.errors import SourceError

__all__ = ["LangsmithApi"]

# Without `selects` only ids come back. v1 refuses names that it does not know: these are those of the SDK.
# fmt: off
_SELECTS: list[Json] = [
    "ID", "NAME", "RUN_TYPE", "STATUS", "START_TIME", "END_TIME", "FIRST_TOKEN_TIME", "ERROR", "EXTRA", "METADATA",
    "INPUTS", "OUTPUTS", "PARENT_RUN_IDS", "PROJECT_ID", "TRACE_ID", "THREAD_ID", "DOTTED_ORDER", "IS_ROOT",
    "PROMPT_TOKENS", "COMPLETION_TOKENS", "TOTAL_TOKENS", "TOTAL_COST", "PROMPT_TOKEN_DETAILS",
    "COMPLETION_TOKEN_DETAILS", "TAGS",
]
_SELECT: list[Json] = [
    "id", "name", "run_type", "status", "start_time", "end_time", "first_token_time", "error", "extra", "inputs",
    "outputs", "parent_run_id", "parent_run_ids", "session_id", "trace_id", "dotted_order", "prompt_tokens",
    "completion_tokens", "total_tokens", "total_cost", "tags",
]
# fmt: on
_PAGE = 1000
_OLDER_PAGE = 100  # v1 answers 400 to more
_FEEDBACK_PAGE = 100
_RUNS_AT_ONCE = 50  # ids in one query string


class LangsmithApi:
    """Questions to one LangSmith project, named by its name or its id. Raises SourceError, as HttpClient does.

    `older` is the path before the endpoints of v1, which self-hosted servers have and the Cloud has not.
    """

    def __init__(self, http: HttpClient, project: str, *, older: str = "", page_size: int = _PAGE) -> None:
        self._http = http
        self._project = project
        self._older = older
        self._page_size = page_size
        self._versions: dict[str, int] = {}
        self._project_id: str | None = None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def project_id(self) -> str:
        """The project's id, looked up once where its name was given. Raises SourceError where there is none."""
        if self._project_id is None:
            try:
                self._project_id = str(UUID(self._project))
            except ValueError:
                self._project_id = self._looked_up()
        return self._project_id

    def runs(self, window: Window) -> Iterator[list[Item]]:
        """Runs that started in the window, a page at a time."""
        newest: list[tuple[int, Callable[[], Iterator[list[Item]]]]] = [
            (2, lambda: self._runs_v2(window, {"selects": _SELECTS})),
            (1, lambda: self._runs_v1(window)),
        ]
        return (items for _, items in first_answering(self._versions, "runs", newest))

    def rerated_runs(self, window: Window, since: datetime, keys: Sequence[str]) -> Iterator[list[Item]]:
        """Ids of runs in the window whose feedback under one of the keys was written or changed since then.

        v2 only; nothing where the server has v1. The condition needs a key: the API has none for "any feedback".
        """
        named = [f'eq(feedback_key, "{_quoted(key)}")' for key in keys]
        condition = named[0] if len(named) == 1 else f"or({', '.join(named)})"
        extra: Item = {"selects": ["ID"], "filter": condition, "min_feedback_modified_at": _written(since)}
        if self._versions.get("runs") == 1:
            return
        try:
            yield from self._runs_v2(window, extra)
        except RefusedError as error:
            if error.status not in MISSING:
                raise

    def feedback_since(self, since: datetime) -> Iterator[list[Item]]:
        """The project's feedback that was created since then."""
        return self._feedback({"session": self.project_id, "min_created_at": _written(since)})

    def feedback_on(self, run_ids: Sequence[str]) -> Iterator[list[Item]]:
        """All feedback on these runs."""
        for start in range(0, len(run_ids), _RUNS_AT_ONCE):
            yield from self._feedback({"run": list(run_ids[start : start + _RUNS_AT_ONCE])})

    def create_feedback(self, feedback: Item) -> bool:
        """POST feedback; False where there is one of its id already."""
        try:
            self._http.send("POST", f"{self._older}/feedback", final=(409,), json=feedback)
        except RefusedError as error:
            if error.status == 409:
                return False
            raise
        return True

    def update_feedback(self, feedback_id: str, changed: Item) -> None:
        """PATCH what may change of a feedback: score, value, comment and correction."""
        self._http.call("PATCH", f"{self._older}/feedback/{feedback_id}", json=changed)

    def _looked_up(self) -> str:
        found = self._http.get(f"{self._older}/sessions", {"name": self._project, "limit": 1})
        listed = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        project_id = text_in(listed[0], "id") if listed else None
        if project_id is None:
            raise SourceError(
                f"LangSmith has no project '{self._project}' that this key can see: check project, and url for the "
                "region (https://eu.api.smith.langchain.com in Europe)"
            )
        return project_id

    def _runs_v2(self, window: Window, extra: Item) -> Iterator[list[Item]]:
        # Without the bounds the server takes the last day.
        body: Item = {
            "project_ids": [self.project_id],
            "min_start_time": _written(window.start),
            "max_start_time": _written(window.end or utc_now()),
            "page_size": self._page_size,
            **extra,
        }

        def fetch(cursor: str | None) -> Page[Item]:
            asked = body if cursor is None else {**body, "cursor": cursor}
            answer = self._http.call("POST", "/api/v2/runs/query", json=asked, final=MISSING)
            found = answer if isinstance(answer, dict) else {}
            return Page(items_in(found, "items"), text_in(found, "next_cursor"))

        return read_pages(fetch, "LangSmith (v2/runs/query)")

    def _runs_v1(self, window: Window) -> Iterator[list[Item]]:
        body: Item = {
            "session": [self.project_id],
            "start_time": _written(window.start),
            "select": _SELECT,
            "limit": min(self._page_size, _OLDER_PAGE),
        }
        if window.end is not None:  # v1 has no end
            body["filter"] = f'lt(start_time, "{_written(window.end)}")'

        def fetch(cursor: str | None) -> Page[Item]:
            answer = self._http.post(
                f"{self._older}/runs/query", body if cursor is None else {**body, "cursor": cursor}
            )
            found = answer if isinstance(answer, dict) else {}
            return Page(items_in(found, "runs"), text_in(object_in(found, "cursors"), "next"))

        return read_pages(fetch, "LangSmith (runs/query)")

    def _feedback(self, params: dict[str, Json]) -> Iterator[list[Item]]:
        """Pages by offset: a page shorter than was asked for is the last."""

        def fetch(offset: str | None) -> Page[Item]:
            start = int(offset or 0)
            asked = {**params, "limit": _FEEDBACK_PAGE, "offset": start, "include_user_names": "true"}
            answer = self._http.get(f"{self._older}/feedback", asked)
            items = [one for one in answer if isinstance(one, dict)] if isinstance(answer, list) else []
            return Page(items, str(start + len(items)) if len(items) >= _FEEDBACK_PAGE else None)

        return read_pages(fetch, "LangSmith (feedback)")


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
