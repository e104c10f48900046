"""The traces of one session as one trace, for evaluators that judge the whole conversation."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from burnish.domain.base import UtcDatetime, Value
from burnish.domain.traces import Span, Trace

__all__ = ["LONGEST", "SessionTraces", "join_session"]

LONGEST = 200
"""How many traces of a session are judged together: the newest ones."""


class SessionTraces(Value):
    """A session of an agent: its traces' ids in the order they started, when it ended so far, when it last changed."""

    session_id: str
    trace_ids: tuple[str, ...]
    ended_at: UtcDatetime
    changed_at: UtcDatetime

    def settled(self, idle_minutes: float, now: datetime) -> bool:
        """Whether nothing has come in for so long."""
        return now - self.ended_at >= timedelta(minutes=idle_minutes)


def join_session(traces: Sequence[Trace]) -> Trace:
    """One trace of all spans: the first input, the last output and status, named by the last trace's id.

    Its latency is from the first start to the last end, so it includes the time the user took. Span ids are unique in
    their trace only, so each gets the number of its turn.
    """
    last = traces[-1]
    ends = [trace.ended_at for trace in traces if trace.ended_at is not None]
    return last.model_copy(
        update={
            "started_at": traces[0].started_at,
            "ended_at": max(ends, default=None),
            "input": traces[0].input,
            "metadata": {key: value for trace in traces for key, value in trace.metadata.items()},
            "spans": tuple(_of_turn(span, number) for number, trace in enumerate(traces) for span in trace.spans),
        }
    )


def _of_turn(span: Span, number: int) -> Span:
    parent = None if span.parent_id is None else f"{number}/{span.parent_id}"
    return span.model_copy(update={"span_id": f"{number}/{span.span_id}", "parent_id": parent})
