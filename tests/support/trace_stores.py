"""Phoenix and MLflow on loopback, as far as the connectors ask them: in memory, in small pages, with faults on order.

The forms of requests and answers are those of Phoenix 20.26 and MLflow 3.17. `tests/external` holds the same promises
against the real servers.
"""

import base64
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from burnish.adapters.sources.http import HttpClient
from burnish.domain.retrying import Backoff
from support.loopback import Answer, Asked, serving

__all__ = ["Answer", "FakeMlflow", "FakePhoenix", "client_of", "mlflow_trace", "phoenix_span", "served"]

START = datetime(2026, 9, 1, 12, tzinfo=UTC)
TRACE = "0af7651916cd43dd8448eb211c80319c"


class FakeStore:
    """Records requests; `faults` are answered first, one a request, `after` those that come once it is carried out."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.faults: list[Answer | None] = []
        self.after: list[Answer | None] = []

    def handle(self, request: Asked) -> Answer:
        self.requests.append(request)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            return fault
        answer = self.answer(request)
        late = self.after.pop(0) if self.after and request.method == "POST" else None
        return answer if late is None else late

    def answer(self, request: Asked) -> Answer:
        raise NotImplementedError

    def paths(self, method: str) -> list[str]:
        """The paths asked for by a method."""
        return [request.path for request in self.requests if request.method == method]


def served(store: FakeStore) -> AbstractContextManager[str]:
    """Serve it; gives the address."""
    return serving(store.handle)


def client_of(url: str, waits: list[float] | None = None, **settings: Any) -> HttpClient:
    """A client that writes its waits down instead of waiting."""
    noted = [] if waits is None else waits
    return HttpClient(url, sleep=noted.append, backoff=Backoff(jitter=lambda: 1.0), **settings)


def phoenix_span(number: int, *, trace: str = TRACE, parent: int | None = None, **fields: Any) -> dict[str, Any]:
    """A span as Phoenix shows it, started `number` seconds after START."""
    moment = datetime.fromtimestamp(START.timestamp() + number, UTC).isoformat()
    return {
        "id": base64.b64encode(f"Span:{number}".encode()).decode(),
        "name": f"step {number}",
        "context": {"trace_id": trace, "span_id": f"{number:016x}"},
        "span_kind": "UNKNOWN",
        "parent_id": None if parent is None else f"{parent:016x}",
        "start_time": moment,
        "end_time": moment,
        "status_code": "UNSET",
        "status_message": "",
        "attributes": {},
        "events": [],
        **fields,
    }


class FakePhoenix(FakeStore):
    """One project, `default`; `page` is the most spans a page has, `cursors` may bend the cursor handed out."""

    def __init__(self, *spans: Any, page: int = 1000) -> None:
        super().__init__()
        self.spans, self.page = list(spans), page
        self.cursors: Callable[[str], str] = lambda cursor: cursor
        self.annotations: dict[tuple[str, str, str, str], dict[str, Any]] = {}

    def answer(self, request: Asked) -> Answer:
        kind = next((kind for kind in ("span", "trace") if request.path.endswith(f"/{kind}_annotations")), None)
        if request.path == "/v1/projects/default/spans":
            return self._spans(request.query)
        if request.path.startswith("/v1/projects/default/") and kind:
            ids = request.query[f"{kind}_ids"]
            found = [item for (of, target, _, _), item in self.annotations.items() if of == kind and target in ids]
            return Answer(body={"data": found, "next_cursor": None})
        if request.method == "POST" and kind and request.query.get("sync") == ["true"]:
            return self._annotate(kind, request.body["data"])
        return Answer(404, b"Project not found")

    def _spans(self, query: dict[str, list[str]]) -> Answer:
        assert (query["sort"], query["order"]) == (["id"], ["asc"])
        since = datetime.fromisoformat(query["start_time"][0])
        until = datetime.fromisoformat(query.get("end_time", ["9999-01-01T00:00:00+00:00"])[0])
        first = int(query.get("cursor", ["0"])[0])
        limit = min(self.page, int(query["limit"][0]))
        rows = [
            (number, item)
            for number, item in enumerate(self.spans)
            if number >= first and since <= datetime.fromisoformat(item["start_time"]) < until
        ]
        following = self.cursors(str(rows[limit][0])) if len(rows) > limit else None
        return Answer(body={"data": [item for _, item in rows[:limit]], "next_cursor": following})

    def _annotate(self, kind: str, items: list[dict[str, Any]]) -> Answer:
        places = {"span": "span_id", "trace": "trace_id"}
        known = {item["context"][places[kind]] for item in self.spans}
        missing = {item[f"{kind}_id"] for item in items} - known
        if missing:
            return Answer(404, f"{kind.title()}s with IDs {', '.join(missing)} do not exist.".encode())
        ids = []
        for item in items:
            key = (kind, item[f"{kind}_id"], item["name"], item["identifier"])
            made = self.annotations.get(key, {"id": f"made-{len(self.annotations)}"})
            moment = START.isoformat()
            self.annotations[key] = {"user_id": None, "source": "API", **made, **item, "updated_at": moment}
            ids.append({"id": made["id"]})
        return Answer(body={"data": ids})


def mlflow_value(value: Any) -> dict[str, Any]:
    """A value as MLflow shows an attribute's."""
    if isinstance(value, Mapping):
        return {"kvlist_value": {"values": [{"key": key, "value": mlflow_value(item)} for key, item in value.items()]}}
    if isinstance(value, list):
        return {"array_value": {"values": [mlflow_value(item) for item in value]}}
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, int):
        return {"int_value": value}
    return {} if value is None else {"double_value" if isinstance(value, float) else "string_value": value}


