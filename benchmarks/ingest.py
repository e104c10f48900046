"""Ingest rate: OTLP bodies to traces, and to traces durable in SQLite; spans a second on one core.

Agent runs of ten spans (an agent, five model calls whose conversation grows, four tools) with 1 to 2 KB of messages a
span, in requests of 500 spans as exporters send them; the small ones hold no messages. Each round reads all bodies.
Mapping is measured in seconds of this process's CPU, storing on the clock, and the best round counts, as the machine is
shared. A body counts as stored when `receive` has returned: its transaction is committed. The collector of garbage is
set as `burnish serve` sets it.
"""

import argparse
import cProfile
import gzip
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from burnish.adapters.sources.otlp import decode_body, spans_to_traces
from burnish.adapters.store import Store
from burnish.domain.listing import TraceQuery
from burnish.drivers.web.server import calm_collector
from burnish.loop.ingest import receive

SPANS, A_TRACE, A_BODY, ROUNDS = 10_000, 10, 500, 5
BAR_STORED, AIM_MAPPED = 5_000, 50_000
JSON, PROTOBUF = "application/json", "application/x-protobuf"
WORDS = [
    *("order", "refund", "parcel", "address", "invoice", "credit", "card", "courier", "delay", "exchange", "size"),
    *("colour", "receipt", "policy", "warranty", "voucher", "account", "customer", "agent", "confirm", "cancel"),
    *("return", "label", "status", "stock", "branch", "reply", "please", "thanks", "when", "where", "which", "today"),
]

Turn = dict[str, Any]


def text(random_: random.Random, length: int) -> str:
    """Words of about `length` characters."""
    words: list[str] = []
    while sum(map(len, words)) + len(words) < length:
        words.append(random_.choice(WORDS))
    return " ".join(words)


def genai(turns: list[Turn], side: str) -> dict[str, Any]:
    """Turns as OTel GenAI has them: one JSON text."""
    return {f"gen_ai.{side}.messages": json.dumps([{"role": turn["role"], "parts": [part(turn)]} for turn in turns])}


def part(turn: Turn) -> dict[str, Any]:
    """A turn's one part."""
    if "call" in turn:
        return {"type": "tool_call", "id": turn["id"], "name": "find_order", "arguments": turn["call"]}
    if turn["role"] == "tool":
        return {"type": "tool_call_response", "id": turn["id"], "response": turn["text"]}
    return {"type": "text", "content": turn["text"]}


def openinference(turns: list[Turn], side: str) -> dict[str, Any]:
    """Turns as OpenInference has them: numbered attributes."""
    flat: dict[str, Any] = {}
    for number, turn in enumerate(turns):
        at = f"llm.{side}_messages.{number}.message"
        flat[f"{at}.role"] = turn["role"]
        if "call" in turn:
            flat[f"{at}.tool_calls.0.tool_call.id"] = turn["id"]
            flat[f"{at}.tool_calls.0.tool_call.function.name"] = "find_order"
            flat[f"{at}.tool_calls.0.tool_call.function.arguments"] = json.dumps(turn["call"])
        else:
            flat[f"{at}.content"] = turn["text"]
        if turn["role"] == "tool":
            flat[f"{at}.tool_call_id"] = turn["id"]
    return flat


