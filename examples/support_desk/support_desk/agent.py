"""The agent: one prompt file, one tool, one call of the model, one label.

Which model answers is the environment's business: OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL name any
OpenAI-compatible endpoint.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from support_desk import telemetry, tools

COMPANY = "Tarnhill Gear Rental"
QUEUES = ("Q1", "Q2", "Q3", "Q4", "Q5", "Q6")
PROMPT_FILE = Path(__file__).resolve().parents[1] / "prompts" / "router.md"
DEFAULT_MODEL = "gpt-4o-mini"
MAX_TOKENS = 8  # a queue's name and nothing else


def render_prompt(template: str) -> str:
    """The prompt with `{{ company }}` filled in; a plain replace, so that the file stays a text file."""
    return template.replace("{{ company }}", COMPANY).strip()


def prompt_version(template: str) -> str:
    """The first twelve hex digits of the prompt file's SHA-256."""
    return hashlib.sha256(template.encode("utf-8")).hexdigest()[:12]


def parse_queue(answer: str) -> str | None:
    """The queue an answer names, or None, which leaves the message to a person.

    The prompt asks for the name alone. A model that chats still counts where it names exactly one queue.
    """
    named = {word for word in re.findall(r"\w+", answer) if word in QUEUES}
    return named.pop() if len(named) == 1 else None


@cache
def _client(base_url: str | None, api_key: str | None) -> Any:
    """One client an endpoint: to make one takes 50 ms, and with it go the open connections."""
    from openai import OpenAI  # two seconds to import: only when a call will be made

    return OpenAI(base_url=base_url, api_key=api_key)


@dataclass
class Desk:
    """The agent with its prompt and its client; build one and share it between threads.

    `client` is anything with OpenAI's `chat.completions.create`; by default the `openai` client for OPENAI_BASE_URL and
    OPENAI_API_KEY.
    """

    prompt_file: Path = PROMPT_FILE
    model: str = field(default_factory=lambda: os.environ.get("OPENAI_MODEL", DEFAULT_MODEL))
    client: Any = None

    def __post_init__(self) -> None:
        self.template = self.prompt_file.read_text(encoding="utf-8")
        if self.client is None:
            self.client = _client(os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_KEY"))

    def route(self, utterance: str, *, session_id: str | None = None, user_id: str | None = None) -> dict[str, Any]:
        """Choose the queue for one message.

        Returns `queue` (None if the answer named none), `order` (what the tool found, None without an order number),
        `prompt_version` and `trace_id` (None without tracing). The endpoint's errors pass through.
        """
        version = prompt_version(self.template)
        with telemetry.span(
            "invoke_agent support_desk",
            {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.name": "support_desk",
                "gen_ai.request.model": self.model,
                "gen_ai.prompt.name": "router",
                "gen_ai.prompt.version": version,
                "gen_ai.input.messages": telemetry.messages(("user", utterance)),
                "session.id": session_id,
                "user.id": user_id,
            },
        ) as root:
            order = self._look_up(utterance)
            answer = self._ask(utterance)
            queue = parse_queue(answer)
            root.set("gen_ai.output.messages", telemetry.messages(("assistant", queue or answer)))
            return {"queue": queue, "order": order, "prompt_version": version, "trace_id": root.trace_id}

    def _look_up(self, utterance: str) -> dict[str, Any] | None:
        """Fetch the order for whoever works the queue; the model routes by the message alone."""
        order_id = tools.find_order_id(utterance)
        if order_id is None:
            return None
        with telemetry.span(
            "execute_tool lookup_order",
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "lookup_order",
                "gen_ai.tool.type": "function",
                "gen_ai.tool.call.arguments": json.dumps({"order_id": order_id}),
            },
        ) as span:
            order = tools.lookup_order(order_id)
            span.set("gen_ai.tool.call.result", json.dumps(order))
            return order

    def _ask(self, utterance: str) -> str:
        system = render_prompt(self.template)
        with telemetry.span(
            f"chat {self.model}",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": self.model,
                "gen_ai.request.temperature": 0.0,
                "gen_ai.request.seed": 0,
                "gen_ai.request.max_tokens": MAX_TOKENS,
                "gen_ai.input.messages": telemetry.messages(("system", system), ("user", utterance)),
            },
            client=True,
        ) as span:
            completion = self.client.chat.completions.create(
                model=self.model,
                messages=[{"role": "system", "content": system}, {"role": "user", "content": utterance}],
                temperature=0,
                seed=0,
                max_tokens=MAX_TOKENS,
            )
            choice = completion.choices[0]
            text = choice.message.content or ""
            span.set("gen_ai.output.messages", telemetry.messages(("assistant", text)))
            span.set("gen_ai.response.model", completion.model)
            span.set("gen_ai.response.finish_reasons", [choice.finish_reason])
            if completion.usage is not None:
                span.set("gen_ai.usage.input_tokens", completion.usage.prompt_tokens)
                span.set("gen_ai.usage.output_tokens", completion.usage.completion_tokens)
            return text


def route(utterance: str, *, session_id: str | None = None, user_id: str | None = None) -> dict[str, Any]:
    """Route one message with the prompt file and the environment as they are now; see `Desk.route`."""
    return Desk().route(utterance, session_id=session_id, user_id=user_id)


def answer(utterance: str) -> str | None:
    """The queue for one message: what the desk is measured by offline."""
    queue: str | None = route(utterance)["queue"]
    return queue
