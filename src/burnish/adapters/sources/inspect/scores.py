"""What scorers, and people who corrected them, say of a sample."""

import math
from collections.abc import Iterator
from datetime import datetime

from burnish.adapters.sources.inspect.conversation import Conversation
from burnish.adapters.sources.times import read_time
from burnish.domain.base import Json
from burnish.domain.feedback import Feedback, FeedbackSource

__all__ = ["sample_feedback"]

# Correct, incorrect, partial, no answer; and what else Inspect itself counts as yes and no.
_GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_MAX_VALUES = 50  # of a score that is a list or an object


def sample_feedback(
    trace_id: str, sample: dict[str, Json], conversation: Conversation, created_at: datetime
) -> list[Feedback]:
    """The scores of a sample, under their scorers' names; one a value where a score is an object or a list of them.

    A score that somebody edited is theirs, and the scorer's own stands beside it. A scorer that gave none (NaN, null)
    measured nothing and says nothing here.
    """
    scores = sample.get("scores")
    if not isinstance(scores, dict):
        single = sample.get("score")  # logs of Inspect's first year
        scores = {"score": single} if isinstance(single, dict) else {}
    found: list[Feedback] = []
    cleaned = conversation.clean(scores)
    for name, score in cleaned.items() if isinstance(cleaned, dict) else ():
        if not isinstance(score, dict):
            continue
        edits = [edit for edit in _list(score.get("history")) if isinstance(edit, dict)]
        by_person = edits[-1].get("provenance") if edits else None
        if isinstance(by_person, dict):
            said = conversation.text(by_person.get("reason")) or _comment(score, conversation)
            author = conversation.text(by_person.get("author")) or ""
            moment = read_time(by_person.get("timestamp")) or created_at
            found.extend(_given(trace_id, name, score.get("value"), FeedbackSource.HUMAN, author, said, moment))
            score = edits[0]
        told, author = _comment(score, conversation), f"inspect/{name}"
        found.extend(_given(trace_id, name, score.get("value"), FeedbackSource.EXTERNAL, author, told, created_at))
    return found


def _given(
    trace_id: str, name: str, value: Json, source: FeedbackSource, author: str, comment: str | None, moment: datetime
) -> Iterator[Feedback]:
    for key, item in _values(name, value):
        score, label = _measured(item)
        if score is not None or label is not None:
            yield Feedback(
                trace_id=trace_id,
                key=key,
                source=source,
                score=score,
                value=label,
                comment=comment,
                author=author,
                created_at=moment,
            )


def _values(name: str, value: Json) -> list[tuple[str, Json]]:
    if isinstance(value, dict):
        return [(f"{name}.{key}", item) for key, item in list(value.items())[:_MAX_VALUES]]
    if isinstance(value, list):
        return [(f"{name}.{index}", item) for index, item in enumerate(value[:_MAX_VALUES])]
    return [(name, value)]


def _measured(value: Json) -> tuple[float | None, str | bool | None]:
    """The score of a value from 0 to 1 where it is one, and its label where it is more than a number."""
    if isinstance(value, bool):
        return float(value), value
    if isinstance(value, int | float):
        return (float(value), None) if abs(value) < 1e300 and math.isfinite(value) else (None, None)
    if not isinstance(value, str) or value in ("NaN", "UNCHANGED"):
        return None, None
    grade = _GRADES.get(value, _GRADES.get(value.lower()) if len(value) > 1 else None)
    if grade is None:
        try:
            number = float(value)
        except ValueError:
            return None, value
        return (number, None) if math.isfinite(number) else (None, None)
    return grade, value


def _comment(score: dict[str, Json], conversation: Conversation) -> str | None:
    explained = conversation.text(score.get("explanation"))
    if explained is not None:
        return explained
    answer = conversation.text(score.get("answer"))
    return f"answer: {answer}" if answer is not None else None


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
