"""The Python target: real worker processes, and what each way to fail means."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from burnish.adapters.sources.otlp import spans_from_body
from burnish.adapters.targets.python import PythonTarget
from burnish.domain.datasets import Example
from burnish.domain.experiments import AgentVersion, RunOutcome, RunStatus
from burnish.domain.traces import SpanKind
from burnish.errors import InputError, TargetError
from burnish.project import TargetConfig

AGENT = """
import os, signal, sys, time
LABEL = open("prompt.txt").read()
count = 0

class RateLimitError(Exception): ...

def answer(value):
    global count
    count += 1
    print("noise on stdout", {"id": "1", "output": "forged"})
    if value == "sleep": time.sleep(60)
    if value == "crash": os.kill(os.getpid(), signal.SIGSEGV)
    if value == "exit": os._exit(3)
    if value == "raise": raise ValueError("no such queue")
    if value == "leave": sys.exit(4)
    if value == "limit":
        try: raise RateLimitError("429")
        except RateLimitError as error: raise RuntimeError("model failed") from error
    if value == "object": return object()
    if value == "nothing": return None
    if value == "env": return dict(os.environ)
    if value == "where": return [os.getcwd(), sys.path[0], os.path.expanduser("~")]
    return {"label": LABEL, "input": value, "count": count, "pid": os.getpid()}

async def later(value):
    return "async " + value
"""
ENVIRON = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "OPENAI_API_KEY": "sk-secret", "BURNISH_GITHUB_TOKEN": "ghp",
           "AGENT_MODE": "x", "PYTHONPATH": "/nowhere", "HOME": "/root",
           "HTTPS_PROXY": "http://user:pass@proxy"}  # fmt: skip

Build = Callable[..., PythonTarget]


@pytest.fixture
def version(tmp_path: Path) -> AgentVersion:
    return make_version(tmp_path / "v1", "one")


def make_version(root: Path, label: str, agent: str = AGENT) -> AgentVersion:
    root.mkdir()
    (root / "prompt.txt").write_text(label)
    (root / "my_agent.py").write_text(textwrap.dedent(agent))
    return AgentVersion(id=label, root=root, commit="c", label=label)


@pytest.fixture
async def build() -> AsyncIterator[Build]:
    targets: list[PythonTarget] = []

    def make(entrypoint: str = "my_agent:answer", parse: object = None, **fields: object) -> PythonTarget:
        config = TargetConfig.model_validate(
            {"kind": "python", "entrypoint": entrypoint, "concurrency": 2, "timeout_s": 20, **fields}
        )
        targets.append(PythonTarget(config, ENVIRON, agent="desk", parse_spans=parse))  # type: ignore[arg-type]
        return targets[-1]

    yield make
    for target in targets:
        await target.aclose()


async def ask(target: PythonTarget, version: AgentVersion, value: str) -> RunOutcome:
    return await target.run(version, Example(id=value, input=value), "salt")


async def test_workers_are_kept_between_runs_and_prints_break_nothing(build: Build, version: AgentVersion) -> None:
    """The second run meets the module of the first; what the agent prints is no answer."""
    target = build(concurrency=1)
    outcomes = [await ask(target, version, "a"), await ask(target, version, "b")]
    assert [outcome.status for outcome in outcomes] == [RunStatus.OK] * 2
    assert [outcome.output["count"] for outcome in outcomes] == [1, 2]  # type: ignore[index, call-overload]
    trace = outcomes[0].trace
    assert trace is not None
    assert [(span.name, span.kind) for span in trace.spans] == [("desk", SpanKind.AGENT)]


async def test_each_version_runs_its_own_files(build: Build, tmp_path: Path) -> None:
    """Two versions side by side never see each other's prompt, and concurrency is used."""
    versions = [make_version(tmp_path / name, name) for name in ("base", "candidate")]
    target = build()
    outcomes = await asyncio.gather(*(ask(target, version, str(i)) for i in range(3) for version in versions))
    labels = [outcome.output["label"] for outcome in outcomes]  # type: ignore[index, call-overload]
    assert labels == ["base", "candidate"] * 3


