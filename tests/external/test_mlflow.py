"""The MLflow source against a real MLflow, started out of its own virtual environment (`make integration`)."""

import subprocess
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from support.replayed import EVER, compared, directly, generated_bodies, pulled, recorded_bodies
from support.servers import MlflowServer, venv_of

from burnish.adapters.sources.base import Annotation, KnownTrace
from burnish.adapters.sources.http import HttpClient
from burnish.adapters.sources.mlflow import MlflowSource
from burnish.adapters.sources.mlflow.api import MlflowApi
from burnish.domain.base import utc_now
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.retrying import Backoff
from burnish.domain.traces import SpanKind, Trace, Usage

pytestmark = pytest.mark.slow

# What an agent with MLflow's own tracing does; run by the Python that has MLflow.
AGENT = """
import sys
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("native")

@mlflow.trace(span_type="CHAT_MODEL")
def chat(messages, model="gpt-x"):
    span = mlflow.get_current_active_span()
    span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 10, "output_tokens": 3, "total_tokens": 13})
    return {"choices": [{"message": {"role": "assistant", "content": "On its way."}}]}

@mlflow.trace(span_type="TOOL")
def find_order(order):
    return {"status": "sent"}

@mlflow.trace(span_type="AGENT")
def agent(question):
    mlflow.update_current_trace(metadata={"mlflow.trace.session": "s1", "mlflow.trace.user": "u1"}, tags={"team": "t"})
    find_order("W1")
    return chat([{"role": "user", "content": question}])["choices"][0]["message"]["content"]

agent("Where is W1?")
source = mlflow.entities.AssessmentSource("HUMAN", "ann")
mlflow.flush_trace_async_logging()
trace_id = mlflow.get_last_active_trace_id()
mlflow.log_feedback(trace_id=trace_id, name="correct", value=False, source=source, rationale="too late")
mlflow.log_expectation(trace_id=trace_id, name="expected", value="On Monday.", source=source)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A running MLflow, or a skip that says how to get one."""
    venv = venv_of("mlflow")
    if venv is None:
        pytest.skip("needs MLflow: `make integration` installs it and names it in BURNISH_MLFLOW_VENV")
    with MlflowServer(venv, tmp_path_factory.mktemp("mlflow")) as running:
        yield running


@pytest.fixture
def source_of(server: MlflowServer) -> Iterator[Callable[..., MlflowSource]]:
    """Opens the source of an experiment; patient enough for a server that starts anew."""
    with HttpClient(server.url, attempts=300, backoff=Backoff(first_s=0.5, cap_s=1.0)) as client:
        yield lambda experiment, **settings: MlflowSource(MlflowApi(client, experiment), "desk", **settings)


def _sent(server: MlflowServer, name: str, bodies: list[bytes]) -> dict[str, Trace]:
    """Send to a new experiment."""
    experiment = server.experiment(name)
    for body in bodies:
        server.send(body, experiment)
    return directly(bodies)


@pytest.mark.parametrize("kind", ["recorded", "generated"])
def test_spans_come_back_as_our_endpoint_reads_them(
    server: MlflowServer, source_of: Callable[..., MlflowSource], kind: str
) -> None:
    """Parents, kinds, messages, tools, tokens and outcomes of real instrumentations; MLflow adds its prices."""
    own = _sent(server, kind, recorded_bodies() if kind == "recorded" else generated_bodies(1))
    found = pulled(source_of(kind))
    assert set(found) == set(own)
    for trace_id, trace in own.items():
        assert {span.span_id: compared(span, priced=False) for span in trace.spans} == {
            span_id: compared(span, priced=False) for span_id, span in found[trace_id].items()
        }


