"""MLflow's assessments to feedback, and feedback to assessments."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from burnish.adapters.sources.base import Problem
from burnish.adapters.sources.jsontext import parse_structure
from burnish.domain.base import Json
from burnish.domain.feedback import Feedback, FeedbackSource

__all__ = ["ID", "as_assessment", "as_feedback", "said_of_trace"]

ID = "burnish.feedback_id"  # in the metadata of assessments that burnish wrote: MLflow has no key of the writer's own
_SCORER_VERSION = "mlflow.assessment.scorerVersion"
_KINDS = {
    FeedbackSource.HUMAN: "HUMAN",
    FeedbackSource.USER: "HUMAN",
    FeedbackSource.JUDGE: "LLM_JUDGE",
    FeedbackSource.CODE: "CODE",
    FeedbackSource.EXTERNAL: "CODE",
}


def said_of_trace(info: Mapping[str, Any]) -> tuple[list[Feedback], list[Problem]]:
    """What was said of a trace, the latest last: of several by one author under one name that one is to stand."""
    found: list[Feedback] = []
    problems: list[Problem] = []
    for item in info["assessments"]:
        try:
            feedback = as_feedback(item, info["trace_id"])
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            reason = f"{type(error).__name__}: {error}"[:300]
            problems.append(Problem(where=f"an assessment of {info['trace_id']} in MLflow", reason=reason))
        else:
            found += [] if feedback is None else [feedback]
    return sorted(found, key=lambda feedback: feedback.created_at), problems


def as_feedback(item: Mapping[str, Any], trace_id: str) -> Feedback | None:
    """The feedback of one assessment.

    None for burnish's own, for one that another replaced, and for an evaluator that crashed (unmeasured, never a
    score). An expectation is a correction. Raises ValueError, KeyError or TypeError where it is no assessment.
    """
    metadata = item.get("metadata") or {}
    if ID in metadata or item.get("valid") is False:
        return None
    said = item.get("feedback") or {}
    expected = item.get("expectation") or {}
    value = said.get("value")
    correction = _expected(expected)
    if said.get("error") or (value is None and correction is None and not item.get("rationale")):
        return None
    source = item.get("source") or {}
    person = source.get("source_type") == "HUMAN"
    score = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    label = value if isinstance(value, (str, bool)) or value is None else json.dumps(value, ensure_ascii=False)
    return Feedback(
        trace_id=trace_id,
        span_id=item.get("span_id") or None,
        key=item["assessment_name"],
        source=FeedbackSource.HUMAN if person else FeedbackSource.EXTERNAL,
        score=score,
        value=None if score is not None else label,
        comment=item.get("rationale") or None,
        correction=correction,
        author=f"mlflow/{source.get('source_id') or str(source.get('source_type', 'code')).lower()}",
        version="" if person else str(metadata.get(_SCORER_VERSION, "")),
        created_at=datetime.fromisoformat(item["last_update_time"]),
    )


def _expected(expectation: Mapping[str, Any]) -> Json:
    """What the output should have been; what is no plain value comes as JSON text."""
    wrapped = expectation.get("serialized_value")
    if isinstance(wrapped, dict):
        return parse_structure(str(wrapped.get("value") or "")) or None
    value: Json = expectation.get("value")
    return value


def as_assessment(feedback: Feedback) -> dict[str, Json]:
    """The body of an assessment. The score comes first, a label beside it goes into the metadata."""
    metadata: dict[str, Json] = {ID: feedback.id}
    if feedback.version:
        metadata["burnish.version"] = feedback.version
    said: Json = feedback.score if feedback.score is not None else feedback.value
    if feedback.score is not None and feedback.value is not None:
        metadata["burnish.label"] = str(feedback.value)
    if said is None and feedback.correction is not None:
        judged: dict[str, Json] = {"expectation": {"value": feedback.correction}}
    else:
        judged = {"feedback": {"value": said}}
        if feedback.correction is not None:
            metadata["burnish.correction"] = json.dumps(feedback.correction, ensure_ascii=False)
    return {
        "trace_id": feedback.trace_id,
        **({"span_id": feedback.span_id} if feedback.span_id else {}),
        "assessment_name": feedback.key,
        "source": {"source_type": _KINDS[feedback.source], "source_id": feedback.author or "burnish"},
        **judged,
        **({"rationale": feedback.comment} if feedback.comment else {}),
        "metadata": metadata,
    }
