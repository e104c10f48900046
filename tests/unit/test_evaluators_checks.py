"""The checks of form, language, grounding, personal data and loops: their edges, and what cannot be judged."""

import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from support.evaluation import START, context, span, tool, trace

from burnish.domain.evaluators.base import EvaluationContext, EvaluatorError, Score
from burnish.domain.evaluators.format import Format, Length
from burnish.domain.evaluators.grounding import Citations, Grounded
from burnish.domain.evaluators.pii import PiiLeak
from burnish.domain.evaluators.refusal import Language, Refusal
from burnish.domain.evaluators.run import evaluate_traces
from burnish.domain.evaluators.signals import UserFeedback
from burnish.domain.evaluators.structure import JsonSchema
from burnish.domain.evaluators.text import FuzzyMatch, Regex
from burnish.domain.evaluators.tools import ToolArguments, ToolSelection
from burnish.domain.evaluators.trajectory import Loops
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.traces import SpanKind


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("json", '{"a": [1]}', "{a: 1}"),
        ("json", "null", "NaN"),
        ("json_object", {"a": 1}, [1]),
        ("json_array", "[1]", "{}"),
        ("yaml", "a: 1\nb: [2]", "just words"),
        ("yaml", "- a\n- b", "a: [1"),
        ("markdown_table", "So:\n\n| a | b |\n|---|:-:|\n| 1 | 2 |\n\nDone.", "| a | b |\n| 1 | 2 |"),
        ("url", "https://x.test/a?b=c", "x.test/a"),
        ("url", "http://x.test", "javascript:alert(1)"),
        ("email", "ana@example.com", "ana@example"),
        ("date", "2026-02-28", "2026-02-30"),
        ("datetime", "2026-02-28T12:00:00Z", "noon"),
        ("number", "1,200.5", "twelve"),
        ("number", 3, True),
        ("integer", "-12", "1.5"),
        ("boolean", "Yes", "maybe"),
        ("uuid", "8f14e45f-ceea-467f-9575-3f4b0a8d1a2b", "8f14"),
        ("ip", "10.0.0.1", "10.0.0.256"),
        ("one_line", "one", "one\ntwo"),
        ("no_markdown", "Plain, 2 * 3 = 6.", "**Bold** words"),
    ],
)
def test_forms(form: Any, good: Any, bad: Any) -> None:
    """What has the form passes; what only looks like it fails with a reason."""
    check = Format(name="n", form=form)
    assert check.check(context(good)).score == 1
    failed = check.check(context(bad))
    assert (0, True) == (failed.score, bool(failed.comment))


def test_a_fence_may_be_taken_off() -> None:
    """Models like to wrap what they were asked for."""
    fenced = context('```json\n{"a": 1}\n```')
    assert Format(name="n", form="json").check(fenced).score == 0
    assert Format(name="n", form="json", strip_fence=True).check(fenced).score == 1


@pytest.mark.parametrize("form", ["json", "yaml", "markdown_table"])
def test_deep_nesting_is_no_crash(form: Any) -> None:
    """A text made to exhaust a parser fails the check and nothing else."""
    assert Format(name="n", form=form).check(context("[" * 100_000)).score == 0


def test_length_counts_what_it_is_told() -> None:
    """Characters, words, sentences and lines of one text."""
    text = context("One two. Three four!\nFive")
    counts = {unit: Length(name="n", unit=unit, maximum=0).check(text).comment for unit in ("words", "lines")}  # type: ignore[arg-type]
    assert {"words": "5 words, allowed are to 0", "lines": "2 lines, allowed are to 0"} == counts
    with pytest.raises(ValueError, match="minimum is above maximum"):
        Length(name="n", minimum=3, maximum=2)


@pytest.mark.parametrize(
    ("text", "refuses"),
    [
        ("I'm sorry, but I cannot help with that request.", True),
        ("I can\u2019t assist with this.", True),
        ("As an AI language model, I am unable to open files.", True),
        ("Das kann ich machen. Ich kann Ihnen dabei nicht helfen, sagt niemand.", True),
        ("I'm sorry for the delay. Your parcel arrives today.", False),
        ("You cannot return it after 14 days.", False),
        ("I can help with that.", False),
    ],
)
def test_refusals(text: str, refuses: bool) -> None:
    """Turns of phrase of a refusal, and sentences that only share words with one."""
    assert Refusal(name="n").check(context(text)).score == (0 if refuses else 1)
    assert Refusal(name="n", expected=True).check(context(text)).score == (1 if refuses else 0)