async def test_versions_that_take_turns_start_one_process_each(build: Build, tmp_path: Path) -> None:
    """Even with one run at a time: a start anew each turn would cost more than the run."""
    versions = [make_version(tmp_path / name, name) for name in ("base", "first", "second", "third")]
    target = build(concurrency=1)
    outcomes = [await ask(target, version, str(turn)) for turn in range(3) for version in versions]
    pids = {(outcome.output["label"], outcome.output["pid"]) for outcome in outcomes}  # type: ignore[index, call-overload]
    assert 4 == len(pids)


async def test_async_functions_are_awaited(build: Build, version: AgentVersion) -> None:
    """A coroutine function is an entrypoint too."""
    assert (await ask(build("my_agent:later"), version, "hi")).output == "async hi"


@pytest.mark.parametrize(
    ("value", "status", "said"),
    [
        ("raise", RunStatus.AGENT_FAILURE, "ValueError: no such queue"),
        ("leave", RunStatus.AGENT_FAILURE, "SystemExit: 4"),
        ("exit", RunStatus.AGENT_FAILURE, "exited with code 3"),
        ("nothing", RunStatus.AGENT_FAILURE, "answered nothing"),
        ("object", RunStatus.AGENT_FAILURE, "not JSON serializable"),
        ("crash", RunStatus.UNMEASURED, "ended by signal 11"),
        ("limit", RunStatus.UNMEASURED, "RuntimeError: model failed"),
        ("sleep", RunStatus.UNMEASURED, "no answer within 1.5 s; last output: noise on stdout"),
    ],
)
async def test_each_way_to_fail_has_its_meaning(
    build: Build, version: AgentVersion, value: str, status: RunStatus, said: str
) -> None:
    """The agent's own fault is a wrong answer, the world's leaves a gap, and the next run works again."""
    target = build(timeout_s=1.5 if value == "sleep" else 20)
    outcome = await ask(target, version, value)
    assert (status, True) == (outcome.status, said in (outcome.error or "")), outcome.error
    assert RunStatus.OK is (await ask(target, version, "again")).status


async def test_a_worker_that_dies_before_it_reads_leaves_the_run_unmeasured(
    build: Build, version: AgentVersion
) -> None:
    """Killed from outside while a long question is on its way: no fault of the agent's."""
    target = build(concurrency=1)
    pid = (await ask(target, version, "a")).output["pid"]  # type: ignore[index, call-overload]
    os.kill(pid, signal.SIGSTOP)
    asking = asyncio.create_task(ask(target, version, "x" * 5_000_000))
    await asyncio.sleep(0.2)
    os.kill(pid, signal.SIGKILL)
    outcome = await asking
    assert (outcome.status, "ended by signal 9" in (outcome.error or "")) == (RunStatus.UNMEASURED, True)


async def test_secrets_of_ours_do_not_reach_the_agent(build: Build, version: AgentVersion) -> None:
    """Only what programs need and what the file hands on is there."""
    target = build(environment={"COLOUR": "blue"}, pass_environment=("AGENT_MODE",))
    seen = (await ask(target, version, "env")).output
    assert isinstance(seen, dict)
    assert {"PATH", "LANG", "HOME", "BURNISH_EXPERIMENT", "PYTHONUNBUFFERED", "COLOUR", "AGENT_MODE"} == set(seen)
    assert seen["HOME"] != "/root"


async def test_the_agent_runs_in_its_own_folder(build: Build, version: AgentVersion) -> None:
    """Working folder and first import path are the version's; its home is empty."""
    output = (await ask(build(), version, "where")).output
    assert isinstance(output, list)
    assert [str(version.root)] * 2 == output[:2]
    assert not (version.root / "__pycache__").exists()


