"""Log records that carry what was said in a span, or a score of it: OTel GenAI's events.

Where an instrumentation sends the content of a call as log records (it is opt-in, and the span then holds none), each
record becomes a span of its own that is marked as content alone; `burnish.domain.merging` joins it with the span,
whichever comes first. Records of other names are nothing to us.
"""

from dataclasses import dataclass, field

from burnish.adapters.sources.otlp.conventions import CONTENT_EVENTS
from burnish.adapters.sources.otlp.raw import Attributes, RawEvent, RawSpan, checked_span, moment
from burnish.domain.base import Json, content_hash
from burnish.domain.feedback import Feedback, FeedbackSource

__all__ = ["EVALUATION", "RawLog", "content_of", "evaluation", "evaluation_of"]

EVALUATION = "gen_ai.evaluation.result"


@dataclass(slots=True)
class RawLog:
    """One log record before mapping. Ids are lower-case hex, `time_ns` is when it happened or was observed."""

    trace_id: str
    span_id: str
    time_ns: int
    name: str
    body: Json = None
    attributes: Attributes = field(default_factory=dict)
    scope: str = ""
    resource: Attributes = field(default_factory=dict)

    @property
    def facts(self) -> Attributes:
        """The record's attributes with its body, which older instrumentations put the content in."""
        named = {name: value for name, value in self.attributes.items() if name != "event.name"}
        if isinstance(self.body, dict):
            return {**named, "gen_ai.event.content": self.body} if self.name in CONTENT_EVENTS else self.body | named
        return named if self.body is None else {"content": self.body, **named}


def content_of(log: RawLog) -> RawSpan | None:
    """The span's content that a record tells; None where it tells none.

    Raises ValueError with the reason where it names no span to belong to.
    """
    if log.name not in CONTENT_EVENTS:
        return None
    facts = log.facts
    told = [str(facts[key]) for key in ("gen_ai.operation.name", "gen_ai.request.model") if facts.get(key)]
    if log.name == "gen_ai.client.inference.operation.details" and isinstance(log.body, dict):
        facts = log.body | {name: value for name, value in facts.items() if name != "gen_ai.event.content"}
    return checked_span(
        RawSpan(
            trace_id=log.trace_id,
            span_id=log.span_id,
            parent_id=None,
            name=" ".join(told) or log.name,
            start_ns=log.time_ns,
            end_ns=0,
            events=[RawEvent(log.name, facts)],
            scope=log.scope,
            resource=log.resource,
            logged=content_hash(log.time_ns, log.name, log.body, log.attributes),
        )
    )


def evaluation_of(log: RawLog) -> Feedback | None:
    """The score that a record tells; None where it tells none. Raises ValueError as `content_of` does."""
    if log.name != EVALUATION:
        return None
    checked_span(RawSpan(log.trace_id, log.span_id, None, "", log.time_ns, 0))
    return evaluation(log.trace_id, log.span_id, log.time_ns, log.scope, log.facts)


def evaluation(trace_id: str, span_id: str, time_ns: int, scope: str, facts: Attributes) -> Feedback | None:
    """Feedback by an evaluator of the agent's own, from an event of a result; None where it has no name or result."""
    name, score = facts.get("gen_ai.evaluation.name"), facts.get("gen_ai.evaluation.score.value")
    label, why = facts.get("gen_ai.evaluation.score.label"), facts.get("gen_ai.evaluation.explanation")
    scored = isinstance(score, (int, float)) and not isinstance(score, bool) and abs(score) < 1e300
    if not isinstance(name, str) or not name or not (scored or isinstance(label, str)):
        return None
    return Feedback(
        trace_id=trace_id,
        span_id=span_id,
        key=name,
        source=FeedbackSource.EXTERNAL,
        score=float(score) if scored else None,  # type: ignore[arg-type]
        value=label if isinstance(label, str) else None,
        comment=why if isinstance(why, str) and why else None,
        author=scope or "otlp",
        created_at=moment(time_ns),
    )
