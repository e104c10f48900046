"""The agent is a prompt file: one call of the model with the file as its system message."""

import json
from datetime import timedelta
from typing import Any, NamedTuple

from pydantic import ValidationError

from burnish.adapters.targets.files import read_json, read_text
from burnish.adapters.targets.outcome import RunRecord
from burnish.domain.base import Json, bare, built, utc_now
from burnish.domain.chat import ChatModel, ChatReply, ChatRequest, ChatTool
from burnish.domain.datasets import Example
from burnish.domain.experiments import AgentVersion, RunOutcome
from burnish.domain.prompts import fill
from burnish.domain.traces import Message, Span, SpanKind, SpanStatus, TextPart, ToolCallPart
from burnish.errors import BudgetExceededError, InputError, ModelError, TargetError
from burnish.project import TargetConfig

__all__ = ["PromptTarget"]

_BARE_SPAN = bare(Span)


class PromptTarget:
    """Asks the model with the version's prompt file as system message and the example's input as user message.

    Tools are offered, never executed offline: a reply that only calls tools is the output
    `{"tool_calls": [{"name": …, "arguments": …}]}`. With a response schema the output is the parsed JSON value.
    """

    def __init__(
        self,
        model: ChatModel,
        config: TargetConfig,
        *,
        agent: str = "agent",
        temperature: float = 0.0,
        max_tokens: int = 1024,
    ) -> None:
        if config.prompt is None:
            raise TargetError('kind = "prompt" needs `prompt`: a file in the agent\'s repository')
        self._model = model
        self._config = config
        self._agent = agent
        self._temperature = temperature
        self._max_tokens = max_tokens
        self._files: dict[str, _Files] = {}

    async def run(self, version: AgentVersion, example: Example, salt: str) -> RunOutcome:
        """Ask once. A model error that outlived the port's own retries leaves the run unmeasured.

        Raises TargetError for a missing or malformed file and BudgetExceededError.
        """
        request = self._request(version, example, salt)
        record = RunRecord(self._agent, version, example, salt, started_at := utc_now())
        try:
            reply = await self._model.complete(request)
        except BudgetExceededError:
            raise
        except ModelError as error:
            return record.unmeasured(f"{type(error).__name__}: {error}")
        # An answer from the cache took no time now; what it took when it was paid for is what an agent would take.
        ended_at = started_at + timedelta(seconds=reply.latency_s)
        calls = tuple(reply.tool_calls)
        answer = Message(role="assistant", parts=(*([TextPart(text=reply.text)] if reply.text else []), *calls))
        span = built(
            Span,
            {
                **_BARE_SPAN,
                "trace_id": record.trace_id,
                "span_id": f"{int(record.root_id, 16) ^ 1:016x}",
                "parent_id": record.root_id,
                "name": f"chat {reply.model}",
                "kind": SpanKind.LLM,
                "started_at": started_at,
                "ended_at": ended_at,
                "status": SpanStatus.OK,
                "model": reply.model,
                "input_messages": request.messages,
                "output_messages": (answer,),
                "usage": reply.usage,
                "cost_usd": reply.cost_usd,
                "attributes": {"finish_reason": reply.finish_reason, "cached": reply.cached},
            },
        )
        return record.answered(_output(reply, request, calls), ended_at, [span])

    async def aclose(self) -> None:
        """Nothing to close: the model belongs to whoever handed it in."""

    def _request(self, version: AgentVersion, example: Example, salt: str) -> ChatRequest:
        files = self._files.get(version.id)
        if files is None:  # a version's files never change: read once, not a run
            files = self._files[version.id] = self._read(version)
        value = example.input
        user = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
        return ChatRequest(
            messages=(files.system, Message(role="user", parts=(TextPart(text=user),))),
            response_schema=files.schema,
            tools=files.tools,
            temperature=self._temperature,
            max_tokens=self._max_tokens,
            purpose="target",
            salt=salt,
        )

    def _read(self, version: AgentVersion) -> "_Files":
        config = self._config
        text = read_text(version.root, config.prompt or "")
        try:
            system = fill(text, config.variables)
        except InputError as error:
            raise TargetError(f"'{config.prompt}': {error}") from error
        schema = read_json(version.root, config.response_schema) if config.response_schema else None
        if schema is not None and not isinstance(schema, dict):
            raise TargetError(f"'{config.response_schema}' is not a JSON schema: it must be an object")
        return _Files(
            system=Message(role="system", parts=(TextPart(text=system),)),
            schema=schema,
            tools=_tools(read_json(version.root, config.tools), config.tools) if config.tools else (),
        )


class _Files(NamedTuple):
    """What a version's files say, ready to be asked with."""

    system: Message
    schema: dict[str, Json] | None
    tools: tuple[ChatTool, ...]


def _output(reply: ChatReply, request: ChatRequest, calls: tuple[ToolCallPart, ...]) -> Json:
    if calls and not reply.text.strip():
        return {"tool_calls": [{"name": call.name, "arguments": call.arguments} for call in calls]}
    if request.response_schema is not None and reply.parsed is not None:
        return reply.parsed
    return reply.text.strip()


def _tools(value: Json, path: str) -> tuple[ChatTool, ...]:
    """Tools from a JSON list, plain or in OpenAI's `{"type": "function", "function": …}` form."""
    if not isinstance(value, list):
        raise TargetError(f"'{path}' must hold a JSON list of tools")
    tools = []
    for item in value:
        fields: Any = item.get("function", item) if isinstance(item, dict) else item
        try:
            known = {key: fields[key] for key in ("name", "description", "parameters") if key in fields}
            tools.append(ChatTool.model_validate(known))
        except (TypeError, ValidationError) as error:
            raise TargetError(f"'{path}': a tool needs name, description and parameters: {error}") from error
    return tuple(tools)
