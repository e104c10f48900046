"""The command target: any program that speaks JSON lines."""

import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from burnish.adapters.sources.otlp import spans_from_body
from burnish.adapters.targets.command import CommandTarget
from burnish.domain.datasets import Example
from burnish.domain.experiments import AgentVersion, RunOutcome, RunStatus
from burnish.errors import TargetError
from burnish.project import TargetConfig

PROGRAM = """
import json, os, sys, time
print("hello", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    value, reply = request["input"], {"id": request["id"]}
    print("debug on stderr", file=sys.stderr, flush=True)
    if value == "error": reply["error"] = "queue closed"
    elif value == "busy": reply.update(error="429", transient=True)
    elif value == "stop": sys.exit(2)
    elif value == "sleep": time.sleep(60)
    elif value == "salt": reply["output"] = request["salt"]
    elif value == "trace":
        span = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "call", "startTimeUnixNano": "1700000000000000000",
                "endTimeUnixNano": "1700000001000000000"}
        reply.update(output="x", trace={"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    else: reply["output"] = {"seen": value, "pid": os.getpid()}
    print(json.dumps({"id": "stale"})); print(json.dumps(reply), flush=True)
"""

Build = Callable[..., CommandTarget]


@pytest.fixture
def version(tmp_path: Path) -> AgentVersion:
    (tmp_path / "agent.py").write_text(PROGRAM)
    return AgentVersion(id="v", root=tmp_path, commit="c", label="v")


@pytest.fixture
async def build() -> AsyncIterator[Build]:
    targets: list[CommandTarget] = []

    def make(*command: str, **fields: object) -> CommandTarget:
        argv = command or (sys.executable, "agent.py")
        config = TargetConfig.model_validate({"kind": "command", "command": argv, "concurrency": 1, **fields})
        targets.append(CommandTarget(config, {"PATH": os.environ["PATH"], "SECRET": "s"}, parse_spans=spans_from_body))
        return targets[-1]

    yield make
    for target in targets:
        await target.aclose()


async def ask(target: CommandTarget, version: AgentVersion, value: str) -> RunOutcome:
    return await target.run(version, Example(id=value, input=value), "night/0")


async def test_one_process_answers_many_runs(build: Build, version: AgentVersion) -> None:
    """Prints and answers to other questions are passed over; characters beyond ASCII arrive whole."""
    target = build()
    first, second = await ask(target, version, "a"), await ask(target, version, "né\u2028")
    assert [o.output["seen"] for o in (first, second)] == ["a", "né\u2028"]  # type: ignore[index, call-overload]
    assert first.output["pid"] == second.output["pid"]  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    ("value", "status", "said"),
    [
        ("error", RunStatus.AGENT_FAILURE, "queue closed"),
        ("busy", RunStatus.UNMEASURED, "429"),
        ("stop", RunStatus.AGENT_FAILURE, "exited with code 2; last output: "),
        ("sleep", RunStatus.UNMEASURED, "no answer within 1 s"),
    ],
)
async def test_each_way_to_fail_has_its_meaning(
    build: Build, version: AgentVersion, value: str, status: RunStatus, said: str
) -> None:
    """An error is the agent's, a transient one and a time-out are the world's, and the next run works again."""
    target = build(timeout_s=1.0 if value == "sleep" else 20.0)
    outcome = await ask(target, version, value)
    assert (status, True) == (outcome.status, said in (outcome.error or "")), outcome.error
    assert RunStatus.OK is (await ask(target, version, "again")).status


async def test_the_salt_is_handed_over(build: Build, version: AgentVersion) -> None:
    """A program with a cache of its own can keep repetitions apart."""
    assert (await ask(build(), version, "salt")).output == "night/0"


async def test_spans_that_come_with_the_answer_are_the_traces(build: Build, version: AgentVersion) -> None:
    """A span that is no agent span hangs below the run's own."""
    trace = (await ask(build(), version, "trace")).trace
    assert trace is not None
    assert {("agent", None), ("call", trace.root.span_id if trace.root else "")} == {
        (span.name, span.parent_id) for span in trace.spans
    }


async def test_a_program_that_is_not_there_is_wrong_wiring(build: Build, version: AgentVersion) -> None:
    """No run can work."""
    with pytest.raises(TargetError, match=r"cannot start '\./nothing'"):
        await ask(build("./nothing"), version, "a")
