from hypothesis import given
from hypothesis import strategies as st
from support.store_samples import span, trace

from burnish.domain.merging import merge
from burnish.domain.traces import SpanStatus, Trace

ROOT = span("t", "root")
CHILD = span("t", "child", "root", after=1)
LATE = span("t", "late", "root", after=2)


def part(*spans_of: object, **fields: object) -> Trace:
    return trace("t", *spans_of, **fields)  # type: ignore[arg-type]


def test_a_trace_merged_with_itself_is_itself() -> None:
    """Adding the same again changes nothing."""
    whole = part(ROOT, CHILD, status=SpanStatus.ERROR, status_message="boom", metadata={"a": 1})
    assert whole == merge(whole, whole)


def test_the_root_speaks_even_when_it_comes_last() -> None:
    """Children are exported before their root, and what the source guessed from a child gives way."""
    children = part(CHILD, input="a tool's input", output=None, name="child", status=SpanStatus.ERROR)
    root = part(ROOT, input="the question", output="the answer", name="chat")
    merged = merge(children, root)
    assert (
        merged.input,
        merged.output,
        merged.name,
        merged.status,
    ) == ("the question", "the answer", "chat", SpanStatus.UNSET)
    assert tuple(one.span_id for one in merged.spans) == ("root", "child")


def test_a_late_child_does_not_speak_for_the_trace() -> None:
    """A span that arrives after its root fills gaps and overrides nothing."""
    root = part(ROOT, input="the question", output=None, session_id=None, metadata={"k": "root"})
    late = part(LATE, input="inner", output="inner answer", name="late", session_id="s", metadata={"k": "x", "n": 1})
    merged = merge(root, late)
    assert (
        merged.input,
        merged.output,
        merged.session_id,
        merged.name,
    ) == ("the question", "inner answer", "s", "chat")
    assert merged.metadata == {"k": "root", "n": 1}


def test_none_in_the_newer_version_keeps_what_was_known() -> None:
    """A root sent again without its output does not erase it."""
    assert merge(part(ROOT, output="kept"), part(ROOT, output=None)).output == "kept"


def test_the_newest_version_of_a_span_wins() -> None:
    """An exporter may send a span twice, first while it is open."""
    closed = CHILD.model_copy(update={"name": "closed"})
    assert tuple(one.name for one in merge(part(ROOT, CHILD), part(closed)).spans) == ("root", "closed")


def test_agent_and_source_stay() -> None:
    """A trace belongs to the agent that it was first stored for; one that was pushed is the store's that has it too."""
    merged = merge(part(ROOT), part(ROOT, agent="other", source="jsonl"))
    assert (merged.agent, merged.source) == ("support", "otlp")
    pulled = merge(merged, part(ROOT, agent="other", source="phoenix"))
    assert (pulled.agent, pulled.source) == ("support", "phoenix")
    assert "phoenix" == merge(pulled, part(ROOT, source="langfuse")).source


def test_a_trace_without_spans_adds_to_what_is_known() -> None:
    """A source may hand in metadata alone; an unset status says nothing."""
    known = part(ROOT, CHILD, status=SpanStatus.ERROR, status_message="boom")
    bare = Trace(trace_id="t", agent="support", source="otlp", name="chat", started_at=known.started_at, user_id="u")
    merged = merge(known, bare)
    assert ("u", SpanStatus.ERROR, "boom", known.spans) == (
        merged.user_id,
        merged.status,
        merged.status_message,
        merged.spans,
    )


@given(order=st.permutations([0, 1, 2]))
def test_the_order_of_arrival_does_not_matter(order: list[int]) -> None:
    """However the batches come in, the same spans give the same trace."""
    batches = [
        part(ROOT, input="q", output="a", user_id="u"),
        part(CHILD, input=None, output=None, name="child"),
        part(LATE, input=None, output=None, name="late", after=2),
    ]
    straight = merge(merge(batches[0], batches[1]), batches[2])
    first, second, third = (batches[index] for index in order)
    assert straight == merge(merge(first, second), third)
