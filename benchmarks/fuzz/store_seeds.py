"""Well-formed answers of trace stores, in all the forms that the mappers tell apart, and lines of our own format."""

import base64
import json
from collections.abc import Sequence
from typing import Any

__all__ = [
    "LANGFUSE_SCORES",
    "LANGFUSE_TRACES",
    "LANGSMITH_FEEDBACK",
    "LINES",
    "OBSERVATIONS",
    "PHOENIX_ANNOTATIONS",
    "PHOENIX_SPANS",
    "RUNS",
    "mlflow_traces",
]

Seeds = tuple[Any, ...]

_TIME, _LATER = "2026-03-01T10:00:00.000Z", "2026-03-01T10:00:01.500000+00:00"
_TRACE, _SPAN, _BELOW = "0af7651916cd43dd8448eb211c80319c", "00000000000000aa", "00000000000000bb"
_RUN, _CHILD = "b7ad6b71-6920-4331-8203-c80319c0af76", "c80319c0-6920-4331-8203-b7ad6b716920"
_CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"order": 7}'}}
_SAID: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Where is it?"}]},
    {"role": "assistant", "content": None, "tool_calls": [_CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "in transit"},
]
_LANGCHAIN: dict[str, Any] = {
    "lc": 1,
    "type": "constructor",
    "id": ["langchain", "schema", "messages", "AIMessage"],
    "kwargs": {
        "content": "On its way.",
        "usage_metadata": {"input_tokens": 50, "output_tokens": 9, "input_token_details": {"cache_read": 40}},
    },
}