@pytest.mark.parametrize(
    ("entrypoint", "said"),
    [("nowhere:answer", "No module named 'nowhere'"), ("my_agent:missing", "no attribute 'missing'")],
)
async def test_an_agent_that_cannot_be_imported_is_wrong_wiring(
    build: Build, version: AgentVersion, entrypoint: str, said: str
) -> None:
    """No run can work, so it is an error with the reason and no outcome."""
    with pytest.raises(TargetError, match=said):
        await ask(build(entrypoint), version, "a")


async def test_a_variable_to_hand_on_that_is_not_set_is_named(build: Build) -> None:
    """Better now than in the middle of the night."""
    with pytest.raises(TargetError, match="NO_SUCH"):
        build(pass_environment=("NO_SUCH",))


TRACED = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
OWN = TracerProvider()
if {sets}: trace.set_tracer_provider(OWN)
tracer = (OWN if {sets} else trace).get_tracer("agent")

def answer(value):
    with tracer.start_as_current_span("invoke", attributes={{"gen_ai.operation.name": "invoke_agent"}}):
        facts = {{"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5}}
        with tracer.start_as_current_span("chat", attributes=facts):
            return value.upper()
"""


@pytest.mark.parametrize("sets", [False, True])
async def test_the_agents_own_spans_become_the_trace(build: Build, tmp_path: Path, sets: bool) -> None:
    """Through the global provider or one the agent sets itself; each run has its own spans under its own trace id."""
    version = make_version(tmp_path / "t", "t", TRACED.format(sets=sets))
    target = build(parse=spans_from_body, concurrency=1)
    for value in ("a", "b"):
        trace = (await ask(target, version, value)).trace
        assert trace is not None
        assert [(s.name, s.kind) for s in trace.spans] == [("invoke", SpanKind.AGENT), ("chat", SpanKind.LLM)]
        assert {trace.trace_id} == {span.trace_id for span in trace.spans}
        assert (5, value) == (trace.usage.input_tokens, trace.input)


async def test_spans_that_cannot_be_read_do_not_spoil_the_run(build: Build, tmp_path: Path) -> None:
    """The answer counts; the trace says what is missing."""

    def refuse(_: bytes) -> list[object]:
        raise InputError("no OTLP")

    version = make_version(tmp_path / "t", "t", TRACED.format(sets=False))
    outcome = await ask(build(parse=refuse), version, "a")
    assert outcome.trace is not None
    assert (outcome.output, outcome.trace.metadata["note"]) == ("A", "the agent's spans cannot be read: no OTLP")


async def test_closing_leaves_no_process(build: Build, version: AgentVersion) -> None:
    """Idle and busy workers die, and what they started with them."""
    target = build(concurrency=1)
    output = (await ask(target, version, "a")).output
    pid = output["pid"]  # type: ignore[index, call-overload]
    await target.aclose()
    assert not alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_a_killed_parent_takes_its_workers_along(version: AgentVersion) -> None:
    """SIGKILL gives no time to clean up; the worker, busy as it is, still dies."""
    script = f"""
import asyncio, os
from pathlib import Path
from burnish.adapters.targets.python import PythonTarget
from burnish.domain.datasets import Example
from burnish.domain.experiments import AgentVersion
from burnish.project import TargetConfig
async def main():
    version = AgentVersion(id="v", root=Path({str(version.root)!r}), commit="c", label="v")
    target = PythonTarget(TargetConfig(kind="python", entrypoint="my_agent:answer", concurrency=1), dict(os.environ))
    print((await target.run(version, Example(id="a", input="a"), "")).output["pid"], flush=True)
    await target.run(version, Example(id="b", input="sleep"), "")
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        time.sleep(0.3)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 5
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(worker)


def alive(pid: int) -> bool:
    """A zombie that nobody has reaped yet counts as dead."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
