"""Traces as MLflow's REST API shows them, whole, to traces of ours and what was said of them."""

from collections.abc import Iterable, Mapping
from typing import Any

from burnish.adapters.sources.base import Batch, Problem
from burnish.adapters.sources.mlflow.feedback import said_of_trace
from burnish.adapters.sources.mlflow.mapping import raw_spans, told_of_trace
from burnish.adapters.sources.otlp import RawSpan, spans_to_traces
from burnish.domain.base import Json
from burnish.domain.feedback import Feedback

__all__ = ["whole_traces"]


def whole_traces(found: Iterable[Mapping[str, Any]], agent: str, source: str) -> Batch:
    """The traces, as `MlflowApi.traces` gives them, with what users noted on them and what was assessed."""
    raws: list[RawSpan] = []
    problems: list[Problem] = []
    feedback: list[Feedback] = []
    told: dict[str, dict[str, Json]] = {}
    for trace in found:
        info = trace["trace_info"]
        spans, unread = raw_spans(trace)
        said, unclear = said_of_trace(info)
        raws += spans
        problems += unread + unclear
        feedback += said
        told[info["trace_id"]] = told_of_trace(info)
    batch = spans_to_traces(raws, agent, source)
    traces = [
        trace.model_copy(update={"metadata": {**trace.metadata, **told[trace.trace_id]}}) for trace in batch.traces
    ]
    return Batch(traces, problems + batch.problems, [*feedback, *batch.feedback])
