"""LangSmith's API on loopback, with v2 of its runs and, as self-hosted servers before 0.16, without.

Its answers are held against the SDK's own models in tests/contracts/test_langsmith_sdk.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from support.loopback import Answer, Asked, serving

__all__ = ["KEY", "PROJECT", "PROJECT_ID", "FakeLangsmith", "fake_langsmith", "given", "run", "uuid_of"]

KEY = "lsv2_test"
PROJECT = "support desk"


def uuid_of(name: str) -> str:
    """A stable UUID for a short name."""
    return str(uuid5(NAMESPACE_URL, name))


PROJECT_ID = uuid_of("project")
_QUERY_V2 = {
    "project_ids", "min_start_time", "max_start_time", "page_size", "selects", "cursor", "filter", "is_root",
    "min_feedback_modified_at", "max_feedback_modified_at", "trace_filter", "tree_filter", "has_error", "run_type",
}  # fmt: skip
_OLDER = {"project_id": "session_id"}
_CREATE = {
    "id", "run_id", "trace_id", "session_id", "key", "score", "value", "comment", "correction", "feedback_source",
    "extend_trace_retention", "start_time", "created_at", "modified_at", "extra", "feedback_config", "error",
}  # fmt: skip


class FakeLangsmith:
    """One project. `older` is a server without v2; `plan` holds answers to give first, `repeating` a cursor that
    circles."""

    def __init__(self, *, older: bool = False) -> None:
        self.older = older
        self.runs: list[dict[str, Any]] = []
        self.feedback: dict[str, dict[str, Any]] = {}
        self.plan: list[Answer] = []
        self.repeating = False
        self.asked: list[Asked] = []
        self.url = ""

    def answer(self, asked: Asked) -> Answer:
        """Route one request."""
        if asked.path == "/info":
            return Answer(200, {"version": "0.15.0" if self.older else "0.16.5"})
        self.asked.append(asked)
        if self.plan:
            return self.plan.pop(0)
        if asked.headers.get("x-api-key") != KEY:
            return Answer(401, {"detail": "Invalid token"})
        if asked.method == "POST" and asked.path == "/api/v2/runs/query" and not self.older:
            return self._query_v2(asked.body)
        if asked.method == "POST" and asked.path == "/runs/query":
            return self._query_v1(asked.body)
        if asked.method == "GET" and asked.path == "/sessions":
            names = asked.query.get("name", [PROJECT])
            listed = [
                {"id": PROJECT_ID, "name": PROJECT, "tenant_id": uuid_of("t"), "reference_dataset_id": None}
                | {"start_time": "2026-01-01T00:00:00"}
            ]
            return Answer(200, listed if names == [PROJECT] else [])
        if asked.path == "/feedback":
            return self._create(asked.body) if asked.method == "POST" else self._list(asked.query)
        if asked.method == "PATCH" and asked.path.startswith("/feedback/"):
            known = self.feedback.get(asked.path.rsplit("/", 1)[1])
            if known is None:
                return Answer(404, {"detail": "Feedback not found"})
            known |= asked.body
            return Answer(200, known)
        return Answer(404, {"detail": "Not Found"})

    def _query_v2(self, body: dict[str, Any]) -> Answer:
        size = body.get("page_size", 100)
        if set(body) - _QUERY_V2 or not 1 <= size <= 1000 or not all(map(str.isupper, body.get("selects", []))):
            return Answer(400, {"error": "invalid request"})
        if "min_feedback_modified_at" in body and "feedback_key" not in body.get("filter", ""):
            return Answer(400, {"error": "min_feedback_modified_at needs a feedback condition"})
        low, high = body.get("min_start_time", "2026-11-23"), body.get("max_start_time", "9999")
        rows = [one for one in self.runs if low <= _padded(one["start_time"]) < high]
        if "min_feedback_modified_at" in body:
            since = body["min_feedback_modified_at"]
            changed = {
                one["run_id"]
                for one in self.feedback.values()
                if _padded(one["modified_at"]) >= since and f'"{one["key"]}"' in body["filter"]
            }
            rows = [one for one in rows if one["id"] in changed]
        start = int(body.get("cursor", "0"))
        chosen = {name.lower() for name in body.get("selects", ["ID"])}
        items = [{name: value for name, value in one.items() if name in chosen} for one in rows[start : start + size]]
        found: dict[str, Any] = {"items": items}
        if start + size < len(rows):
            found["next_cursor"] = "1" if self.repeating else str(start + size)
        return Answer(200, found)

    def _query_v1(self, body: dict[str, Any]) -> Answer:
        limit = body.get("limit", 100)
        if limit > 100:
            return Answer(400, {"detail": "limit must be at most 100"})
        [session] = body["session"]
        UUID(session)
        low, high = body.get("start_time", ""), "9999"
        if "filter" in body:
            high = body["filter"].split('"')[1]
        rows = [_as_v1(one) for one in self.runs if low <= _padded(one["start_time"]) < high]
        start = int(body.get("cursor", "0"))
        more = start + limit < len(rows)
        kept = [{name: value for name, value in one.items() if name in body["select"]} for one in rows]
        return Answer(
            200, {"runs": kept[start : start + limit], "cursors": {"next": str(start + limit) if more else None}}
        )

    def _list(self, query: dict[str, list[str]]) -> Answer:
        limit, offset = int(query.get("limit", ["100"])[0]), int(query.get("offset", ["0"])[0])
        if limit > 100:
            return Answer(400, {"detail": "limit must be at most 100"})
        rows = [
            one
            for one in self.feedback.values()
            if ("run" not in query or one["run_id"] in query["run"])
            and ("session" not in query or one["session_id"] in query["session"])
            and _padded(one["created_at"]) >= query.get("min_created_at", [""])[0]
        ]
        return Answer(200, rows[offset : offset + limit])

    def _create(self, body: dict[str, Any]) -> Answer:
        UUID(body["id"])
        if set(body) - _CREATE or len(str(body.get("score", 0)).partition(".")[2]) > 4:
            return Answer(422, {"detail": "unprocessable"})
        if body["run_id"] not in {one["id"] for one in self.runs}:
            return Answer(404, {"detail": "Run not found"})
        if body["id"] in self.feedback:
            return Answer(409, {"detail": "Feedback with this id exists"})
        moment = "2026-11-21T00:00:00.000000+00:00"
        self.feedback[body["id"]] = {"created_at": moment, "modified_at": moment, **body}
        return Answer(200, self.feedback[body["id"]])


def _padded(moment: str) -> str:
    """A time of six decimals with a Z, to compare as text."""
    return moment.removesuffix("Z").removesuffix("+00:00").ljust(19)[:19] + ".000000Z"


def _as_v1(one: dict[str, Any]) -> dict[str, Any]:
    row = {_OLDER.get(name, name): value for name, value in one.items() if name not in ("metadata", "thread_id")}
    row["run_type"], row["status"] = row["run_type"].lower(), row["status"].lower()
    row["extra"] = {**row.get("extra", {}), "metadata": {**one.get("metadata", {})}}
    row["start_time"], row["end_time"] = row["start_time"].removesuffix("Z"), row["end_time"].removesuffix("Z")
    above = one.get("parent_run_ids") or []
    row["parent_run_id"] = above[-1] if above else None
    for side in ("prompt", "completion"):
        if f"{side}_token_details" in row:
            row[f"{side}_token_details"] = row[f"{side}_token_details"]["raw"]
    return row


def run(name: str, *, trace: str = "t1", above: tuple[str, ...] = (), second: int = 0, **fields: Any) -> Any:
    """A run as v2 gives it. `above` names its ancestors, the root first."""
    stamp = f"20261120T10{second // 60:02}{second % 60:02}000000Z"
    ids = [uuid_of(one) for one in (*above, name)]
    return {
        "id": ids[-1],
        "trace_id": uuid_of(trace),
        "project_id": PROJECT_ID,
        "name": name,
        "run_type": "CHAIN",
        "status": "SUCCESS",
        "start_time": f"2026-11-20T10:{second // 60:02}:{second % 60:02}Z",
        "end_time": f"2026-11-20T10:{second // 60:02}:{second % 60:02}Z",
        "parent_run_ids": ids[:-1],
        "dotted_order": ".".join(f"{stamp}{one}" for one in ids),
        "is_root": not above,
        "inputs": {},
        "outputs": {},
    } | fields


def given(name: str, *, on: str = "t1", trace: str = "t1", kind: str = "app", **fields: Any) -> dict[str, Any]:
    """A feedback as GET /feedback gives it."""
    return {
        "id": uuid_of(f"feedback {name}"),
        "created_at": "2026-11-20T12:00:00+00:00",
        "modified_at": "2026-11-20T12:00:00+00:00",
        "run_id": uuid_of(on),
        "trace_id": uuid_of(trace),
        "session_id": PROJECT_ID,
        "key": name,
        "score": None,
        "value": None,
        "comment": None,
        "correction": None,
        "feedback_source": {"type": kind, "metadata": {}, "user_id": None, "user_name": None},
    } | fields


@contextmanager
def fake_langsmith(*, older: bool = False) -> Iterator[FakeLangsmith]:
    """Serve until the block ends."""
    fake = FakeLangsmith(older=older)
    with serving(fake.answer) as url:
        fake.url = url
        yield fake
