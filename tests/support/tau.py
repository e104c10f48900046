"""Reads tau-bench trajectories into traces: an agent span, a model span a turn of the assistant, a tool span a call.

The files hold no times, so steps are a second apart from a fixed start; tokens are not recorded either.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from burnish.domain.base import Json, content_hash
from burnish.domain.traces import (
    Message,
    Part,
    Span,
    SpanKind,
    SpanStatus,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolUse,
    Trace,
)

__all__ = ["read_tau"]

_START = datetime(2024, 5, 15, tzinfo=UTC)


def read_tau(path: Path, agent: str | None = None) -> Iterator[Trace]:
    """One trace a line, `agent` the file's stem by default.

    Metadata: `task_id`, `trial`, `reward` (0 or 1, set by the environment) and `harness_error`, the text of a crash of
    the harness or None. A crash says nothing of the agent: count it neither as failure nor as success.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if line.strip():
                yield _trace(json.loads(line), path.stem, agent or path.stem, number)


def _trace(record: dict[str, Any], file: str, agent: str, number: int) -> Trace:
    trace_id = content_hash("tau", file, record["task_id"], record.get("trial"), number, length=32)
    info = record.get("info") or {}
    turns = [_message(turn) for turn in record.get("traj") or []]
    crashed = info.get("error") if info.get("error") or turns else "no trajectory was recorded"
    builder = _Builder(trace_id, _START + timedelta(minutes=number))
    spans = builder.build(agent, turns)
    task = info.get("task") or {}
    users = [turn.text for turn in turns if turn.role == "user"]
    answers = [turn.text for turn in turns if turn.role == "assistant" and turn.text]
    return Trace(
        trace_id=trace_id,
        agent=agent,
        source="tau-bench",
        name=agent,
        started_at=spans[0].started_at,
        ended_at=spans[0].ended_at,
        status=SpanStatus.ERROR if crashed else SpanStatus.OK,
        status_message=str(crashed) if crashed else None,
        input=users[0] if users else None,
        output=answers[-1] if answers else None,
        session_id=f"{file}-{record['task_id']}",
        user_id=task.get("user_id"),
        metadata={
            "task_id": record["task_id"],
            "trial": record.get("trial"),
            "reward": record.get("reward"),
            "instruction": task.get("instruction"),
            "harness_error": str(crashed) if crashed else None,
        },
        spans=spans,
    )


def _message(turn: dict[str, Any]) -> Message:
    content = turn.get("content")
    if turn["role"] == "tool":
        result = ToolResultPart(result=_parsed(content), id=turn.get("tool_call_id"), name=turn.get("name"))
        return Message(role="tool", parts=(result,))
    parts: list[Part] = [TextPart(text=content)] if content else []
    for call in turn.get("tool_calls") or []:
        function = call["function"]
        parts.append(ToolCallPart(name=function["name"], arguments=_parsed(function["arguments"]), id=call["id"]))
    return Message(role=turn["role"], parts=tuple(parts))


def _parsed(text: Any) -> Json:
    try:
        value: Json = json.loads(text)
    except (TypeError, ValueError):
        return text  # type: ignore[no-any-return]
    return value if isinstance(value, (dict, list)) else text


class _Builder:
    def __init__(self, trace_id: str, start: datetime) -> None:
        self._trace_id = trace_id
        self._start = start
        self._steps = 0

    def build(self, agent: str, turns: list[Message]) -> tuple[Span, ...]:
        root_id = self._id(0)
        results = {part.id: part for turn in turns for part in turn.parts if isinstance(part, ToolResultPart)}
        spans: list[Span] = []
        for position, turn in enumerate(turns):
            if turn.role != "assistant":
                continue
            spans.append(
                self._span(
                    "chat", SpanKind.LLM, root_id, input_messages=tuple(turns[:position]), output_messages=(turn,)
                )
            )
            for call in turn.tool_calls:
                result = results.get(call.id)
                tool = ToolUse(
                    name=call.name, arguments=call.arguments, result=result.result if result else None, call_id=call.id
                )
                spans.append(
                    self._span(call.name, SpanKind.TOOL, root_id, tool=tool, input=tool.arguments, output=tool.result)
                )
        root = Span(
            trace_id=self._trace_id,
            span_id=root_id,
            name=agent,
            kind=SpanKind.AGENT,
            started_at=self._start,
            ended_at=self._start + timedelta(seconds=self._steps + 1),
        )
        return (root, *spans)

    def _span(self, name: str, kind: SpanKind, parent: str, **fields: Any) -> Span:
        self._steps += 1
        begun = self._start + timedelta(seconds=self._steps)
        return Span(
            trace_id=self._trace_id,
            span_id=self._id(self._steps),
            parent_id=parent,
            name=name,
            kind=kind,
            started_at=begun,
            ended_at=begun + timedelta(seconds=1),
            **fields,
        )

    def _id(self, step: int) -> str:
        return content_hash(self._trace_id, step)
