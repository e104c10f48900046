"""A store as large as a busy team's, written straight to the tables so that it stands in a minute or two.

Traces are copies of `support_trace` under other ids; feedback, failures, clusters, queues, nights, proposals, datasets,
experiments and calls are in the proportions of real use.
"""

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from burnish.adapters.store import Store, review_tables, tables
from burnish.adapters.store.engine import chunked, upsert
from burnish.adapters.store.feedback import feedback_rows
from burnish.adapters.store.ingest import prepare, span_rows, trace_rows
from burnish.adapters.store.rows import micros
from burnish.domain.annotation.items import QueueItem
from burnish.domain.annotation.labels import GivenLabel, Label
from burnish.domain.datasets import Example, Split
from burnish.domain.experiments import Experiment, Run, RunKey, RunStatus
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.nights import NightState
from burnish.domain.proposals import Cluster, Proposal, ProposalStatus
from burnish.domain.traces import Message, Span, SpanKind, TextPart, Trace, Usage
from support.seeded import EDITS, START, support_trace

__all__ = ["AGENTS", "JUDGE", "QUEUE", "fill", "large_id", "large_trace", "write_project"]

AGENTS = {"support-desk": 0.6, "researcher": 0.3, "router": 0.1}  # and their shares of the traces
CHECKS = ("no_error", "short_enough", "right_queue")
JUDGE = "helpful"
QUEUE = "helpfulness"
DAYS = 60
BATCH = 5_000

AGENT_FILE = """
evaluators = ["no_error", "short_enough", "right_queue", "helpful"]
[repository]
url = "."
[target]
prompt = "prompts/router.md"
[improve]
metric = "helpful"
"""
EVALUATOR_FILE = """
- {kind: no_error, name: no_error}
- {kind: length, name: short_enough, unit: characters, maximum: 400}
- {kind: contains, name: right_queue, any_of: [atlas, bravo, cedar]}
- kind: judge
  name: helpful
  rubric: The answer helps the person who asked.
  budget: {usd: 2, per: day}
  applies: {sample: 0.5}
"""
QUEUE_FILE = f"""
- name: {QUEUE}
  title: Is the answer helpful?
  key: {JUDGE}
  labels: 2
  daily_cap: 1000
"""


def large_id(number: int) -> str:
    """The id of the numbered trace."""
    return f"{((number + 1) * 2654435761) % 2**32:08x}{number:024x}"


def large_trace(trace_id: str, agent: str, spans: int) -> Trace:
    """A trace with many spans, a third of them each deeper than the one before, with messages that grow."""
    begun = START + dt.timedelta(days=DAYS + 1)
    said = tuple(
        Message(role="user" if n % 2 == 0 else "assistant", parts=(TextPart(text=f"message {n}: " + "words " * 30),))
        for n in range(60)
    )
    found = []
    for n in range(spans):
        parent = None if n == 0 else f"{n - 1:016x}" if n < spans // 3 else f"{n % 50:016x}"
        kind = (SpanKind.LLM, SpanKind.TOOL, SpanKind.CHAIN)[n % 3] if n else SpanKind.AGENT
        found.append(
            Span(trace_id=trace_id, span_id=f"{n:016x}", parent_id=parent, name=f"step {n}", kind=kind,
                 started_at=begun + dt.timedelta(milliseconds=10 * n),
                 ended_at=begun + dt.timedelta(milliseconds=10 * n + 400),
                 usage=Usage(input_tokens=100, output_tokens=10) if kind is SpanKind.LLM else None,
                 input_messages=said[: n % 60] if kind is SpanKind.LLM and n % 10 == 0 else (),
                 input={"query": "words " * 20}, output={"rows": list(range(20))})
        )  # fmt: skip
    return Trace(
        trace_id=trace_id, agent=agent, source="otlp", name="a long run", started_at=begun,
        ended_at=begun + dt.timedelta(milliseconds=10 * spans + 400), input="words", output="words",
        spans=tuple(found),
    )  # fmt: skip


def write_project(folder: Path) -> None:
    """The configuration that the store's agents, evaluators and queue stand in."""
    config = folder / "config"
    for name in ("agents", "evaluators"):
        (config / name).mkdir(parents=True, exist_ok=True)
    for agent in AGENTS:
        (config / "agents" / f"{agent}.toml").write_text(AGENT_FILE, encoding="utf-8")
    (config / "evaluators" / "all.yaml").write_text(EVALUATOR_FILE, encoding="utf-8")
    (config / "queues.yaml").write_text(QUEUE_FILE, encoding="utf-8")


def fill(store: Store, traces: int, versions: tuple[str, str] = ("0ld0ld0ld0ld", "newnewnewnew")) -> None:
    """Fill an empty store; `versions` are the judge's two epochs, the later one from the last third on."""
    owners = _owners(traces)
    _traces(store, owners)
    _feedback(store, owners, versions)
    numbers: dict[str, list[int]] = {agent: [] for agent in AGENTS}
    for number, agent in enumerate(owners):
        numbers[agent].append(number)
    for agent, own in numbers.items():
        _rest(store, agent, own)
    _queue(store, numbers["support-desk"])


