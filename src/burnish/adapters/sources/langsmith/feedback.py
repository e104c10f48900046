"""LangSmith's feedback to ours, and ours to LangSmith's."""

from collections.abc import Collection
from uuid import NAMESPACE_URL, uuid5

from pydantic import ValidationError

from burnish.adapters.sources.base import Problem
from burnish.adapters.sources.fields import Item, moment_in, object_in, text_in
from burnish.domain.feedback import MACHINES, Feedback, FeedbackSource

__all__ = ["body_of", "changes_of", "feedback_of", "remote_id_of"]

_BY_PEOPLE = "app"  # given in LangSmith's own pages: inline, or in an annotation queue
_DIGITS = 4  # scores with more are refused


def feedback_of(given: Item, user_keys: Collection[str]) -> Feedback | Problem | None:
    """The feedback that LangSmith holds; None where burnish wrote it, or where it is on a project or a thread.

    `app` is a person of the team. `api` comes from whoever has a key: keys in `user_keys` are the agent's users,
    all others somebody's evaluator, as those of type `model` and `auto_eval` are.
    """
    source = object_in(given, "feedback_source")
    told = object_in(source, "metadata")
    run_id, trace_id, key = text_in(given, "run_id"), text_in(given, "trace_id"), text_in(given, "key")
    if run_id is None or "burnish" in told:
        return None
    where = f"feedback {text_in(given, 'id')} on run {run_id}"
    if key is None:
        return Problem(where=where, reason="has no key")
    if trace_id is None:
        return Problem(where=where, reason="names no trace")
    kind = (text_in(source, "type") or "api").lower()
    speaks = FeedbackSource.EXTERNAL
    if kind == _BY_PEOPLE:
        speaks = FeedbackSource.HUMAN
    elif kind == "api" and key in user_keys:
        speaks = FeedbackSource.USER
    who = text_in(source, "user_name", "ls_user_id", "user_id") or kind
    fields: dict[str, object] = {
        "trace_id": trace_id,
        "span_id": run_id if run_id != trace_id else None,
        "key": key,
        "source": speaks,
        "author": f"langsmith/{who}",
        "comment": text_in(given, "comment"),
        "correction": given.get("correction"),
    } | _said(given)
    moment = moment_in(given, "modified_at", "created_at")
    if moment is not None:
        fields["created_at"] = moment
    try:
        return Feedback.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return Problem(where=where, reason=first["msg"])


def _said(given: Item) -> dict[str, object]:
    score, value = given.get("score"), given.get("value")
    said: dict[str, object] = {}
    if isinstance(score, (bool, int, float)):
        said["score"] = float(score)
    if isinstance(value, (str, bool)):
        said["value"] = value
    elif isinstance(value, (int, float)):
        if "score" not in said:
            said["score"] = float(value)
    elif isinstance(value, dict):  # {"value": …, "label": …} of a category
        said["value"] = text_in(value, "label", "value")
    return said


def remote_id_of(feedback: Feedback) -> str:
    """The id under which a feedback of ours stands in LangSmith: always the same."""
    return str(uuid5(NAMESPACE_URL, f"burnish:feedback:{feedback.id}"))


def body_of(feedback: Feedback, project_id: str) -> Item:
    """A feedback as POST takes it. It does not move its trace to the longer, dearer retention."""
    kind = "model" if feedback.source in MACHINES else "api"
    told: Item = {"burnish": feedback.id, "source": feedback.source.value}
    for name, said in (("author", feedback.author), ("version", feedback.version)):
        if said:
            told[name] = said
    return {
        "id": remote_id_of(feedback),
        "run_id": feedback.span_id or feedback.trace_id,
        "trace_id": feedback.trace_id,
        "session_id": project_id,
        "key": feedback.key,
        **{name: value for name, value in changes_of(feedback).items() if value is not None},
        "feedback_source": {"type": kind, "metadata": told},
        "extend_trace_retention": False,
    }


def changes_of(feedback: Feedback) -> Item:
    """What PATCH takes; a None takes back what was said before."""
    correction = feedback.correction
    return {
        "score": None if feedback.score is None else round(feedback.score, _DIGITS),
        "value": feedback.value,
        "comment": feedback.comment,
        "correction": correction
        if correction is None or isinstance(correction, (dict, str))
        else {"output": correction},
    }
