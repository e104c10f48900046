"""The requests to MLflow's tracking server that the source is made of."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from burnish.adapters.sources.fields import Item, items_in, moment_in, object_in, text_in
from burnish.adapters.sources.http import HttpClient, RefusedError
from burnish.adapters.sources.mlflow.feedback import ID, as_assessment
from burnish.adapters.sources.paging import Cursors
from burnish.domain.base import Json
from burnish.domain.feedback import Feedback
from burnish.errors import ConfigError, SourceError

__all__ = ["Info", "MlflowApi", "read_info"]

_TRACES = "/api/3.0/mlflow/traces"
_PAGE = 500  # the most that a search gives at once
_TRACE_ID = re.compile(r"[\w.:-]{1,100}")

Info = dict[str, Any]


class MlflowApi:
    """One experiment on one server; `experiment` is its id, or its name where it is not all digits."""

    def __init__(self, client: HttpClient, experiment: str) -> None:
        self.client = client
        self._named = experiment
        self._id: str | None = experiment if experiment.isdecimal() else None

    def infos_between(self, start_ms: int, end_ms: int | None) -> Iterator[list[Info]]:
        """What is known of traces without their spans, by start: those from `start_ms` on and before `end_ms`.

        MLflow's page tokens count rows from the first; where one before is deleted meanwhile, the next page would begin
        too late. So each page is asked for by the time that the last one reached, and tokens lead only through more
        traces of one millisecond than a page holds. Traces seen twice are left out.
        """
        since, token = start_ms, None
        seen: set[str] = set()
        tokens = Cursors("MLflow (traces/search)")
        until = "" if end_ms is None else f" AND timestamp_ms < {end_ms}"
        while True:
            page, following = self._search(f"timestamp_ms >= {since}{until}", _PAGE, token)
            fresh = [info for info in page if info["trace_id"] not in seen]
            if fresh:
                yield fresh
            if following is None:
                return
            latest = max((_started_ms(info, since) for info in page), default=since)
            if latest > since:
                since, token = latest, None
                seen = {str(info["trace_id"]) for info in page if _started_ms(info, since) == latest}
                tokens = Cursors("MLflow (traces/search)")
            else:
                seen |= {str(info["trace_id"]) for info in fresh}
                token = tokens.take(following)

    def infos(self, trace_ids: Sequence[str]) -> list[Info]:
        """What is known of these traces; those that are not (any more) in the experiment are left out."""
        listed = ",".join(f"'{trace_id}'" for trace_id in trace_ids if _TRACE_ID.fullmatch(trace_id))
        return self._search(f"request_id IN ({listed})", _PAGE, None)[0] if listed else []

    def traces(self, trace_ids: Sequence[str]) -> list[dict[str, Any]]:
        """These traces with their spans, without those whose spans MLflow has not all got yet."""
        answer = self.client.get(f"{_TRACES}/batchGet", {"trace_ids": list(trace_ids)})
        found = answer.get("traces", []) if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise SourceError(f"{self.client.base_url}{_TRACES}/batchGet did not answer as MLflow does")
        return [
            {**trace, "trace_info": info}
            for trace in found
            if isinstance(trace, dict) and (info := read_info(trace.get("trace_info"))) is not None
        ]

    def write(self, feedback: Feedback, existing: str | None) -> str:
        """Write an assessment over the `existing` one, or make it; its id."""
        body = as_assessment(feedback)
        path = f"{_TRACES}/{feedback.trace_id}/assessments"
        if existing is not None:
            changed = [name for name in ("feedback", "expectation", "rationale", "metadata") if name in body]
            asked: Json = {"assessment": body, "update_mask": ",".join(changed)}
            answer = self.client.call("PATCH", f"{path}/{existing}", json=asked)
        else:
            answer = self.client.create(path, {"assessment": body}, lambda: self._made(feedback))
        made = answer.get("assessment") if isinstance(answer, dict) else None
        if not isinstance(made, dict) or not isinstance(made.get("assessment_id"), str):
            raise SourceError(f"{self.client.base_url}{path} did not answer as MLflow does")
        return str(made["assessment_id"])

    def _made(self, feedback: Feedback) -> Json:
        for info in self.infos([feedback.trace_id]):
            for item in info["assessments"]:
                if object_in(item, "metadata").get(ID) == feedback.id:
                    return {"assessment": item}
        return None

    def _search(self, wanted: str, most: int, token: str | None) -> tuple[list[Info], str | None]:
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": self._experiment()}}
        body: dict[str, Any] = {"locations": [place], "filter": wanted, "max_results": most}
        body["order_by"] = ["timestamp_ms ASC"]
        answer = self.client.post(f"{_TRACES}/search", body | ({"page_token": token} if token else {}))
        found = answer.get("traces", []) if isinstance(answer, dict) else None
        if not isinstance(found, list) or not isinstance(answer, dict):
            raise SourceError(f"{self.client.base_url}{_TRACES}/search did not answer as MLflow does")
        infos = [info for item in found if (info := read_info(item)) is not None]
        following = answer.get("next_page_token")
        return infos, following if isinstance(following, str) and following else None

    def _experiment(self) -> str:
        if self._id is None:
            path = "/api/2.0/mlflow/experiments/get-by-name"
            try:
                answer: Any = self.client.get(path, {"experiment_name": self._named})
                self._id = str(answer["experiment"]["experiment_id"])
            except RefusedError as error:
                if error.status != 404:
                    raise
                raise ConfigError(f"MLflow at {self.client.base_url} has no experiment '{self._named}'") from error
            except (KeyError, TypeError) as error:
                raise SourceError(f"{self.client.base_url}{path} did not answer as MLflow does") from error
        return self._id


def read_info(item: Json) -> Info | None:
    """What MLflow says of a trace, each part of the type that it should have; None where there is no id."""
    if not isinstance(item, dict) or (trace_id := text_in(item, "trace_id")) is None:
        return None
    parts: Item = {"trace_id": trace_id, "assessments": [*items_in(item, "assessments")]}
    return {**item, **parts, "trace_metadata": object_in(item, "trace_metadata"), "tags": object_in(item, "tags")}


def _started_ms(info: Info, unknown: int) -> int:
    """When a trace started, milliseconds since 1970; `unknown` where it does not say."""
    moment = moment_in(info, "request_time")
    return unknown if moment is None else round(moment.timestamp() * 1000)