def mlflow_trace(
    number: int, *spans: Mapping[str, Any], millis: int | None = None, assessments: Any = (), **info: Any
) -> dict[str, Any]:
    """A trace as MLflow shows it; a span is a mapping of its attributes, with `name` and `parent` among them."""
    started = round(START.timestamp() * 1000) + (number if millis is None else millis)
    otel = f"{number + 1:032x}"
    shown = []
    for position, given in enumerate(spans or ({},), start=1):
        attributes = {**given, "mlflow.traceRequestId": f"tr-{otel}"}
        name, parent = attributes.pop("name", "step"), attributes.pop("parent", None)
        fields = {"status": attributes.pop("status", {}), "events": attributes.pop("events", [])}
        if parent is not None:
            fields["parent_span_id"] = base64.b64encode(bytes.fromhex(f"{parent:016x}")).decode()
        shown.append(
            {
                "trace_id": base64.b64encode(bytes.fromhex(otel)).decode(),
                "span_id": base64.b64encode(bytes.fromhex(f"{position:016x}")).decode(),
                "name": name,
                "start_time_unix_nano": started * 10**6 + position,
                "end_time_unix_nano": started * 10**6 + position + 1000,
                "attributes": [{"key": key, "value": mlflow_value(value)} for key, value in attributes.items()],
                **fields,
            }
        )
    moment = datetime.fromtimestamp(started / 1000, UTC).isoformat(timespec="milliseconds")
    return {
        "trace_info": {
            "trace_id": f"tr-{otel}",
            "request_time": moment.replace("+00:00", "Z"),
            "state": "OK",
            "trace_metadata": info.pop("trace_metadata", {}),
            "tags": {"mlflow.trace.spansLocation": "TRACKING_STORE", **info.pop("tags", {})},
            "assessments": list(assessments),
            **info,
        },
        "spans": shown,
    }


class FakeMlflow(FakeStore):
    """One experiment, 7, named `desk`; a page has `page` infos; `before_search` may change what is there."""

    def __init__(self, *traces: dict[str, Any], page: int = 500) -> None:
        super().__init__()
        self.traces = {trace["trace_info"]["trace_id"]: trace for trace in traces}
        self.page = page
        self.before_search: Callable[[], None] = lambda: None
        self.tokens: Callable[[str], str] = lambda token: token
        self.incomplete: set[str] = set()

    def assessments(self, trace_id: str) -> list[dict[str, Any]]:
        """What was said of a trace."""
        found: list[dict[str, Any]] = self.traces[trace_id]["trace_info"]["assessments"]
        return found

    def answer(self, request: Asked) -> Answer:
        path = request.path.removeprefix("/api/3.0/mlflow/traces")
        if request.path == "/api/2.0/mlflow/experiments/get-by-name":
            if request.query["experiment_name"] == ["desk"]:
                return Answer(body={"experiment": {"experiment_id": "7"}})
            return Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})
        if path == "/search":
            return self._search(request.body)
        if path == "/batchGet":
            wanted = [id_ for id_ in request.query["trace_ids"] if id_ in self.traces and id_ not in self.incomplete]
            return Answer(body={"traces": [self.traces[id_] for id_ in wanted]} if wanted else {})
        place = re.fullmatch(r"/([^/]+)/assessments(?:/([^/]+))?", path)
        if place is None or place[1] not in self.traces:
            return Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})
        there = self.assessments(place[1])
        given = request.body["assessment"]
        moment = START.isoformat().replace("+00:00", "Z")
        if request.method == "POST":
            given = {"valid": True, "create_time": moment, "last_update_time": moment, **given}
            there.append({**given, "assessment_id": f"a-{len(there)}"})
            return Answer(body={"assessment": there[-1]})
        item = next(item for item in there if item["assessment_id"] == place[2])
        item.update({name: given[name] for name in request.body["update_mask"].split(",")})
        return Answer(body={"assessment": item})

    def _search(self, body: dict[str, Any]) -> Answer:
        self.before_search()
        assert body["order_by"] == ["timestamp_ms ASC"]
        assert body["locations"][0]["mlflow_experiment"] == {"experiment_id": "7"}
        infos = [trace["trace_info"] for trace in self.traces.values()]
        wanted = body["filter"]
        if named := re.fullmatch(r"request_id IN \((.*)\)", wanted):
            ids = [text.strip("'") for text in named[1].split(",")]
            infos = [info for info in infos if info["trace_id"] in ids]
        else:
            for comparison, bound in re.findall(r"timestamp_ms (>=|<) (\d+)", wanted):
                infos = [
                    info
                    for info in infos
                    if (_millis(info) >= int(bound) if comparison == ">=" else _millis(info) < int(bound))
                ]
        infos.sort(key=lambda info: (_millis(info), info["trace_id"]))
        first = int(body.get("page_token", "0"))
        page = infos[first : first + min(self.page, body["max_results"])]
        more = first + len(page) < len(infos)
        following = {"next_page_token": self.tokens(str(first + len(page)))} if more else {}
        return Answer(body={"traces": page, **following} if page else {})


def _millis(info: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(info["request_time"]).timestamp() * 1000)
