"""Langfuse's public API on loopback, as v5 and as v3 have it: strict about requests, with a state of its own.

Its answers are held against the SDK's own models in tests/contracts/test_langfuse_sdk.py.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.loopback import Answer, Asked, serving

__all__ = ["PUBLIC", "SECRET", "FakeLangfuse", "fake_langfuse", "observation", "score"]

PUBLIC, SECRET = "pk-lf-test", "sk-lf-test"
_GROUPS = {
    "core": ("id", "traceId", "startTime", "endTime", "projectId", "parentObservationId", "type"),
    "basic": (
        "name", "level", "statusMessage", "version", "environment", "userId", "sessionId", "isRootObservation",
        "bookmarked", "public",
    ),
    "time": ("completionStartTime", "createdAt", "updatedAt"),
    "io": ("input", "output"),
    "metadata": ("metadata",),
    "model": ("model", "internalModelId", "modelParameters"),
    "usage": ("usageDetails", "costDetails", "totalCost", "usagePricingTierName"),
    "prompt": ("promptId", "promptName", "promptVersion"),
    "metrics": ("latency", "timeToFirstToken"),
    "trace_context": ("tags", "release", "traceName"),
}  # fmt: skip
_OBSERVATIONS = {
    "fields", "limit", "cursor", "fromStartTime", "toStartTime", "environment", "expandMetadata", "traceId", "type",
}  # fmt: skip
_SCORES = frozenset(("fields", "limit", "cursor", "fromTimestamp", "toTimestamp", "source", "environment", "traceId"))
_SCORE = {
    "id", "traceId", "observationId", "sessionId", "name", "value", "dataType", "comment", "metadata", "timestamp",
    "environment", "source", "configId", "queueId", "datasetRunId",
}  # fmt: skip


class FakeLangfuse:
    """One project. `older` is a server of v3; `plan` holds answers to give first, `repeating` a cursor that circles."""

    def __init__(self, *, older: bool = False) -> None:
        self.older = older
        self.observations: list[dict[str, Any]] = []
        self.traces: list[dict[str, Any]] = []
        self.scores: list[dict[str, Any]] = []
        self.written: dict[tuple[str, str], dict[str, Any]] = {}
        self.refused_names: set[str] = set()
        self.plan: list[Answer] = []
        self.repeating = False
        self.most_with_io = 1000  # more rows with io than this end in a time-out
        self.asked: list[Asked] = []
        self.url = ""

    def answer(self, asked: Asked) -> Answer:
        """Route one request."""
        self.asked.append(asked)
        if self.plan:
            return self.plan.pop(0)
        pair = base64.b64encode(f"{PUBLIC}:{SECRET}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {pair}":
            return Answer(401, {"message": "Invalid credentials. Confirm that you've configured the correct host."})
        route = (asked.method, asked.path.removeprefix("/api/public"))
        if route == ("POST", "/scores"):
            return self._one_score(asked.body) if self.older else self._list_of_scores(asked.body)
        if self.older:
            if route == ("GET", "/traces"):
                return self._by_number(asked, self.traces, "timestamp", {"fields", "orderBy"})
            if route == ("GET", "/v2/scores"):
                return self._by_number(asked, [_older_score(one) for one in self.scores], "timestamp", {"source"})
            if asked.path.startswith("/api/public/traces/"):
                found = [one for one in self.traces if one["id"] == asked.path.rsplit("/", 1)[1]]
                return Answer(200, found[0]) if found else Answer(404, {"message": "Trace not found"})
        elif route == ("GET", "/v2/observations"):
            return self._observations(asked)
        elif route == ("GET", "/v3/scores"):
            return self._scores(asked)
        return Answer(404, {"message": "not found"})

    def _observations(self, asked: Asked) -> Answer:
        limit = int(asked.query.get("limit", ["50"])[0])
        groups = asked.query.get("fields", ["core,basic"])[0].split(",")
        if set(asked.query) - _OBSERVATIONS or limit > 1000 or set(groups) - set(_GROUPS):
            return Answer(400, {"message": "Invalid request data"})
        if limit > self.most_with_io and "io" in groups:
            return Answer(524, None)
        expanded = asked.query.get("expandMetadata", [""])[0].split(",")
        kept = {name for group in groups for name in _GROUPS[group]}
        rows = []
        for one in _between(self.observations, "startTime", asked.query, "fromStartTime", "toStartTime"):
            row = {name: value for name, value in one.items() if name in kept}
            if isinstance(row.get("metadata"), dict):
                row["metadata"] = {
                    key: value if key in expanded else _cut(value) for key, value in row["metadata"].items()
                }
            rows.append(row)
        rows.sort(key=lambda row: str(row["startTime"]), reverse=True)
        return self._by_cursor(asked, rows, limit, {})

    def _scores(self, asked: Asked) -> Answer:
        limit = int(asked.query.get("limit", ["50"])[0])
        groups = asked.query.get("fields", [""])[0].split(",")
        if set(asked.query) - _SCORES or limit > 100 or set(groups) - {"", "details", "subject", "annotation"}:
            return Answer(400, {"message": "Invalid request data"})
        sources = asked.query.get("source", ["API,ANNOTATION,EVAL"])[0].split(",")
        rows = [
            one
            for one in _between(self.scores, "timestamp", asked.query, "fromTimestamp", "toTimestamp")
            if one["source"] in sources
        ]
        return self._by_cursor(asked, rows, limit, {"limit": limit})

    def _by_cursor(self, asked: Asked, rows: list[dict[str, Any]], limit: int, meta: dict[str, Any]) -> Answer:
        cursor = asked.query.get("cursor", [""])[0]
        start = int(base64.b64decode(cursor)) if cursor else 0
        if start + limit < len(rows):
            following = 0 if self.repeating else start + limit
            meta = {**meta, "cursor": base64.b64encode(str(following).encode()).decode()}
        return Answer(200, {"data": rows[start : start + limit], "meta": meta})

    def _by_number(self, asked: Asked, rows: list[dict[str, Any]], key: str, more: set[str]) -> Answer:
        known = {"page", "limit", "fromTimestamp", "toTimestamp", "environment"} | more
        limit, page = int(asked.query.get("limit", ["50"])[0]), int(asked.query.get("page", ["1"])[0])
        if set(asked.query) - known or limit > 100:
            return Answer(400, {"message": "Invalid request data"})
        rows = list(_between(rows, key, asked.query, "fromTimestamp", "toTimestamp"))
        if "source" in asked.query:
            rows = [row for row in rows if row["source"] == asked.query["source"][0]]
        if asked.query.get("fields") == ["core"]:
            rows = [{name: value for name, value in row.items() if name != "observations"} for row in rows]
        pages = -(-len(rows) // limit)
        meta = {"page": page, "limit": limit, "totalItems": len(rows), "totalPages": pages}
        return Answer(200, {"data": rows[(page - 1) * limit : page * limit], "meta": meta})

    def _list_of_scores(self, body: Any) -> Answer:
        if not isinstance(body, list) or not body:
            return Answer(400, {"message": "Invalid request data: expected array"})
        errors = [{"message": f"score {place}: {why}"} for place, one in enumerate(body) if (why := self._take(one))]
        if errors:
            return Answer(207, {"accepted": len(body) - len(errors), "rejected": len(errors), "errors": errors})
        return Answer(202, {"message": "Accepted"})

    def _one_score(self, body: Any) -> Answer:
        if not isinstance(body, dict):
            return Answer(400, {"message": "Invalid request data: expected object, received array"})
        why = self._take(body)
        return Answer(400, {"message": why}) if why else Answer(200, {"id": body["id"]})

    def _take(self, one: Any) -> str | None:
        """Store a score; the reason where it is refused."""
        if set(one) - _SCORE or not isinstance(one.get("traceId"), str) or one.get("value") is None:
            return "unknown or missing field"
        kind = one.get("dataType", "NUMERIC")
        if isinstance(one["value"], str) != (kind in ("CATEGORICAL", "TEXT", "CORRECTION")):
            return "value does not fit dataType"
        if one["name"] in self.refused_names:
            return "no config fits"
        self.written[one["id"], one["timestamp"]] = one
        return None


def _between(rows: list[dict[str, Any]], key: str, query: dict[str, list[str]], low: str, high: str) -> Iterator[Any]:
    least, most = query.get(low, [""])[0], query.get(high, ["9999"])[0]
    return (row for row in rows if least.replace("000Z", "Z") <= row[key] < most.replace("000Z", "Z"))


def _cut(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value)
    return value if len(text) <= 200 else text[:200]


def _older_score(one: dict[str, Any]) -> dict[str, Any]:
    subject, value = one["subject"], one["value"]
    row = {name: field for name, field in one.items() if name != "subject"}
    row["traceId"] = subject["traceId"] if subject["kind"] == "observation" else subject["id"]
    row["observationId"] = subject["id"] if subject["kind"] == "observation" else None
    if isinstance(value, (str, bool)):
        row |= {"stringValue": str(value), "value": float(value is True)}
    return row


def observation(span_id: str, *, trace_id: str = "t1", second: int = 0, **fields: Any) -> dict[str, Any]:
    """An observation as v2 gives it: input and output are text."""
    row: dict[str, Any] = {
        "id": span_id,
        "traceId": trace_id,
        "startTime": f"2026-11-20T10:{second // 60:02}:{second % 60:02}.000Z",
        "endTime": f"2026-11-20T10:{second // 60:02}:{second % 60:02}.500Z",
        "projectId": "p",
        "parentObservationId": None,
        "isRootObservation": fields.get("parentObservationId") is None,
        "type": "SPAN",
        "name": span_id,
        "level": "DEFAULT",
        "environment": "production",
    } | fields
    for side in ("input", "output"):
        if side in row and not isinstance(row[side], str):
            row[side] = json.dumps(row[side])
    return row


def score(score_id: str, value: Any, *, trace_id: str = "t1", span_id: str | None = None, **fields: Any) -> Any:
    """A score as v3 gives it."""
    kind = "BOOLEAN" if isinstance(value, bool) else "CATEGORICAL" if isinstance(value, str) else "NUMERIC"
    subject: dict[str, Any] = {"kind": "trace", "id": trace_id}
    if span_id is not None:
        subject = {"kind": "observation", "id": span_id, "traceId": trace_id}
    return {
        "id": score_id,
        "projectId": "p",
        "name": "helpful",
        "value": value,
        "dataType": kind,
        "source": "ANNOTATION",
        "timestamp": "2026-11-20T12:00:00.000Z",
        "createdAt": "2026-11-20T12:00:00.000Z",
        "updatedAt": "2026-11-20T12:00:00.000Z",
        "environment": "production",
        "subject": subject,
        "authorUserId": None,
        "comment": None,
        "metadata": {},
    } | fields


@contextmanager
def fake_langfuse(*, older: bool = False) -> Iterator[FakeLangfuse]:
    """Serve until the block ends."""
    fake = FakeLangfuse(older=older)
    with serving(fake.answer) as url:
        fake.url = url
        yield fake