def test_language_of_the_input() -> None:
    """An answer in another language than the question fails; one too short to tell is not judged."""
    check = Language(name="n", same_as_input=True)
    asked = trace("Your parcel is waiting at the depot in town.", input="Wo ist mein Paket, das ich bestellt habe?")
    assert check.check(context(asked)).score == 0
    with pytest.raises(EvaluatorError, match="too few"):
        check.check(context("ok"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("card 4111 1111 1111 1111", "1 card"),
        ("order 4111 1111 1111 1112", None),
        ("GB82 WEST 1234 5698 7654 32", "1 iban"),
        ("GB83 WEST 1234 5698 7654 32", None),
        ("server 8.8.8.8", None),
        ("call +49 30 1234567", "1 phone"),
        ("ssn 536-90-4399", "1 us_ssn"),
        ("token ghp_abcdefghijklmnopqrstuvwxyz0123456789", "1 github_token"),
        ("a@b.example and c@d.example", "2 email"),
        ("mail [redacted:email], ask for [redacted:customer]", "1 email"),
    ],
)
def test_personal_data(text: str, found: str | None) -> None:
    """Found by form and proved by check digits; the comment never repeats it."""
    score = PiiLeak(name="n").check(context(text))
    assert (found, 0 if found else 1) == (score.comment, score.score)


def test_what_the_user_said_may_be_said_back() -> None:
    """Their own address is no leak, nor is one on the list; `also_from_input` is stricter."""
    subject = context(trace("We wrote to ana@example.com and copied help@shop.example.", input="I am ana@example.com"))
    assert PiiLeak(name="n", allow=("Help@shop.example",)).check(subject).score == 1
    assert PiiLeak(name="n").check(subject).comment == "1 email"
    assert PiiLeak(name="n", also_from_input=True).check(subject).comment == "2 email"
    screened = context(trace("Pay to [redacted:iban], mail [redacted:email].", input="I am [redacted:email]"))
    assert PiiLeak(name="n").check(screened).comment == "1 iban"


def test_what_is_looked_for_can_be_named() -> None:
    """As under [redaction]: addresses of the network on request, secrets and personal data off."""
    subject = context("8.8.8.8, ana@example.com, password=hunter22")
    assert PiiLeak(name="n", personal=("ip",)).check(subject).comment == "1 ip, 1 password"
    assert PiiLeak(name="n", secrets=False).check(subject).comment == "1 email"


def _after(answer: str, *documents: Any) -> EvaluationContext:
    return context(trace(answer, span("r", SpanKind.RETRIEVER, output=list(documents)), input="?"))


@pytest.mark.parametrize(
    ("fields", "answer", "score"),
    [
        ({"style": "quotes"}, "It says “kept for 14  Days”.", 1),
        ({"style": "quotes"}, "It says “kept for 30 days”.", 0),
        ({"style": "urls"}, "See https://x.test/depot.", 1),
        ({"style": "urls"}, "See https://x.test/other.", 0),
        ({"style": "numbers"}, "So it is [1, 2].", 1),
        ({"style": "numbers"}, "So it is [3].", 0),
        ({"style": "numbers"}, "So it is.", 0),
        ({"style": "numbers", "minimum": 0}, "So it is.", 1),
    ],
)
def test_citations(fields: dict[str, Any], answer: str, score: float) -> None:
    """Each way of citing: what is there passes, what is invented or missing fails."""
    subject = _after(answer, {"text": "Kept for 14 days.", "metadata": {"source": "https://x.test/depot"}}, "Another.")
    assert Citations(name="n", **fields).check(subject).score == score


def test_without_sources_nothing_is_judged() -> None:
    """No retrieval is no bad citation: the trace cannot be judged."""
    for check in (Citations(name="n"), Grounded(name="n")):
        with pytest.raises(EvaluatorError, match="nothing was retrieved"):
            check.check(context("See https://x.test."))


def test_grounding_counts_sentences() -> None:
    """The share of sentences that stand, from tools as well as retrievers, and figures that must be there."""
    subject = context(
        trace(
            "Order W1 is at the depot since 3 May. The courier returns on Tuesday morning.",
            tool("find", {"id": "W1"}, {"status": "at the depot since 3 May", "order": "W1"}),
        )
    )
    assert Grounded(name="n", threshold=None).check(subject).score == 0.5
    assert Grounded(name="n", threshold=0.5).check(subject).score == 1


