"""Phoenix's annotations to feedback, and feedback to annotations."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from burnish.adapters.sources.base import Problem
from burnish.domain.base import Json
from burnish.domain.feedback import Feedback, FeedbackSource

__all__ = ["OURS", "as_annotation", "as_feedback", "read_annotation"]

OURS = "burnish:"  # what the identifiers of annotations that burnish wrote begin with
_NOTE = "note"  # Phoenix's name for free text; each note has an identifier of its own
_KINDS = {
    FeedbackSource.HUMAN: "HUMAN",
    FeedbackSource.USER: "HUMAN",
    FeedbackSource.JUDGE: "LLM",
    FeedbackSource.CODE: "CODE",
    FeedbackSource.EXTERNAL: "CODE",
}


def read_annotation(item: Any, kind: str, trace_ids: Mapping[str, str]) -> Feedback | Problem | None:
    """`as_feedback` of an annotation on a `kind` (span or trace) whose trace is looked up by its id."""
    try:
        return as_feedback(item, trace_ids[item[f"{kind}_id"]])
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        named = item.get("id") if isinstance(item, dict) else None
        return Problem(where=f"{kind} annotation {named} in Phoenix", reason=f"{type(error).__name__}: {error}"[:300])


def as_feedback(item: dict[str, Any], trace_id: str) -> Feedback | None:
    """The feedback of one annotation; None for burnish's own, and for one that says nothing.

    People are told apart by their user, evaluators by their identifier. Raises ValueError, KeyError or TypeError where
    it is no annotation.
    """
    identifier = item.get("identifier") or ""
    result = item.get("result") or {}
    score, label, text = result.get("score"), result.get("label"), result.get("explanation")
    if identifier.startswith(OURS) or (score is None and not label and not text):
        return None
    kind = item.get("annotator_kind") or "CODE"
    person = kind == "HUMAN"
    return Feedback(
        trace_id=trace_id,
        span_id=item.get("span_id"),
        key=item["name"],
        source=FeedbackSource.HUMAN if person else FeedbackSource.EXTERNAL,
        score=score,
        value=label or None,
        comment=text or None,
        author=f"phoenix/{item.get('user_id') or kind.lower()}",
        version="" if person and item["name"] != _NOTE else identifier,
        created_at=datetime.fromisoformat(item["updated_at"]),
    )


def as_annotation(feedback: Feedback) -> dict[str, Json]:
    """The body of an annotation; Phoenix replaces the one with the same span or trace, name and identifier."""
    label = str(feedback.value).lower() if isinstance(feedback.value, bool) else feedback.value
    metadata: dict[str, Json] = {"author": feedback.author, "version": feedback.version}
    if feedback.correction is not None:
        metadata["correction"] = feedback.correction
    return {
        **({"span_id": feedback.span_id} if feedback.span_id else {"trace_id": feedback.trace_id}),
        "name": feedback.key,
        "annotator_kind": _KINDS[feedback.source],
        "result": {"score": feedback.score, "label": label, "explanation": feedback.comment},
        "metadata": metadata,
        "identifier": f"{OURS}{feedback.id}",
    }
