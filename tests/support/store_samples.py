"""Small traces and proposals for tests of the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.proposals import Edit, Proposal, PullRequest
from burnish.domain.traces import Message, Span, SpanKind, TextPart, Trace, Usage

START = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


def span(trace_id: str, name: str, parent: str | None = None, after: float = 0.0, **fields: Any) -> Span:
    """A span whose id is its name, so many seconds after the start."""
    begun = START + timedelta(seconds=after)
    defaults = {"kind": SpanKind.LLM if parent else SpanKind.AGENT, "ended_at": begun + timedelta(seconds=1)}
    return Span(trace_id=trace_id, span_id=name, parent_id=parent, name=name, started_at=begun, **(defaults | fields))


def trace(trace_id: str, *spans: Span, after: float = 0.0, **fields: Any) -> Trace:
    """A trace of the agent "support"; one root and one model call where no spans are given."""
    begun = START + timedelta(seconds=after)
    if not spans:
        said = Message(role="assistant", parts=(TextPart(text="hello"),))
        spans = (
            span(trace_id, "root", after=after),
            span(
                trace_id, "call", "root", after + 0.1, usage=Usage(input_tokens=7, output_tokens=3), cost_usd=0.25
            ).model_copy(update={"output_messages": (said,)}),
        )
    defaults = {
        "agent": "support",
        "source": "otlp",
        "name": "chat",
        "ended_at": begun + timedelta(seconds=2),
        "input": f"question of {trace_id}",
        "output": "an answer",
    }
    return Trace(trace_id=trace_id, started_at=begun, spans=spans, **(defaults | fields))


def judged(trace_id: str, score: float | None, key: str = "helpful", after: float = 0.0, **fields: Any) -> Feedback:
    """A judge's feedback, so many seconds after the start."""
    defaults = {"source": FeedbackSource.JUDGE, "author": key, "version": "v1"}
    moment = START + timedelta(seconds=after)
    return Feedback(trace_id=trace_id, key=key, score=score, created_at=moment, **(defaults | fields))


def judges_pull(agent: str) -> tuple[Proposal, PullRequest]:
    """A proposal for a judge of the agent, and its pull request, kept as the week of its judges keeps them."""
    book = f"{agent}~judges"
    edit = Edit(path="config/evaluators/all.yaml", search="Is it helpful?", replace="Does it help?")
    proposal = Proposal(
        id=Proposal.id_for(book, "c" * 40, (edit,)), agent=book, night=f"{book}/2026-01-26", base_commit="c" * 40,
        title="Say what helps", rationale="People disagreed.", edits=(edit,), proposer="rubric", created_at=START,
    )  # fmt: skip
    pull = PullRequest(
        id=f"{book}-1", agent=book, proposal_id=proposal.id, forge="local", branch="burnish/say-what-helps",
        base="main", commit="d" * 40, number=7, url="/pull-requests/7", title=proposal.title, body="Why.",
        created_at=START,
    )  # fmt: skip
    return proposal, pull
