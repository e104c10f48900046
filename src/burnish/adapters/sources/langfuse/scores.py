"""Langfuse's scores to feedback, and feedback to scores."""

import json
from collections.abc import Collection

from pydantic import ValidationError

from burnish.adapters.sources.base import Problem
from burnish.adapters.sources.fields import Item, moment_in, object_in, text_in
from burnish.adapters.sources.jsontext import parse_structure
from burnish.adapters.sources.langfuse.api import written
from burnish.domain.feedback import Feedback, FeedbackSource

__all__ = ["OURS", "feedback_of", "score_of"]

OURS = "burnish-"  # what the ids of scores begin with that burnish wrote
_TEXT_LIMIT = 500  # Langfuse refuses longer TEXT scores


def feedback_of(score: Item, user_scores: Collection[str]) -> Feedback | Problem | None:
    """The feedback that a score is; None where burnish wrote it, or where it is on a session or an experiment.

    ANNOTATION is a person of the team. The API's own scores come from anywhere: those named in `user_scores` are
    the agent's users, all others somebody's evaluator, as those of source EVAL are.
    """
    score_id, name = text_in(score, "id"), text_in(score, "name")
    subject = object_in(score, "subject")
    trace_id, span_id = text_in(score, "traceId"), text_in(score, "observationId")
    if subject.get("kind") == "trace":
        trace_id = text_in(subject, "id")
    elif subject.get("kind") == "observation":
        trace_id, span_id = text_in(subject, "traceId"), text_in(subject, "id")
    if trace_id is None or (score_id or "").startswith(OURS) or "burnish" in object_in(score, "metadata"):
        return None
    if name is None:
        return Problem(where=f"score {score_id}", reason="has no name")
    source = FeedbackSource.EXTERNAL
    if score.get("source") == "ANNOTATION":
        source = FeedbackSource.HUMAN
    elif score.get("source") == "API" and name in user_scores:
        source = FeedbackSource.USER
    who = text_in(score, "authorUserId") or str(score.get("source") or "api").lower()
    fields: dict[str, object] = {
        "trace_id": trace_id,
        "span_id": span_id,
        "key": name,
        "source": source,
        "author": f"langfuse/{who}",
        "comment": text_in(score, "comment"),
    } | _said(score)
    moment = moment_in(score, "updatedAt", "timestamp", "createdAt")
    if moment is not None:
        fields["created_at"] = moment
    try:
        return Feedback.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return Problem(where=f"score {score_id} of trace {trace_id}", reason=first["msg"])


def _said(score: Item) -> dict[str, object]:
    """v3 has one typed value; the older versions a number, and beside it the text of a category."""
    kind, value, text = score.get("dataType"), score.get("value"), score.get("stringValue")
    if kind == "CORRECTION":
        corrected = text if isinstance(text, str) else value
        return {"correction": parse_structure(corrected) if isinstance(corrected, str) else corrected}
    if kind in ("CATEGORICAL", "TEXT"):
        return {"value": text if isinstance(text, str) else value if isinstance(value, str) else None}
    if kind == "BOOLEAN" or isinstance(value, bool):
        truth = bool(value)
        return {"score": float(truth), "value": truth}
    return {"score": value if isinstance(value, (int, float)) else None}


def score_of(feedback: Feedback, timestamp: str | None = None) -> Item:
    """A score as the API takes it. Its id and timestamp together identify it: sent again, it replaces itself.

    A score has one value: the grade, else the label, else the correction, else the comment; the others go along in
    its metadata.
    """
    score: Item = {
        "id": OURS + feedback.id,
        "traceId": feedback.trace_id,
        "name": feedback.key,
        "timestamp": timestamp or written(feedback.created_at),
    }
    if feedback.span_id is not None:
        score["observationId"] = feedback.span_id
    if feedback.comment:
        score["comment"] = feedback.comment
    metadata: Item = {"burnish": feedback.id, "source": feedback.source.value}
    for key, said in (("author", feedback.author), ("version", feedback.version)):
        if said:
            metadata[key] = said
    score["metadata"] = metadata
    if feedback.score is not None:
        score |= {"value": feedback.score, "dataType": "NUMERIC"}
        if feedback.value is not None:
            metadata["label"] = feedback.value
    elif isinstance(feedback.value, bool):
        score |= {"value": int(feedback.value), "dataType": "BOOLEAN"}
    elif feedback.value:
        score |= {"value": feedback.value, "dataType": "CATEGORICAL"}
    elif feedback.correction is not None:
        text = feedback.correction
        text = text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)
        return score | {"value": text, "dataType": "CORRECTION", "name": "output"}
    else:
        score |= {"value": (feedback.comment or "-")[:_TEXT_LIMIT], "dataType": "TEXT"}
    if feedback.correction is not None:
        metadata["correction"] = feedback.correction
    return score