_OBSERVATION: dict[str, Any] = {
    "id": "o1",
    "traceId": "t1",
    "startTime": _TIME,
    "endTime": _LATER,
    "parentObservationId": None,
    "isRootObservation": True,
    "type": "GENERATION",
    "name": "answer",
    "level": "ERROR",
    "statusMessage": "late",
    "environment": "production",
    "model": "gpt-x",
    "modelParameters": {"temperature": 0.2},
    "input": json.dumps({"messages": _SAID, "tools": [_CALL]}),
    "output": json.dumps({"role": "assistant", "content": "On its way."}),
    "usageDetails": {"input": 50, "output": 9, "total": 59, "input_cached_tokens": 40},
    "costDetails": {"total": 0.25},
    "metadata": {
        "attributes": {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"},
        "resourceAttributes": {"service.name": "desk"},
        "team": "desk",
    },
    "traceName": "desk",
    "sessionId": "s1",
    "userId": "u1",
    "promptName": "greeting",
    "promptVersion": 3,
    "tags": ["a"],
    "timeToFirstToken": 0.5,
}
_TOOL: dict[str, Any] = {
    **_OBSERVATION,
    "id": "o2",
    "parentObservationId": "o1",
    "isRootObservation": False,
    "type": "TOOL",
    "name": "execute_tool find",
    "level": "WARNING",
    "input": '{"order": 7}',
    "output": json.dumps({**_LANGCHAIN, "id": ["langchain", "schema", "messages", "ToolMessage"]}),
}
OBSERVATIONS: Seeds = ([_OBSERVATION, _TOOL], [{**_TOOL, "type": "SPAN"}, {**_OBSERVATION, "type": "EMBEDDING"}])
LANGFUSE_TRACES: Seeds = (
    {
        "id": "t1",
        "timestamp": _TIME,
        "name": "desk",
        "input": "Where is it?",
        "output": {"role": "assistant", "content": "On its way."},
        "sessionId": "s1",
        "userId": "u1",
        "environment": "production",
        "version": "7",
        "metadata": '{"team": "desk"}',
        "tags": ["a"],
        "observations": [{**_OBSERVATION, "input": _SAID, "usage": {"promptTokens": 3}, "usageDetails": {}}, _TOOL],
    },
    {"id": "t2", "timestamp": _TIME, "observations": []},
)
_SCORE: dict[str, Any] = {
    "id": "sc1",
    "name": "helpful",
    "value": 0.5,
    "dataType": "NUMERIC",
    "source": "ANNOTATION",
    "timestamp": _TIME,
    "updatedAt": _TIME,
    "subject": {"kind": "observation", "id": "o1", "traceId": "t1"},
    "authorUserId": "ann",
    "comment": "so",
    "metadata": {},
}
LANGFUSE_SCORES: Seeds = (
    [_SCORE, {**_SCORE, "dataType": "BOOLEAN", "value": True, "source": "API", "name": "thumbs"}],
    [
        {**_SCORE, "dataType": "CATEGORICAL", "stringValue": "good", "subject": None, "traceId": "t1"},
        {**_SCORE, "dataType": "CORRECTION", "value": '{"answer": 1}', "subject": {"kind": "trace", "id": "t1"}},
    ],
)

_LLM_RUN: dict[str, Any] = {
    "id": _CHILD,
    "trace_id": _RUN,
    "name": "ChatModel",
    "run_type": "LLM",
    "status": "ERROR",
    "error": "late",
    "start_time": _TIME,
    "end_time": _LATER,
    "first_token_time": _LATER,
    "parent_run_ids": [_RUN],
    "dotted_order": f"20260301T100000000000Z{_RUN}.20260301T100000000000Z{_CHILD}",
    "inputs": {"messages": [_SAID]},
    "outputs": {"generations": [[{"text": "On its way.", "message": _LANGCHAIN}]]},
    "extra": {"invocation_params": {"model": "gpt-x", "tools": [_CALL], "temperature": 0.2}},
    "metadata": {"ls_provider": "openai", "ls_model_name": "gpt-x", "session_id": "s1", "user_id": "u1"},
    "prompt_tokens": 50,
    "completion_tokens": 9,
    "total_cost": "0.25",
    "prompt_token_details": {"raw": {"cache_read": 40}},
    "tags": ["a"],
}
_ROOT_RUN: dict[str, Any] = {
    **_LLM_RUN,
    "id": _RUN,
    "name": "desk",
    "run_type": "chain",
    "status": "success",
    "error": None,
    "parent_run_ids": [],
    "dotted_order": f"20260301T100000000000Z{_RUN}",
    "inputs": {"input": "Where is it?"},
    "outputs": {"output": "On its way."},
    "extra": {"metadata": {"thread_id": "s1", "env": "production", "revision_id": "7"}},
    "metadata": {},
}
RUNS: Seeds = (
    [_ROOT_RUN, _LLM_RUN],
    [_ROOT_RUN, {**_LLM_RUN, "run_type": "tool", "inputs": {"input": '{"order": 7}'}, "outputs": {"output": "here"}}],
)
_GIVEN: dict[str, Any] = {
    "id": "f1",
    "created_at": _TIME,
    "modified_at": _LATER,
    "run_id": _CHILD,
    "trace_id": _RUN,
    "key": "helpful",
    "score": 0.5,
    "value": None,
    "comment": "so",
    "correction": {"output": "Soon."},
    "feedback_source": {"type": "app", "metadata": {}, "user_name": "ann"},
}
LANGSMITH_FEEDBACK: Seeds = (
    [_GIVEN, {**_GIVEN, "feedback_source": {"type": "api", "metadata": {}}, "key": "thumbs", "score": True}],
    [{**_GIVEN, "score": None, "value": {"value": 1, "label": "good"}}, {**_GIVEN, "value": "rude", "score": None}],
)

_PHOENIX: dict[str, Any] = {
    "id": "U3Bhbjox",
    "name": "answer",
    "context": {"trace_id": _TRACE, "span_id": _SPAN},
    "span_kind": "LLM",
    "parent_id": None,
    "start_time": _TIME,
    "end_time": _LATER,
    "status_code": "ERROR",
    "status_message": "late",
    "attributes": {
        "llm.model_name": "gpt-x",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "Where is it?",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "find",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"order": 7}',
        "llm.token_count.prompt": 50,
        "llm.cost.total": 0.25,
        "metadata.team": "desk",
        "tool.parameters.items.0.order": 7,
        "session.id": "s1",
    },
    "events": [{"name": "exception", "timestamp": _TIME, "attributes": {"exception.message": "late"}}],
}
PHOENIX_SPANS: Seeds = (
    [
        _PHOENIX,
        {
            **_PHOENIX,
            "context": {"trace_id": _TRACE, "span_id": _BELOW},
            "parent_id": _SPAN,
            "attributes": {
                "gen_ai.operation.name": "chat",
                "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]),
                "gen_ai.response.id": "r1",
                "output.value": '{"id": "r1"}',
            },
        },
    ],
)
_ANNOTATION: dict[str, Any] = {
    "id": "a1",
    "span_id": _SPAN,
    "trace_id": _TRACE,
    "name": "correct",
    "annotator_kind": "HUMAN",
    "result": {"score": 0.5, "label": "good", "explanation": "so"},
    "metadata": {},
    "identifier": "",
    "user_id": "VXNlcjox",
    "updated_at": _LATER,
}
PHOENIX_ANNOTATIONS: Seeds = (
    [_ANNOTATION, {**_ANNOTATION, "annotator_kind": "LLM", "identifier": "judge:1", "name": "note"}],
)

