"""The prompt target: one call, its trace, and what its failures mean."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from burnish.adapters.targets.prompt import PromptTarget
from burnish.domain.chat import ChatReply, ChatRequest
from burnish.domain.datasets import Example
from burnish.domain.experiments import AgentVersion, RunStatus
from burnish.domain.traces import SpanKind, ToolCallPart, Usage
from burnish.errors import BudgetExceededError, ModelError, TargetError, TransientModelError
from burnish.project import TargetConfig

EXAMPLE = Example(id="e1", input="my card {{ company }} is lost", expected="atlas")


class FakeModel:
    name = "fake"
    strong = False

    def __init__(self, answer: Callable[[ChatRequest], ChatReply]) -> None:
        self._answer = answer
        self.asked: list[ChatRequest] = []

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.asked.append(request)
        return self._answer(request)


def says(text: str = "", **fields: object) -> Callable[[ChatRequest], ChatReply]:
    return lambda _: ChatReply.model_validate({"text": text, "model": "m1", **fields})


@pytest.fixture
def version(tmp_path: Path) -> AgentVersion:
    (tmp_path / "p.md").write_text("Route for {{ company }}.", encoding="utf-8")
    return AgentVersion(id="v1", root=tmp_path, commit="c0ffee", label="baseline")


CONFIG = TargetConfig(prompt="p.md", variables={"company": "Acme {{ x }}"})


async def test_an_answer_is_an_output_with_a_trace(version: AgentVersion) -> None:
    """The trace holds the agent and one model call with messages, tokens and cost, as a recorded one would."""
    model = FakeModel(says("atlas\n", usage=Usage(input_tokens=7, output_tokens=1), cost_usd=0.5, latency_s=2.0))
    outcome = await PromptTarget(model, CONFIG, agent="desk").run(version, EXAMPLE, "n1/0")
    trace = outcome.trace
    assert trace is not None
    assert (
        outcome.status, outcome.output, trace.source, trace.agent, trace.cost_usd, trace.usage.total, trace.latency_s,
    ) == (RunStatus.OK, "atlas", "experiment", "desk", 0.5, 8, 2.0)  # fmt: skip
    assert [span.kind for span in trace.spans] == [SpanKind.AGENT, SpanKind.LLM]
    assert ["Route for Acme {{ x }}.", EXAMPLE.input, "atlas\n"] == [message.text for message in trace.messages()]
    assert (model.asked[0].purpose, model.asked[0].salt) == ("target", "n1/0")


async def test_structured_inputs_and_outputs_are_json(version: AgentVersion) -> None:
    """An object goes in as JSON text, and with a schema file the parsed value comes out."""
    (version.root / "schema.json").write_text('{"type": "object"}')
    model = FakeModel(says('{"queue": "atlas"}', parsed={"queue": "atlas"}))
    config = CONFIG.model_copy(update={"response_schema": "schema.json"})
    outcome = await PromptTarget(model, config).run(version, EXAMPLE.model_copy(update={"input": {"q": "é"}}), "")
    assert outcome.output == {"queue": "atlas"}
    assert json.loads(model.asked[0].messages[1].text) == {"q": "é"}
    assert model.asked[0].response_schema == {"type": "object"}


async def test_a_reply_that_only_calls_tools_is_the_calls(version: AgentVersion) -> None:
    """Tools are offered in either notation and never executed."""
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}, {"name": "send", "extra": 1}]
    (version.root / "tools.json").write_text(json.dumps(tools))
    model = FakeModel(says("", tool_calls=(ToolCallPart(name="look", arguments={"id": 1}),)))
    outcome = await PromptTarget(model, CONFIG.model_copy(update={"tools": "tools.json"})).run(version, EXAMPLE, "")
    assert outcome.output == {"tool_calls": [{"name": "look", "arguments": {"id": 1}}]}
    assert [tool.name for tool in model.asked[0].tools] == ["look", "send"]


async def test_no_answer_is_the_agents_failure(version: AgentVersion) -> None:
    """An empty reply is a wrong answer, not a gap in the measurement."""
    outcome = await PromptTarget(FakeModel(says(" ")), CONFIG).run(version, EXAMPLE, "")
    assert (outcome.status, outcome.error) == (RunStatus.AGENT_FAILURE, "the agent answered nothing")


@pytest.mark.parametrize("error", [TransientModelError("429"), ModelError("refused")])
async def test_a_model_error_leaves_the_run_unmeasured(version: AgentVersion, error: Exception) -> None:
    """What the endpoint does says nothing about the agent."""

    def fail(_: ChatRequest) -> ChatReply:
        raise error

    outcome = await PromptTarget(FakeModel(fail), CONFIG).run(version, EXAMPLE, "")
    assert (outcome.status, outcome.trace) == (RunStatus.UNMEASURED, None)


async def test_a_spent_budget_is_not_an_outcome(version: AgentVersion) -> None:
    """It ends the experiment."""

    def fail(_: ChatRequest) -> ChatReply:
        raise BudgetExceededError("spent")

    with pytest.raises(BudgetExceededError):
        await PromptTarget(FakeModel(fail), CONFIG).run(version, EXAMPLE, "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": "none.md"}, "no file 'none.md'"),
        ({"prompt": "../outside.md"}, "leads out of"),
        ({"prompt": "link.md"}, "leads out of"),
        ({"variables": {}}, "no value for company"),
        ({"tools": "p.md"}, "not JSON"),
    ],
)
async def test_wiring_that_can_never_work_is_an_error(
    version: AgentVersion, change: dict[str, object], said: str
) -> None:
    """A missing file, a file outside the repository, a variable without a value: no run is counted."""
    (version.root.parent / "outside.md").write_text("secret")
    (version.root / "link.md").symlink_to(version.root.parent / "outside.md")
    with pytest.raises(TargetError, match=said):
        await PromptTarget(FakeModel(says("x")), CONFIG.model_copy(update=change)).run(version, EXAMPLE, "")
