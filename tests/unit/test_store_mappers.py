"""The mappers of LangSmith's and Langfuse's answers, given anything."""

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.adapters.sources.base import Batch
from burnish.adapters.sources.langfuse.scores import feedback_of as feedback_of_score
from burnish.adapters.sources.langfuse.traces import observations_to_traces, whole_trace
from burnish.adapters.sources.langsmith.feedback import feedback_of
from burnish.adapters.sources.langsmith.traces import runs_to_traces

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
_WORDS = """
role content parts text type kwargs id lc messages choices message generations output input contents
candidates tool_calls function name arguments additional_kwargs data human ai tool constructor AIMessage user
assistant usage_metadata raw prompt token_usage image_url system
"""
WORDS = st.sampled_from(_WORDS.split())
PAYLOADS = st.recursive(
    SCALARS | WORDS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(WORDS | st.text(max_size=4), below, max_size=5),
    max_leaves=16,
)
MOMENTS = st.just("2026-11-20T10:00:00Z") | SCALARS
IDS = st.just("a") | SCALARS


def item(names: str, **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these fields, any of which may be missing, and with anything in them."""
    return st.fixed_dictionaries({}, optional={**dict.fromkeys(names.split(), PAYLOADS), **fixed})


OBSERVATIONS = item(
    "input output metadata modelParameters usageDetails costDetails tags totalCost version",
    id=IDS, traceId=IDS, startTime=MOMENTS, endTime=MOMENTS, parentObservationId=IDS, name=SCALARS, level=SCALARS,
    type=st.sampled_from(["SPAN", "GENERATION", "TOOL", "EVENT", "EMBEDDING", "odd"]) | SCALARS,
)  # fmt: skip
RUNS = item(
    "inputs outputs extra metadata tags prompt_token_details parent_run_ids total_cost prompt_tokens",
    id=IDS, trace_id=IDS, start_time=MOMENTS, end_time=MOMENTS, dotted_order=SCALARS, error=SCALARS,
    run_type=st.sampled_from(["llm", "TOOL", "chain", "embedding", "odd"]) | SCALARS, status=SCALARS,
)  # fmt: skip
SCORES = item("value stringValue metadata subject", id=IDS, traceId=IDS, name=IDS, source=SCALARS, timestamp=MOMENTS,
              dataType=st.sampled_from(["NUMERIC", "BOOLEAN", "CATEGORICAL", "CORRECTION"]) | SCALARS)  # fmt: skip
FEEDBACK = item("value correction feedback_source", run_id=IDS, trace_id=IDS, key=IDS, score=SCALARS, comment=SCALARS)


def every_one_is_accounted_for(given_items: list[dict[str, Any]], batch: Batch) -> None:
    spans = {(span.trace_id, span.span_id) for trace in batch.traces for span in trace.spans}
    assert len(spans) == sum(len(trace.spans) for trace in batch.traces)
    assert bool(given_items) == bool(spans or batch.problems)
    assert len(given_items) >= len(spans) + len(batch.problems)


@settings(max_examples=int(os.environ.get("BURNISH_FUZZ_EXAMPLES", "50")), deadline=None)
@given(st.lists(OBSERVATIONS, max_size=3))
def test_any_observation_becomes_a_span_or_a_problem(observations: list[dict[str, Any]]) -> None:
    """Nothing that Langfuse may answer with ends the reading, and nothing is dropped without a word."""
    every_one_is_accounted_for(observations, observations_to_traces(observations, "desk", "langfuse"))
    whole_trace({"id": "a", "timestamp": "2026-11-20T10:00:00Z", "observations": observations}, "desk", "langfuse")


@settings(max_examples=int(os.environ.get("BURNISH_FUZZ_EXAMPLES", "50")), deadline=None)
@given(st.lists(RUNS, max_size=3))
def test_any_run_becomes_a_span_or_a_problem(runs: list[dict[str, Any]]) -> None:
    """Nothing that LangSmith may answer with ends the reading, and nothing is dropped without a word."""
    every_one_is_accounted_for(runs, runs_to_traces(runs, "desk", "langsmith"))


@settings(max_examples=int(os.environ.get("BURNISH_FUZZ_EXAMPLES", "50")), deadline=None)
@given(SCORES, FEEDBACK)
def test_any_score_becomes_feedback_or_a_problem_or_is_not_meant(score: dict[str, Any], told: dict[str, Any]) -> None:
    """Nothing in a score or a feedback ends the reading."""
    feedback_of_score(score, ())
    feedback_of(told, ())


@pytest.mark.parametrize("depth", [100, 400, 900, 20_000])
@pytest.mark.parametrize("around", ['{"message": %s}', "[%s]", '{"output": %s}', '{"role": "user", "content": %s}'])
def test_however_deep_a_payload_is_nested_its_neighbours_are_read(around: str, depth: int) -> None:
    """What is nested past all reason is a problem, or text, and nothing else is lost."""
    deep, core = around % "@", "1"
    before, after = deep.split("@")
    text = before * depth + core + after * depth
    fine = {"id": "b", "traceId": "t", "startTime": "2026-11-20T10:00:00Z", "type": "GENERATION", "input": "Hi"}
    items = [{**fine, "id": "a", "input": text}, fine]
    batch = observations_to_traces(items, "desk", "langfuse")
    assert "b" in [span.span_id for trace in batch.traces for span in trace.spans]
    whole = {"id": "t", "timestamp": "2026-11-20T10:00:00Z", "input": text, "observations": [fine]}
    trace, problems = whole_trace(whole, "desk", "langfuse")
    assert trace is not None
    assert [] == problems
    trace.model_dump_json()
