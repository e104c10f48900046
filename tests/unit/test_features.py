"""What evaluators and queues tell traces apart by, and what a trace's main model is."""

import datetime as dt
from typing import Any

import pytest
from support.store_samples import span, trace

from burnish.domain.annotation.rules import Candidate, Feature
from burnish.domain.evaluators.base import EvaluationContext, Filter
from burnish.domain.evaluators.sampling import applies
from burnish.domain.features import Features
from burnish.domain.listing import TraceSummary
from burnish.domain.traces import Span, SpanKind, SpanStatus, Trace, Usage

SET: dict[str, Any] = {
    "name": "chat", "environment": "production", "release": "1.2", "prompt_version": "7", "model": "large",
    "status": SpanStatus.OK, "min_latency_s": 2.0,
}  # fmt: skip


def called(number: int, model: str | None, tokens: int = 0, **fields: Any) -> Span:
    return span("t", f"call {number}", "root", number, model=model, usage=Usage(output_tokens=tokens), **fields)


def with_calls(*calls: Span, **root: Any) -> Trace:
    fields = {"environment": "production", "release": "1.2", "prompt_version": "7", "status": SpanStatus.OK}
    return trace("t", span("t", "root", **root), *calls, **fields)


def row_of(found: Trace) -> TraceSummary:
    same = {name: getattr(found, name) for name in TraceSummary.model_fields if hasattr(found, name)}
    return TraceSummary(**{**same, "tokens": 0, "spans": 0, "input_preview": "", "output_preview": ""})


@pytest.mark.parametrize(
    ("calls", "main"),
    [
        ([called(1, "small"), called(2, "large"), called(3, "small")], "small"),
        ([called(1, "small", 5), called(2, "large", 6)], "large"),
        ([called(1, "small"), called(2, "large")], "small"),
        ([called(1, None), called(2, ""), called(3, "large")], "large"),
        ([called(1, "large"), called(2, "small", kind=SpanKind.EMBEDDING)], "large"),
        ([], "of the root"),
    ],
)
def test_the_main_model_is_that_of_most_calls(calls: list[Span], main: str) -> None:
    """Then of most tokens, then of the first call; without one that says it, what the root says."""
    assert main == with_calls(*calls, model="of the root").model


def test_a_call_that_an_sdk_reports_again_counts_once() -> None:
    """The main model is counted as tokens are: an inner span of the same call is not a second one."""
    inner = [span("t", f"inner {n}", "call 1", n, model="alias", kind=SpanKind.LLM) for n in range(2)]
    assert "large" == with_calls(called(1, "large"), *inner).model


@pytest.mark.parametrize("name", SET)
def test_evaluators_and_queues_ask_the_same_of_a_trace(name: str) -> None:
    """Each feature holds on the trace and on its row in a list, or on neither."""
    fitting = with_calls(called(1, "large"))
    other = trace("t", span("t", "root"), name="other", ended_at=fitting.started_at + dt.timedelta(seconds=1))
    asked = {name: SET[name]}
    for found, holds in ((fitting, True), (other, False)):
        assert holds is applies(Filter(**asked), EvaluationContext(trace=found)), found
        assert holds is Feature(**asked).matches(Candidate(row_of(found)))
        assert holds is Features(**asked).fits(row_of(found))
    assert Features(**asked).asks_anything
    assert not Filter(sample=0.5, has_error=True).asks_anything


def test_what_is_set_must_all_hold() -> None:
    """One feature that differs is enough to leave a trace out."""
    found = with_calls(called(1, "large"))
    assert Features(**SET).fits(found)
    assert not Features(**{**SET, "release": "1.3"}).fits(found)