def test_mlflows_own_tracing_comes_through(server: MlflowServer, source_of: Callable[..., MlflowSource]) -> None:
    """What its SDK records of an agent, and what a person said of it, with the trace and asked for apart."""
    started = utc_now()
    subprocess.run([server.venv / "bin" / "python", "-c", AGENT, server.url], check=True, capture_output=True)
    source = source_of("native")
    (batch,) = source.read_window(EVER)
    assert batch.problems == []
    (trace,) = batch.traces
    assert trace.trace_id.startswith("tr-")
    assert (trace.name, trace.session_id, trace.user_id, trace.metadata) == ("agent", "s1", "u1", {"team": "t"})
    assert (trace.input, trace.output) == ({"question": "Where is W1?"}, "On its way.")
    (chat,) = trace.model_calls()
    assert [(message.role, message.text) for message in chat.input_messages + chat.output_messages] == [
        ("user", "Where is W1?"),
        ("assistant", "On its way."),
    ]
    assert (chat.kind, chat.usage) == (SpanKind.LLM, Usage(input_tokens=10, output_tokens=3))
    (tool,) = trace.tool_uses()
    assert (tool.name, tool.arguments, tool.result) == ("find_order", {"order": "W1"}, {"status": "sent"})
    (asked,) = source.read_feedback(started, [KnownTrace(trace.trace_id, [])])
    assert list(asked.feedback) == list(batch.feedback)
    assert [(item.source.value, item.author, item.value, item.comment, item.correction) for item in asked.feedback] == [
        ("human", "mlflow/ann", False, "too late", None),
        ("human", "mlflow/ann", None, None, "On Monday."),
    ]


def test_what_is_written_back_twice_stands_once(server: MlflowServer, source_of: Callable[..., MlflowSource]) -> None:
    """As it was written last, on a span and on a trace, and burnish does not hear itself."""
    own = _sent(server, "written", generated_bodies(3)[:1])
    trace = next(iter(own.values()))
    said = Feedback(trace_id=f"tr-{trace.trace_id}", key="helpful", source=FeedbackSource.JUDGE, score=0.25, author="j")
    there = said.model_copy(update={"span_id": trace.spans[1].span_id})
    gone = said.model_copy(update={"trace_id": f"tr-{'f' * 32}"})
    expected = said.model_copy(update={"key": "expected", "score": None, "correction": {"status": "sent"}})
    source = source_of("written")
    items = [said, there, gone, expected]
    first = list(source.annotate([Annotation(feedback=item) for item in items]))
    again = [Annotation(feedback=said.model_copy(update={"score": 0.75, "comment": "so"})), Annotation(feedback=there)]
    assert [item.remote_id for item in source.annotate(again)] == [item.remote_id for item in first[:2]]
    assert [item.feedback_id for item in first if item.problem] == [gone.id]
    shown = httpx.get(f"{server.url}/api/3.0/mlflow/traces/{said.trace_id}", timeout=60).json()["trace"]["trace_info"]
    stands = {item["assessment_id"]: item for item in shown["assessments"]}
    assert set(stands) == {item.remote_id for item in first if item.remote_id}
    changed = stands[str(first[0].remote_id)]
    assert (changed["assessment_name"], changed["feedback"]["value"], changed["rationale"]) == ("helpful", 0.75, "so")
    assert stands[str(first[1].remote_id)]["span_id"] == there.span_id
    assert "expectation" in stands[str(first[3].remote_id)]
    (asked,) = source.read_feedback(trace.started_at, [KnownTrace(said.trace_id, [])])
    assert list(asked.feedback) == []


def test_a_server_killed_during_the_pull_costs_no_span(
    server: MlflowServer, source_of: Callable[..., MlflowSource]
) -> None:
    """Killed with a page handed out and started again: the pull waits, goes on, and every span comes once."""
    own = _sent(server, "killed", generated_bodies(4))
    batches = source_of("killed", page=20).read_window(EVER)
    found = [span.span_id for trace in next(batches).traces for span in trace.spans]
    server.kill()
    starting = threading.Timer(1.0, server.start)
    starting.start()
    found += [span.span_id for batch in batches for trace in batch.traces for span in trace.spans]
    starting.join()
    assert sorted(found) == sorted(span.span_id for trace in own.values() for span in trace.spans)
