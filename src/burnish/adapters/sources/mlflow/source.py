"""The source of kind `mlflow`."""

import base64
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

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

_ASKED = 100  # traces asked about in one request
_PAGE = 50  # traces fetched in one request: their ids stand in its address, and proxies cut off at 8 KB
_SLACK = timedelta(hours=1)  # between MLflow's clock and ours
_SERVED = ("TRACKING_STORE", "ARCHIVE_REPO")  # where spans lie that the REST API gives
_ABOUT_ONE = (400, 404, 422)  # refusals that concern an assessment, not the key or the server


class _Fetched(NamedTuple):
    """One answer: what is known of the traces that were asked for, those that came, and what cannot be asked for."""

    wanted: list[Info]
    found: list[dict[str, Any]]
    problems: list[Problem]


class MlflowSource:
    """One experiment of an MLflow tracking server."""

    name = "mlflow"

    def __init__(self, api: MlflowApi, agent: str, *, page: int = _PAGE) -> None:
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
        for fetched in one_ahead(self._fetched_between(start_ms, end_ms)):
            yield self._batch(fetched)

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

    def _fetched_between(self, start_ms: int, end_ms: int | None) -> Iterator[_Fetched]:
        """The window's traces with their spans, an answer at a time: what was asked for, what came, and problems."""
        for infos in one_ahead(self._api.infos_between(start_ms, end_ms)):
            elsewhere = [info["trace_id"] for info in infos if not _is_served(info)]
            if elsewhere:
                reason = "its spans lie in the artifact store, from which MLflow's REST API gives none"
                problems = [Problem(where=f"trace {trace_id} in MLflow", reason=reason) for trace_id in elsewhere]
                yield _Fetched([], [], problems)
            wanted = [info for info in infos if _is_served(info)]
            for start in range(0, len(wanted), self._page):
                asked = wanted[start : start + self._page]
                yield _Fetched(asked, self._api.traces([info["trace_id"] for info in asked]), [])

    def _batch(self, fetched: _Fetched) -> Batch:
        batch = whole_traces(fetched.found, self._agent, self.name)
        came = {trace["trace_info"]["trace_id"] for trace in fetched.found}
        missing = {info["trace_id"] for info in fetched.wanted} - came
        reason = "MLflow has not all of its spans yet; it comes with a later pull"
        late = [Problem(where=f"trace {trace_id} in MLflow", reason=reason) for trace_id in sorted(missing)]
        return Batch(batch.traces, [*fetched.problems, *batch.problems, *late], batch.feedback)

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


def _is_served(info: Info) -> bool:
    return info["tags"].get("mlflow.trace.spansLocation") in _SERVED


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
