"""Which traces an evaluator looks at: its filter, and a share chosen by hash."""

import hashlib
from typing import Final

from burnish.domain.evaluators.base import EvaluationContext, Filter
from burnish.domain.traces import SpanStatus, Trace

__all__ = ["applies", "has_expected", "sampled"]

_STEPS: Final = 2**64


def sampled(trace_id: str, share: float) -> bool:
    """Whether a trace is in a sample of `share` (0 to 1).

    Decided by a hash of the trace id alone: evaluators at the same share score the same traces, so their results can
    be held against each other, and a lower share is a subset of a higher one.
    """
    if share >= 1:
        return True
    digest = hashlib.sha256(b"burnish sample\0" + trace_id.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) < share * _STEPS


def applies(rule: Filter, context: EvaluationContext, *, sampling: bool = True) -> bool:
    """Whether everything the filter sets holds."""
    trace = context.trace
    if sampling and not sampled(trace.trace_id, rule.sample):
        return False
    if rule.has_expected is not None and rule.has_expected is not has_expected(context):
        return False
    return _matches(rule, trace)


def has_expected(context: EvaluationContext) -> bool:
    """Whether an expected output is known."""
    return context.example is not None and context.example.expected is not None


def _matches(rule: Filter, trace: Trace) -> bool:
    if not rule.fits(trace):
        return False
    if rule.has_error is not None and rule.has_error is not _has_error(trace):
        return False
    return all(key in trace.metadata and trace.metadata[key] == value for key, value in rule.metadata.items())


def _has_error(trace: Trace) -> bool:
    return trace.error is not None or any(span.status is SpanStatus.ERROR for span in trace.spans)