def test_tool_selection_measures_sets() -> None:
    """A needless tool costs precision, a missing one recall."""
    subject = trace("x", tool("find"), tool("cancel"))
    kinds: tuple[Any, ...] = ("precision", "recall", "f1")
    found = [ToolSelection(name="n", tools=("find",), measure=kind).check(context(subject)).score for kind in kinds]
    assert [0.5, 1.0, pytest.approx(2 / 3)] == found
    named = context(subject, [{"name": "find"}, "cancel"])
    assert ToolSelection(name="n").check(named).score == 1
    with pytest.raises(EvaluatorError, match="no list of tool names"):
        ToolSelection(name="n").check(context(subject, "find"))


def test_recorded_schemas_judge_arguments() -> None:
    """Without schemas of its own the check takes those of the trace; without any it says so."""
    called = trace("x", tool("find", {"order": 3}))
    with pytest.raises(EvaluatorError, match="set `schemas`"):
        ToolArguments(name="n").check(context(called))
    schema = {"type": "object", "properties": {"order": {"type": "string"}}}
    call = SimpleNamespace(tool_definitions=[SimpleNamespace(name="find", parameters=schema)])
    subject = context(called)
    subject.__dict__["model_calls"] = (call,)  # the cached calls, as a source that records definitions gives them
    assert ToolArguments(name="n").check(subject).score == 0
    own = {"find": {"type": "object"}}
    assert ToolArguments(name="n", schemas=own).check(subject).score == 1


def test_loops_of_equal_calls() -> None:
    """By call, the same tool with other arguments is progress."""
    paging = context(trace("x", *[tool("page", {"n": n}, at=n) for n in range(8)]))
    assert Loops(name="n").check(paging).score == 0
    assert Loops(name="n", by="call").check(paging).score == 1


def _word(author: str, minutes: int, **fields: Any) -> Feedback:
    moment = START + timedelta(minutes=minutes)
    return Feedback(
        trace_id="t", source=FeedbackSource.USER, author=author, created_at=moment, **{"key": "r", **fields}
    )


def _heard(check: UserFeedback, *items: Feedback) -> Score:
    found = check.check(context("the parcel").model_copy(update={"feedback": items}))
    assert isinstance(found, Score)
    return found


def test_user_feedback_is_brought_to_one_scale() -> None:
    """Ratings by their scale, the newest word of each user, several users together."""
    stars = UserFeedback(name="n", keys=("r",), scale=(1, 5))
    assert _heard(stars, _word("a", 1, score=5)).score == 1
    assert _heard(stars, _word("a", 1, score=5), _word("a", 2, score=1)).score == 0
    assert _heard(stars, _word("a", 1, score=5), _word("b", 2, score=1)).score == 0.5
    worst = stars.model_copy(update={"combine": "worst"})
    assert _heard(worst, _word("a", 1, score=5), _word("b", 2, score=2)).score == 0.25
    assert _heard(UserFeedback(name="n", keys=("r",)), _word("a", 1, value=False)).score == 0
    edits = UserFeedback(name="n", keys=("r",), edits=True)
    assert _heard(edits, _word("a", 1, key="edit", correction="the parcel")).score == 1
    with pytest.raises(EvaluatorError, match="add it to labels"):
        _heard(UserFeedback(name="n", keys=("r",)), _word("a", 1, value="hm"))


def test_other_peoples_words_do_not_count() -> None:
    """Reviewers are not users, and other keys say other things."""
    check = UserFeedback(name="n", keys=("r",))
    reviewer = _word("a", 1, score=1.0).model_copy(update={"source": FeedbackSource.HUMAN})
    assert [False, False, True] == [
        check.heeds(item) for item in (reviewer, _word("a", 1, key="other", score=1), _word("a", 1, score=1))
    ]


async def test_a_pattern_without_end_is_stopped() -> None:
    """Catastrophic backtracking is a recorded failure within its time, in a spec's own pattern and in a schema's."""
    text = "a" * 5_000 + "!"
    checks = [
        Regex(name="r", pattern=r"a?(?:a+)+b", timeout_s=0.2),
        JsonSchema(name="s", schema={"type": "string", "pattern": "^(a|a?)+$"}),
    ]
    started = time.monotonic()
    report = await evaluate_traces([context(f'"{text}"')], checks)
    assert time.monotonic() - started < 60  # without a limit it would be years
    assert {"r": "TimeoutError", "s": "TimeoutError"} == {item.evaluator: item.error for item in report.failures}


def test_partial_similarity_of_long_texts_is_refused() -> None:
    """It would take minutes: two long texts are no matter for this method."""
    subject = context("x" * 20_000, "y" * 10_000)
    with pytest.raises(EvaluatorError, match="too long for the method partial"):
        FuzzyMatch(name="n", method="partial").check(subject)
    assert FuzzyMatch(name="n").check(subject).score == 0
