"""The source of kind `mlflow`."""

import base64
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from burnish.adapters.sources.base import Annotation, Batch, KnownTrace, Problem, Window, Written
from burnish.adapters.sources.fields import object_in, text_in
from burnish.adapters.sources.http import HttpClient, RefusedError
from burnish.adapters.sources.mlflow.api import Info, MlflowApi
from burnish.adapters.sources.mlflow.feedback import ID, said_of_trace
from burnish.adapters.sources.mlflow.traces import whole_traces
from burnish.adapters.sources.prefetch import one_ahead
from burnish.adapters.sources.registry import SourceContext
from burnish.domain.feedback import Feedback

__all__ = ["MlflowSource", "open_mlflow"]

_ASKED = 100  # trace ids in one request: they stand in its address, and proxies cut off at 8 KB
_SLACK = timedelta(hours=1)  # between MLflow's clock and ours
_SERVED = ("TRACKING_STORE", "ARCHIVE_REPO")  # where spans lie that the REST API gives
_ABOUT_ONE = (400, 404, 422)  # refusals that concern an assessment, not the key or the server


class MlflowSource:
    """One experiment of an MLflow tracking server."""

    name = "mlflow"

    def __init__(self, api: MlflowApi, agent: str, *, page: int = _ASKED) -> None:
        self._api = api
        self._page = page
        self._agent = agent

    def close(self) -> None:
        """Close the connection."""
        self._api.client.close()

    def read_window(self, window: Window) -> Iterator[Batch]:
        """Yield the traces that started in the window, whole, by start, with what was said of them. Raises SourceError.

        A trace whose spans MLflow has not all got yet is a problem, and comes with a later pull.
        """
        start_ms = math.floor(window.start.timestamp() * 1000)
        end_ms = None if window.end is None else math.ceil(window.end.timestamp() * 1000)
        for wanted, found, problems in one_ahead(self._fetched(start_ms, end_ms)):
            yield self._batch(wanted, found, problems)

    def read_feedback(self, since: datetime, known: Iterable[KnownTrace]) -> Iterator[Batch]:
        """Yield what was assessed on the known traces since then. Raises SourceError."""
        ids = (trace.trace_id for trace in known)
        while chunk := list(islice(ids, _ASKED)):
            found: list[Feedback] = []
            problems: list[Problem] = []
            for info in self._api.infos(chunk):
                said, unclear = said_of_trace(info)
                found += [item for item in said if item.created_at >= since - _SLACK]
                problems += unclear
            yield Batch([], problems, found)

    def annotate(self, annotations: Sequence[Annotation]) -> Iterator[Written]:
        """Write assessments one by one, after a look at those that are there. Raises SourceError."""
        for start in range(0, len(annotations), _ASKED):
            chunk = annotations[start : start + _ASKED]
            infos = self._api.infos(list(dict.fromkeys(item.feedback.trace_id for item in chunk)))
            there = {info["trace_id"]: _ours(info) for info in infos}
            for item in chunk:
                yield self._written(item.feedback, there)

    def _fetched(self, start_ms: int, end_ms: int | None) -> Iterator[tuple[list[Info], list[Any], list[Problem]]]:
        for infos in self._api.infos_between(start_ms, end_ms):
            problems: list[Problem] = []
            wanted = []
            for info in infos:
                place = info["tags"].get("mlflow.trace.spansLocation")
                if place in _SERVED:
                    wanted.append(info)
                else:
                    reason = "its spans lie in the artifact store, from which MLflow's REST API gives none"
                    problems.append(Problem(where=f"trace {info['trace_id']} in MLflow", reason=reason))
            for start in range(0, len(wanted), self._page):
                chunk = wanted[start : start + self._page]
                yield chunk, self._api.traces([info["trace_id"] for info in chunk]), problems
                problems = []
            if problems:
                yield [], [], problems

    def _batch(self, wanted: list[Info], found: list[Any], problems: list[Problem]) -> Batch:
        batch = whole_traces(found, self._agent, self.name)
        missing = {info["trace_id"] for info in wanted} - {trace["trace_info"]["trace_id"] for trace in found}
        reason = "MLflow has not all of its spans yet; it comes with a later pull"
        late = [Problem(where=f"trace {trace_id} in MLflow", reason=reason) for trace_id in sorted(missing)]
        return Batch(batch.traces, [*problems, *batch.problems, *late], batch.feedback)

    def _written(self, feedback: Feedback, there: dict[str, dict[str, str]]) -> Written:
        if feedback.trace_id not in there:
            return Written(feedback_id=feedback.id, problem=f"MLflow has no trace {feedback.trace_id} (any more)")
        ours = there[feedback.trace_id]
        try:
            ours[feedback.id] = self._api.write(feedback, ours.get(feedback.id))
        except RefusedError as error:
            if error.status not in _ABOUT_ONE:
                raise
            return Written(feedback_id=feedback.id, problem=str(error))
        return Written(feedback_id=feedback.id, remote_id=ours[feedback.id])


def _ours(info: Info) -> dict[str, str]:
    """The assessments that burnish wrote on a trace: their ids by that of the feedback."""
    return {
        text_in(object_in(item, "metadata"), ID) or "": text_in(item, "assessment_id") or ""
        for item in info["assessments"]
        if text_in(item, "assessment_id") and ID in object_in(item, "metadata")
    }


def open_mlflow(context: SourceContext) -> MlflowSource:
    """The source of kind `mlflow`.

    The key is MLFLOW_TRACKING_TOKEN where the config names no variable; one with a colon in it is taken for
    `user:password`.
    """
    key = context.secret(context.config.api_key_env, "MLFLOW_TRACKING_TOKEN")
    headers = None
    if key:
        basic = f"Basic {base64.b64encode(key.encode()).decode()}"
        headers = {"Authorization": basic if ":" in key else f"Bearer {key}"}
    client = HttpClient(
        context.url("http://localhost:5000"),
        headers=headers,
        timeout_s=context.config.timeout_s,
        key_advice=context.key_advice(context.config.api_key_env, "MLFLOW_TRACKING_TOKEN"),
    )
    experiment = context.need_project("the id or the name of the experiment")
    return MlflowSource(MlflowApi(client, experiment), context.agent)