def _owners(traces: int) -> list[str]:
    drawn = random.Random(7)
    return drawn.choices(list(AGENTS), list(AGENTS.values()), k=traces)


def _started(number: int, traces: int) -> int:
    return micros(START) + number * (DAYS * 86_400_000_000 // traces)


def _traces(store: Store, owners: list[str]) -> None:
    templates = []
    for number in range(20):
        item = prepare(support_trace(number))
        rows = trace_rows(item.trace, item.head, len(item.spans))
        spans = [
            span_rows(item.trace.trace_id, span, body, place) for place, (span, body) in enumerate(item.spans.values())
        ]
        templates.append((item.trace.trace_id.encode(), rows, spans))
    for numbers in chunked(range(len(owners)), BATCH):
        written: dict[Any, list[dict[str, Any]]] = {
            table: [] for table in (tables.traces, tables.trace_payloads, tables.spans, tables.span_payloads)
        }
        for number in numbers:
            old, (row, payload), spans = templates[number % len(templates)]
            new = large_id(number)
            begun = _started(number, len(owners))
            moved = begun - row["started_at"]
            named = {"trace_id": new}
            written[tables.traces].append(
                {**row, **named, "agent": owners[number], "started_at": begun, "ended_at": row["ended_at"] + moved,
                 "session_id": f"session-{number // 3}", "user_id": f"user-{number % 997}",
                 "environment": "staging" if number % 10 == 0 else "production",
                 "prompt_version": str(number * 6 // len(owners)), "changed_at": begun,
                 "example_id": f"{row['example_id']}{number}", "input_preview": f"{row['input_preview']} no. {number}"}
            )  # fmt: skip
            written[tables.trace_payloads].append(
                {**named, "body": payload["body"].replace(old, new.encode()).replace(
                    b'"agent":"support-desk"', b'"agent":"%s"' % owners[number].encode())}
            )  # fmt: skip
            for span, body in spans:
                written[tables.spans].append(
                    {**span, **named, "started_at": span["started_at"] + moved, "ended_at": span["ended_at"] + moved}
                )
                written[tables.span_payloads].append({**body, **named, "body": body["body"].replace(old, new.encode())})
        with store._database.write("traces") as connection:
            for table, rows in written.items():
                upsert(connection, table, rows)


def _feedback(store: Store, owners: list[str], versions: tuple[str, str]) -> None:
    traces = len(owners)
    failures = []
    for numbers in chunked(range(traces), BATCH):
        items = [item for number in numbers for item in _said(number, traces, versions)]
        with store._database.write("feedback") as connection:
            upsert(connection, tables.feedback, feedback_rows(items))
        failures += [
            {"trace_id": large_id(n), "evaluator": JUDGE, "version": versions[1], "error": "ModelError",
             "message": f"the model answered no JSON (attempt {n % 3})", "created_at": _started(n, traces)}
            for n in numbers if n % 151 == 0
        ]  # fmt: skip
    with store._database.write("feedback") as connection:
        upsert(connection, tables.evaluator_failures, failures)


def _said(number: int, traces: int, versions: tuple[str, str]) -> Iterator[Feedback]:
    drawn = random.Random(number)
    at = START + dt.timedelta(microseconds=_started(number, traces) - micros(START) + 3_600_000_000)
    fields: dict[str, Any] = {"trace_id": large_id(number), "created_at": at}
    for place, check in enumerate(CHECKS):
        passed = drawn.random() < 0.97 - 0.05 * place
        yield Feedback(key=check, author=check, source=FeedbackSource.CODE, version="1", score=float(passed), **fields)
    good = drawn.random() < 0.8
    if number % 2 == 0:
        version = versions[3 * number > 2 * traces]
        yield Feedback(key=JUDGE, author=JUDGE, source=FeedbackSource.JUDGE, version=version,
                       score=float(good if drawn.random() < 0.9 else not good),
                       comment="The answer names the queue that the question belongs to.", **fields)  # fmt: skip
    if number % 20 == 0:
        yield Feedback(key="thumb", author="app", source=FeedbackSource.USER, score=float(good), **fields)
    if number % 50 == 0:
        yield Feedback(key="review", author=f"reviewer {number % 3}", source=FeedbackSource.HUMAN, score=float(good),
                       comment="The queue is right, the tone is not.", **fields)  # fmt: skip


def _rest(store: Store, agent: str, numbers: list[int]) -> None:
    """Nights with their clusters, proposals, experiments and calls; a dataset with a thousand examples."""
    examples = [
        Example(id=f"{agent}-{n}", input=f"question {n}", expected="atlas", group=f"group {n}", trace_id=large_id(n))
        for n in numbers[:1000]
    ]
    splits = (Split.TRAIN, Split.DEV, Split.HELD_OUT)
    store.datasets.add(agent, "main", [(one, splits[place % 3]) for place, one in enumerate(examples)])
    for back in range(30):
        day = START.date() + dt.timedelta(days=back)
        night = store.nights.begin(agent, day)
        found = numbers[back * 50 :: 40][:200]
        store.clusters.save(
            agent, night.id,
            [Cluster(id=f"{agent}-{place}", agent=agent, name=f"Failing alike, no. {place}", size=len(found[place::12]),
                     trace_ids=tuple(map(large_id, found[place::12])), keywords=("card", "queue"), night=night.id)
             for place in range(12)],
        )  # fmt: skip
        proposal = Proposal(id=f"{agent}-{back}", agent=agent, night=night.id, base_commit="a" * 40,
                            title=f"Say what the queues are for, no. {back}", rationale="Reviewers corrected these.",
                            edits=EDITS, cluster_ids=(f"{agent}-0",), proposer="class lines", model="small-model",
                            evidence_trace_ids=tuple(map(large_id, found[:6])),
                            created_at=START + dt.timedelta(days=back, hours=3))  # fmt: skip
        store.proposals.add([proposal])
        store.proposals.set_status(proposal.id, ProposalStatus.MEASURED, "not the best on dev")
        _experiment(store, agent, night.id, proposal, back)
        store.nights.save_stage(night.id, "ingest", {"new_traces": 100, "known_spans": 0, "problems": 0})
        store.nights.save_stage(night.id, "report", {"markdown": f"## {agent}, night of {day}\n\nNothing held.\n"})
        store.nights.finish(night.id, NightState.FINISHED)
    rows = [
        {"night": f"{agent}/night", "key": f"{agent}-{n}", "purpose": f"judge/{JUDGE}", "model": "small-model",
         "calls": 1, "input_tokens": 400, "output_tokens": 30, "cost_usd": 0.0002, "seconds": 0.8,
         "created_at": _started(n, max(numbers) + 1)}
        for n in numbers[::2]
    ]  # fmt: skip
    with store._database.write("calls") as connection:
        upsert(connection, tables.model_calls, rows)


def _experiment(store: Store, agent: str, night: str, proposal: Proposal, back: int) -> None:
    experiment = Experiment(
        id=f"{agent}-experiment-{back}", agent=agent, night=night, split=Split.HELD_OUT if back % 2 else Split.DEV,
        arms=("baseline", proposal.id), versions={"baseline": "v1", proposal.id: "v2"}, dataset_fingerprint="5eed",
        metric=JUDGE, repetitions=3, created_at=START + dt.timedelta(days=back, hours=4),
    )  # fmt: skip
    store.experiments.start(experiment)
    drawn = random.Random(back)
    store.experiments.add_runs(
        [
            Run(key=RunKey(experiment_id=experiment.id, arm=arm, example_id=f"{agent}-{n}", repetition=again),
                version_id=experiment.versions[arm], status=RunStatus.OK, output="atlas", latency_s=1.2,
                cost_usd=0.0004, tokens=420,
                scores={JUDGE: float(drawn.random() < 0.7), "no_error": float(drawn.random() < 0.98)})
            for arm in experiment.arms for n in range(150) for again in range(3)
        ]
    )  # fmt: skip


def _queue(store: Store, numbers: list[int]) -> None:
    """Two thousand items, of which six hundred have two labels each, as the pages read them."""
    found = numbers[::7][:2000]
    at = micros(START)
    items, seats, said = [], [], []
    for place, number in enumerate(found):
        done = place < 600
        item_id = QueueItem.id_for(QUEUE, large_id(number))
        items.append(
            {"id": item_id, "queue": QUEUE, "agent": "support-desk", "trace_id": large_id(number),
             "state": "settled" if done else "open", "profile": "reviewer", "wanted": 2, "weight": 1.0,
             "rank": float(place), "random": place % 5 == 0, "reasons": '["judge is unsure"]', "day": "2026-03-14",
             "created_at": at, "settled_at": at if done else None}
        )  # fmt: skip
        for seat in range(2):
            person = f"reviewer {(place + seat) % 4}"
            drawn = random.Random(number * 2 + seat)
            label = Label(score=float(drawn.random() < 0.8 if seat else number % 5 > 0), comment="Read in full.")
            given = GivenLabel(person=person, kind="label", label=label, started_at=START, given_at=START)
            seats.append(
                {"item_id": item_id, "number": seat, "kind": "label", "holder": person if done else None,
                 "started_at": at if done else None, "lease_until": at + 60_000_000 if done else None,
                 "done_at": at + 30_000_000 if done else None,
                 "document": given.model_dump_json() if done else None}
            )  # fmt: skip
            if done:
                said.append(
                    Feedback(trace_id=large_id(number), key=JUDGE, source=FeedbackSource.HUMAN, author=person,
                             score=label.score, comment=label.comment, created_at=START)
                )  # fmt: skip
    with store._database.write("queues", "feedback") as connection:
        upsert(connection, review_tables.queue_items, items)
        upsert(connection, review_tables.queue_seats, seats)
        upsert(connection, tables.feedback, feedback_rows(said))
