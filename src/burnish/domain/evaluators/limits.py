"""Checks of what a run took: seconds, tokens, dollars; and that it ended without an error."""

from typing import ClassVar, Literal

from pydantic import Field

from burnish.domain.evaluators.base import CodeCheck, EvaluationContext, EvaluatorError, Score
from burnish.domain.traces import SpanStatus, Usage
from burnish.domain.trajectories import shorten

__all__ = ["CostLimit", "LatencyLimit", "NoError", "TokenLimit"]


class LatencyLimit(CodeCheck):
    """The trace took at most `max_s` seconds. An open trace cannot be judged."""

    kind: ClassVar[str] = "latency"

    max_s: float = Field(gt=0)

    def check(self, context: EvaluationContext) -> Score:
        """1 where quick enough."""
        latency = context.trace.latency_s
        if latency is None:
            raise EvaluatorError("the trace has no end, so its latency is not known")
        return Score.passed(latency <= self.max_s, f"{latency:.3g} s, the limit is {self.max_s:g} s")


class TokenLimit(CodeCheck):
    """All model calls together took at most `max_tokens`.

    `count` chooses input, output or both. A trace whose calls do not all say their tokens cannot be judged, unless what
    is known is over the limit already.
    """

    kind: ClassVar[str] = "tokens"

    max_tokens: int = Field(gt=0)
    count: Literal["total", "input", "output"] = "total"

    def check(self, context: EvaluationContext) -> Score:
        """1 where within the limit."""
        calls = list(context.model_calls)
        usages = [call.usage for call in calls]
        if not any(usages):
            usages = [context.trace.usage]  # some sources give the figures of the whole at the root only
        counts = [self._tokens(usage) for usage in usages]
        total = sum(count for count in counts if count is not None)
        if total <= self.max_tokens and None in counts:
            raise EvaluatorError(f"{counts.count(None)} of {len(counts)} model calls do not say their tokens")
        return Score.passed(total <= self.max_tokens, f"{total:,} tokens, the limit is {self.max_tokens:,}")

    def _tokens(self, usage: Usage | None) -> int | None:
        if usage is None:
            return None
        if self.count == "input":
            return usage.input_tokens
        if self.count == "output":
            return usage.output_tokens
        if usage.input_tokens is None and usage.output_tokens is None:
            return None
        return usage.total


class CostLimit(CodeCheck):
    """All model calls together cost at most `max_usd` US dollars.

    An unknown cost is not 0: a trace with unpriced calls cannot be judged, unless the priced ones are over the limit.
    """

    kind: ClassVar[str] = "cost"

    max_usd: float = Field(gt=0)

    def check(self, context: EvaluationContext) -> Score:
        """1 where within the limit."""
        costs = [call.cost_usd for call in context.model_calls]
        root = context.trace.root
        if all(cost is None for cost in costs) and root is not None:
            costs = [root.cost_usd]  # some sources give the cost of the whole at the root only
        total = sum(cost for cost in costs if cost is not None)
        if total <= self.max_usd and (not costs or None in costs):
            raise EvaluatorError("the trace does not say what all its model calls cost")
        return Score.passed(total <= self.max_usd, f"${total:.6g}, the limit is ${self.max_usd:g}")


class NoError(CodeCheck):
    """The trace did not end with an error; with `any_span`, no step of it failed either."""

    kind: ClassVar[str] = "no_error"

    any_span: bool = False

    def check(self, context: EvaluationContext) -> Score:
        """1 where there is no error."""
        trace = context.trace
        if trace.error is not None:
            return Score.passed(False, shorten(trace.error, 500))
        if self.any_span:
            failed = next((span for span in trace.spans if span.status is SpanStatus.ERROR), None)
            if failed is not None:
                return Score.passed(False, shorten(f"{failed.name}: {failed.status_message or 'error'}", 500))
        return Score.passed(True)
