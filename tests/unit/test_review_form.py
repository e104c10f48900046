"""What a reviewer entered, as a label."""

from typing import Any

import pytest
from support.seeded import support_trace

from burnish.domain.annotation.labels import Label
from burnish.domain.annotation.queues import Ask
from burnish.drivers.web.review_form import Entered, keys_of_grades, keys_of_labels, label_entered, step_key
from burnish.errors import InputError

TRACE = support_trace(0)
SPAN = TRACE.spans[2].span_id


def read(ask: Ask | None = None, output: Any = "cedar", **form: str) -> Label:
    trace = TRACE.model_copy(update={"output": output})
    return label_entered(Entered.of_form(form), ask or Ask(), trace)


def test_a_form_becomes_a_label() -> None:
    """Every field arrives: line ends as they were meant, one criterion a line, the marked step by its span."""
    label = read(score="0.25", comment=" one\r\ntwo ", correction="atlas", criteria="names the queue\r\n\r\n polite ",
                 step=step_key(SPAN), span_comment="looked up another customer")  # fmt: skip
    assert Label(score=0.25, comment="one\ntwo", correction="atlas", criteria=("names the queue", "polite"),
                 span_id=SPAN, span_comment="looked up another customer") == label  # fmt: skip


def test_what_was_entered_comes_back_as_it_was() -> None:
    """A label taken back fills the form so that sending it again says the same."""
    label = Label(score=1 / 3, value="late", comment="c", correction="atlas", criteria=("a", "b"), span_id=SPAN)
    again = label_entered(Entered.of_label(label, Ask(), TRACE), Ask(), TRACE)
    assert label.model_copy(update={"score": pytest.approx(1 / 3, abs=1e-5)}) == again


@pytest.mark.parametrize(
    ("output", "text", "expected"),
    [
        ("cedar", "atlas", "atlas"),
        ({"answer": "cedar"}, "atlas", {"answer": "atlas"}),
        ({"queue": "cedar", "sure": 1}, '{"queue": "atlas", "sure": 1}', {"queue": "atlas", "sure": 1}),
        (None, "atlas", "atlas"),
        ("cedar", "  ", None),
    ],
)
def test_a_correction_has_the_shape_of_the_output(output: Any, text: str, expected: Any) -> None:
    """What was read as plain text is written as plain text; other JSON stays JSON."""
    assert expected == read(output=output, correction=text).correction


def test_an_output_left_as_it_was_is_no_correction() -> None:
    """Where the output is there to be edited, sending it unchanged corrects nothing, hidden characters or not."""
    edit = Ask(correction="edit")
    for output, sent in (("one\ntwo", "one\r\ntwo"), ("a\u202eb", "a⟨U+202E⟩b"), ({"q": "x"}, '{\n  "q": "x"\n}')):
        assert read(edit, output, correction=sent, score="1").correction is None
        assert Entered.of_label(None, edit, TRACE.model_copy(update={"output": output})).correction
    assert "better" == read(edit, correction="better").correction


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"score": "good"}, "'good' is not a score"),
        ({"score": "nan"}, "not between 0 and 1"),
        ({"step": "0123456789ab"}, "no longer in the trace"),
        ({"span_comment": "here"}, "mark none"),
    ],
)
def test_what_cannot_be_read_is_told(form: dict[str, str], words: str) -> None:
    """A field that makes no sense is refused in words."""
    with pytest.raises(InputError, match=words):
        read(**form)
    with pytest.raises(InputError, match="this correction is not"):
        read(output={"queue": "cedar", "sure": 1}, correction="atlas")


def test_every_answer_has_a_key_of_its_own() -> None:
    """Grades are on digits; labels get a letter of their word that nothing else is on, as long as letters last."""
    assert ["1", "2"] == keys_of_grades(Ask())
    assert ["9", "0"] == keys_of_grades(Ask(scale=10))[-2:]
    assert ["t", "l", "i"] == keys_of_labels(["correct", "late", "rigid"])
    many = keys_of_labels([f"word {number}" for number in range(20)])
    assert len(set(many[:15])) == 15
    assert [""] * 5 == many[15:]
    assert not set(many) & set("cegjkorsuwx")
