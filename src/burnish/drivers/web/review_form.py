"""The form of an item: what is asked as fields, and what was entered as a label."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from burnish.domain.annotation.labels import Label
from burnish.domain.annotation.queues import Ask
from burnish.domain.base import Json, content_hash
from burnish.domain.traces import Trace
from burnish.drivers.figures import WRAPPERS, readable
from burnish.drivers.visible import visible
from burnish.errors import InputError

__all__ = ["Entered", "keys_of_grades", "keys_of_labels", "label_entered", "step_key"]

RESERVED = frozenset("cegjkorsuwx")  # what review.js does on a letter


class Entered(NamedTuple):
    """What stands in the fields. `criteria` has one a line, `step` is the `step_key` of the marked span."""

    score: str = ""
    label: str = ""
    comment: str = ""
    correction: str = ""
    criteria: str = ""
    step: str = ""
    span_comment: str = ""

    @classmethod
    def of_form(cls, form: Mapping[str, str]) -> "Entered":
        """As it was sent; a browser sends line ends as CR LF."""
        return cls(**{name: form.get(name, "").replace("\r\n", "\n") for name in cls._fields})

    @classmethod
    def of_label(cls, label: Label | None, ask: Ask, trace: Trace | None) -> "Entered":
        """A label to think about once more, or an empty form; to be edited, the output stands in it from the start."""
        label = label or Label()
        output = trace.output if trace is not None and ask.correction == "edit" else None
        return cls(
            score="" if label.score is None else f"{label.score:.6g}",
            label=label.value or "",
            comment=label.comment or "",
            correction=readable(output if label.correction is None else label.correction),
            criteria="\n".join(label.criteria),
            step="" if label.span_id is None else step_key(label.span_id),
            span_comment=label.span_comment or "",
        )


def label_entered(entered: Entered, ask: Ask, trace: Trace | None) -> Label:
    """The label that was entered. Raises InputError where a field cannot be read; `Ask.check` looks at the rest.

    `trace` is needed for a correction and a marked step alone.
    """
    span_id = None
    if entered.step:
        spans = trace.spans if trace is not None else ()
        span_id = next((span.span_id for span in spans if step_key(span.span_id) == entered.step), None)
        if span_id is None:
            raise InputError("the marked step is no longer in the trace; mark another one, or none")
    elif entered.span_comment.strip():
        raise InputError("you say what went wrong at a step, but mark none; mark it, or say it in the comment")
    return Label(
        score=_score(entered.score),
        value=entered.label or None,
        comment=entered.comment.strip() or None,
        correction=_correction(entered.correction, ask, trace.output if trace is not None else None),
        criteria=tuple(line.strip() for line in entered.criteria.splitlines() if line.strip()),
        span_id=span_id,
        span_comment=entered.span_comment.strip() or None,
    )


def step_key(span_id: str) -> str:
    """A span's name in forms: its id may hold characters that no form gives back unchanged."""
    return content_hash(span_id, length=12)


def keys_of_grades(ask: Ask) -> list[str]:
    """The key of each grade: 1 to 9, then 0."""
    return [str((number + 1) % 10) for number in range(len(ask.grades))]


def keys_of_labels(labels: Sequence[str]) -> list[str]:
    """A letter for each label: of the word where one is free, else any; "" where the alphabet is used up."""
    taken = set(RESERVED)
    found = []
    for label in labels:
        free = (letter for letter in _letters(label) if letter not in taken)
        letter = next(free, "")
        taken.add(letter)
        found.append(letter)
    return found


def _letters(label: str) -> Iterable[str]:
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return [*(letter for letter in label.lower() if letter in alphabet), *alphabet]


def _score(text: str) -> float | None:
    if not text:
        return None
    try:
        score = float(text)
    except ValueError as error:
        raise InputError(f"'{text[:20]}' is not a score") from error
    if not 0 <= score <= 1:
        raise InputError(f"the score {text[:20]} is not between 0 and 1")
    return score


def _correction(text: str, ask: Ask, output: Json) -> Json:
    """What was written, in the shape of the output; None where nothing was written or nothing changed."""
    if not text.strip():
        return None
    if ask.correction == "edit" and text.strip() == visible(readable(output)).strip():
        return None
    if isinstance(output, dict) and len(output) == 1 and next(iter(output)) in WRAPPERS:
        key, only = next(iter(output.items()))
        if isinstance(only, str):
            return {key: text}
    if output is None or isinstance(output, str):
        return text
    try:
        value: Json = json.loads(text)
    except ValueError as error:
        raise InputError(f"the output is JSON, and this correction is not: {error}") from error
    return value