_ASSESSMENT: dict[str, Any] = {
    "assessment_id": "a-1",
    "assessment_name": "correct",
    "source": {"source_type": "HUMAN", "source_id": "ann"},
    "feedback": {"value": 0.5},
    "rationale": "so",
    "last_update_time": _LATER,
    "valid": True,
    "metadata": {},
}
_INFO: dict[str, Any] = {
    "trace_id": f"tr-{_TRACE}",
    "request_time": _TIME,
    "state": "OK",
    "trace_metadata": {"mlflow.trace.session": "s1", "mlflow.trace.user": "u1"},
    "tags": {"mlflow.trace.spansLocation": "TRACKING_STORE", "team": "desk", "mlflow.linkedPrompts": '[{"name": "g"}]'},
    "assessments": [
        _ASSESSMENT,
        {**_ASSESSMENT, "feedback": None, "expectation": {"serialized_value": {"value": '{"a": 1}'}}},
        {**_ASSESSMENT, "feedback": {"value": "rude"}, "source": {"source_type": "LLM_JUDGE", "source_id": "j"}},
    ],
}


def mlflow_traces(spans: Sequence[dict[str, Any]]) -> Seeds:
    """Traces of MLflow: one of its own SDK, and one around each of some spans in OTLP/JSON."""
    own = {
        "trace_id": base64.b64encode(bytes.fromhex(_TRACE)).decode(),
        "span_id": base64.b64encode(bytes.fromhex(_SPAN)).decode(),
        "name": "answer",
        "start_time_unix_nano": 1_790_000_000 * 10**9,
        "end_time_unix_nano": 1_790_000_001 * 10**9,
        "status": {"code": "STATUS_CODE_ERROR", "message": "late"},
        "attributes": [
            {"key": "mlflow.traceRequestId", "value": {"string_value": f"tr-{_TRACE}"}},
            {"key": "mlflow.spanType", "value": {"string_value": "CHAT_MODEL"}},
            {"key": "mlflow.spanInputs", "value": {"string_value": json.dumps({"messages": _SAID, "seed": 1})}},
            {"key": "mlflow.spanOutputs", "value": {"string_value": json.dumps({"generations": [[_LANGCHAIN]]})}},
            {"key": "mlflow.chat.tokenUsage", "value": _map("input_tokens", {"int_value": 50})},
            {"key": "mlflow.llm.cost", "value": _map("total_cost", {"double_value": 0.25})},
        ],
        "events": [],
    }
    return ({"trace_info": _INFO, "spans": [own]}, *({"trace_info": _INFO, "spans": [span]} for span in spans))


def _map(key: str, value: Any) -> dict[str, Any]:
    return {"kvlist_value": {"values": [{"key": key, "value": value}]}}


_OWN_SPAN: dict[str, Any] = {
    "trace_id": _TRACE,
    "span_id": _SPAN,
    "name": "answer",
    "kind": "llm",
    "started_at": _TIME,
    "ended_at": _LATER,
    "status": "error",
    "model": "gpt-x",
    "input_messages": [{"role": "user", "parts": [{"type": "text", "text": "Where is it?"}]}],
    "output_messages": [
        {"role": "assistant", "parts": [{"type": "tool_call", "name": "find", "arguments": {"order": 7}, "id": "c1"}]}
    ],
    "usage": {"input_tokens": 50, "output_tokens": 9},
    "cost_usd": 0.25,
    "attributes": {"team": "desk", "deep": {"a": [1, 2.5, None]}},
}
LINES: Seeds = (
    {
        "trace_id": _TRACE,
        "agent": "desk",
        "name": "desk",
        "started_at": _TIME,
        "input": "Where is it?",
        "output": {"answer": "On its way."},
        "metadata": {"team": "desk"},
        "spans": [
            _OWN_SPAN,
            {**_OWN_SPAN, "span_id": _BELOW, "parent_id": _SPAN, "kind": "tool", "tool": {"name": "find", "result": 1}},
        ],
        "feedback": [{"key": "helpful", "source": "human", "score": 0.5, "comment": "so", "correction": {"a": 1}}],
    },
)
