"""What the store writes of a trace is what pydantic would have written, whoever writes it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.store_samples import span, trace

from burnish.adapters.store.ingest import head_json, prepare, span_json
from burnish.adapters.store.rows import json_bytes
from burnish.domain.traces import Span, ToolDefinition, Trace

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    LEAVES | TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)


@settings(deadline=None)
@given(VALUES, TEXTS)
def test_a_span_reads_back_as_itself(value: Any, text: str) -> None:
    """Any JSON in any field survives, numbers of more than 64 bits too."""
    given_span = span("t", "s", input=value, attributes={"k": value}, status_message=text)
    assert given_span == Span.model_validate_json(span_json(given_span))
    whole = trace("t", given_span, input=value, metadata={"m": value})
    assert whole.model_copy(update={"spans": ()}) == Trace.model_validate_json(head_json(whole))


@pytest.mark.parametrize("value", [1, 1.5, 2**70, "é", [True, None], {"a": {"b": []}}])
def test_the_bytes_are_pydantics(value: Any) -> None:
    """A trace stored by another writer is not taken for a changed one."""
    whole = trace("t", span("t", "s", input=value), input=value)
    assert json_bytes(whole, {"spans"}) == head_json(whole)
    assert json_bytes(whole.spans[0], {"tool_definitions"}) == prepare(whole).spans["s"][1]
    offered = trace("t", span("t", "s", input=value, tool_definitions=(ToolDefinition(name="f", parameters=value),)))
    assert json_bytes(offered.spans[0]) == prepare(offered).spans["s"][1]


def test_spans_of_an_older_version_are_the_same_when_they_come_again() -> None:
    """The first version of the store knew no tools that were offered; what it wrote is no change after an upgrade."""
    fields = (
        "trace_id,span_id,parent_id,name,kind,started_at,ended_at,status,status_message,model,provider,"
        "input_messages,output_messages,input,output,tool,usage,cost_usd,attributes"
    )
    assert fields.split(",") == list(json.loads(span_json(span("t", "s"))))