def steps(random_: random.Random, style: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and attributes of the spans of one run; the first is the root."""
    write = genai if style == "genai" else openinference
    kind = "gen_ai.operation.name" if style == "genai" else "openinference.span.kind"
    kinds = {"agent": "invoke_agent", "llm": "chat", "tool": "execute_tool"}
    conversation: list[Turn] = [
        {"role": "system", "text": text(random_, 500)},
        {"role": "user", "text": text(random_, 200)},
    ]
    session = {"session.id": f"s-{random_.getrandbits(40):x}", "user.id": f"u-{random_.randrange(1000)}"}
    answer = text(random_, 700)
    yield (
        "support",
        {
            kind: kinds["agent"] if style == "genai" else "AGENT",
            "input.value": conversation[1]["text"] + " " + text(random_, 300),
            "output.value": answer,
            **session,
        },
    )
    for number in range(5):
        last = number == 4
        call_id = f"call_{random_.getrandbits(64):x}"
        arguments = {"order": f"W{random_.randrange(10**7)}", "note": text(random_, 60)}
        turn: Turn = {"role": "assistant"} | ({"text": answer} if last else {"call": arguments, "id": call_id})
        usage = {"input": random_.randrange(200, 900), "output": random_.randrange(10, 200)}
        yield (
            "chat",
            {
                kind: kinds["llm"] if style == "genai" else "LLM",
                **write(conversation, "input"),
                **write([turn], "output"),
                **(
                    {
                        "gen_ai.provider.name": "openai",
                        "gen_ai.request.model": "gpt-x",
                        "gen_ai.response.model": "gpt-x-2026",
                        "gen_ai.response.id": f"r-{random_.getrandbits(64):x}",
                        "gen_ai.request.temperature": 0.2,
                        "gen_ai.usage.input_tokens": usage["input"],
                        "gen_ai.usage.output_tokens": usage["output"],
                        "gen_ai.response.finish_reasons": ["stop" if last else "tool_calls"],
                    }
                    if style == "genai"
                    else {
                        "llm.provider": "openai",
                        "llm.model_name": "gpt-x-2026",
                        "llm.invocation_parameters": '{"temperature": 0.2}',
                        "llm.token_count.prompt": usage["input"],
                        "llm.token_count.completion": usage["output"],
                        "llm.token_count.total": usage["input"] + usage["output"],
                    }
                ),
                **session,
            },
        )
        if not last:
            found = json.dumps({"order": arguments["order"], "lines": [text(random_, 60) for _ in range(2)]})
            conversation += [turn, {"role": "tool", "id": call_id, "text": found}]
            names = ("gen_ai.tool.name", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result")
            names = names if style == "genai" else ("tool.name", "input.value", "output.value")
            values = ("find_order", json.dumps(arguments), found + " " + text(random_, 500))
            kind_value = kinds["tool"] if style == "genai" else "TOOL"
            yield "find_order", {kind: kind_value, **dict(zip(names, values, strict=True)), **session}


def steps_of(random_: random.Random, style: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Spans of one run; the small ones are those of OTel GenAI without what was said."""
    for name, attributes in steps(random_, "genai" if style == "small" else style):
        long = ("gen_ai.input.", "gen_ai.output.", "gen_ai.tool.call.", "input.", "output.")
        yield name, {k: v for k, v in attributes.items() if style != "small" or not k.startswith(long)}


def bodies(style: str, spans: int, seed: int) -> list[bytes]:
    """`spans` spans as protobuf requests of A_BODY each."""
    random_ = random.Random(seed)  # the same bodies every time
    made = []
    for _ in range(spans // A_BODY):
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = "support"
        scope = resource.scope_spans.add()
        scope.scope.name = "bench"
        for _ in range(A_BODY // A_TRACE):
            trace_id, root = random_.randbytes(16), random_.randbytes(8)
            start = 1_790_000_000 * 10**9 + random_.randrange(10**15)
            for position, (name, attributes) in enumerate(steps_of(random_, style)):
                span = scope.spans.add(
                    trace_id=trace_id,
                    span_id=random_.randbytes(8) if position else root,
                    parent_span_id=root if position else b"",
                    name=name,
                    start_time_unix_nano=start + position * 10**8,
                    end_time_unix_nano=start + position * 10**8 + 9 * 10**7,
                )
                for key, value in attributes.items():
                    target = span.attributes.add(key=key).value
                    if isinstance(value, str):
                        target.string_value = value
                    elif isinstance(value, int):
                        target.int_value = value
                    elif isinstance(value, float):
                        target.double_value = value
                    else:
                        for item in value:
                            target.array_value.values.add().string_value = item
        made.append(request.SerializeToString())
    return made


def to_json(body: bytes) -> bytes:
    """The same request as OTLP/JSON with hex ids."""
    message = MessageToDict(ExportTraceServiceRequest.FromString(body))
    raw = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
    for span, binary in zip(message["resourceSpans"][0]["scopeSpans"][0]["spans"], raw, strict=True):
        span["traceId"], span["spanId"] = binary.trace_id.hex(), binary.span_id.hex()
        if binary.parent_span_id:
            span["parentSpanId"] = binary.parent_span_id.hex()
    return json.dumps(message).encode()


def best(work: Callable[[], int]) -> float:
    """Spans a second of CPU of the fastest of ROUNDS rounds."""
    rates = []
    for _ in range(ROUNDS):
        started = time.process_time()
        done = work()
        rates.append(done / (time.process_time() - started))
    return max(rates)


def profile(work: Callable[[], int]) -> None:
    """Print where the time of mapping goes, by function, as shares of the whole."""
    profiler = cProfile.Profile()
    profiler.runcall(work)
    rows = sorted(profiler.getstats(), key=lambda row: row.inlinetime, reverse=True)
    whole = sum(row.inlinetime for row in rows)
    for row in rows[:16]:
        code = row.code
        name = code if isinstance(code, str) else f"{Path(code.co_filename).stem}.{code.co_name}"
        print(f"  {row.inlinetime / whole:6.1%}  {row.callcount / SPANS:6.1f} calls a span  {name}")


def mapped(requests: list[bytes], content_type: str, encoding: str | None = None) -> Callable[[], int]:
    """Decode and map, nothing else."""

    def work() -> int:
        done = 0
        for body in requests:
            decoded = decode_body(body, content_type, encoding, max_bytes=2**26)
            batch = spans_to_traces(decoded.spans, "support", "otlp")
            done += sum(len(trace.spans) for trace in batch.traces)
            assert not decoded.problems + batch.problems
        assert done == SPANS, done
        return done

    return work


def stored(requests: list[bytes], url: Callable[[], str]) -> Callable[[], int]:
    """The endpoint's way: decode, map and commit to a new database, one request after another."""

    def work() -> int:
        with Store.open(url()) as store:
            started = time.perf_counter()
            new = sum(receive(store, "support", body, PROTOBUF, None).summary.new_spans for body in requests)
            seconds.append(time.perf_counter() - started)
            assert new == SPANS, new
            assert store.traces.count(TraceQuery(agent="support")) == SPANS // A_TRACE
        return new

    seconds: list[float] = []
    work.seconds = seconds  # type: ignore[attr-defined]
    return work


def durable(requests: list[bytes]) -> float:
    """Spans a second stored, of the fastest of ROUNDS rounds, each into a new database."""
    with tempfile.TemporaryDirectory() as folder:
        numbers = iter(range(1000))
        work = stored(requests, lambda: f"sqlite:///{Path(folder) / f'bench-{next(numbers)}.sqlite3'}")
        for _ in range(ROUNDS):
            work()
        return SPANS / min(work.seconds)  # type: ignore[attr-defined]


def main() -> int:
    """Print the table; 1 where the stored rate misses its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mapping-only", action="store_true", help="leave the database out")
    parser.add_argument("--profile", action="store_true", help="show where the time of mapping goes, and end")
    arguments = parser.parse_args()
    calm_collector()
    styles = {style: bodies(style, SPANS, seed) for seed, style in enumerate(("genai", "openinference", "small"))}
    long = zip(styles["genai"], styles["openinference"], strict=True)
    mixed = [body for pair in long for body in pair][: SPANS // A_BODY]
    if arguments.profile:
        for style, requests in styles.items():
            print(f"\n{style}:")
            profile(mapped(requests, PROTOBUF))
        return 0
    size = sum(map(len, mixed)) / SPANS
    print(f"{SPANS:,} spans in {len(mixed)} requests, {size:,.0f} bytes a span, best of {ROUNDS} rounds\n")
    print(f"{'what':<44}{'spans/s':>10}{'aim':>10}")
    rows = [
        ("decode + map, protobuf, OTel GenAI", mapped(styles["genai"], PROTOBUF)),
        ("decode + map, protobuf, OpenInference", mapped(styles["openinference"], PROTOBUF)),
        (f"the same of {sum(map(len, styles['small'])) // SPANS} bytes a span", mapped(styles["small"], PROTOBUF)),
        ("decode + map, protobuf in gzip, both", mapped([gzip.compress(body) for body in mixed], PROTOBUF, "gzip")),
        ("decode + map, JSON, both", mapped([to_json(body) for body in mixed], JSON)),
    ]
    for name, work in rows:
        print(f"{name:<44}{best(work):>10,.0f}{AIM_MAPPED:>10,}", flush=True)
    if arguments.mapping_only:
        return 0
    small, rate = durable(styles["small"]), durable(mixed)
    print(f"{'decode + map + durable in SQLite, small':<44}{small:>10,.0f}")
    verdict = "PASS" if rate >= BAR_STORED else "FAIL"
    print(f"{'decode + map + durable in SQLite, both':<44}{rate:>10,.0f}{BAR_STORED:>10,}  bar: {verdict}")
    return 0 if rate >= BAR_STORED else 1


if __name__ == "__main__":
    sys.exit(main())
