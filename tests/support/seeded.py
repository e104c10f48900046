"""A real store with one night of a support desk in it: what the CLI and the pages are tested on."""

import datetime as dt
from pathlib import Path
from typing import Any

from burnish.adapters.store import Store
from burnish.adapters.store.sealed import HeldOut
from burnish.domain.datasets import Example, Split
from burnish.domain.experiments import Experiment, Run, RunKey, RunStatus
from burnish.domain.feedback import EvaluatorFailure, Feedback, FeedbackSource
from burnish.domain.gate import Comparison, Lift, Look, Outcome, Verdict
from burnish.domain.nights import Night, NightState
from burnish.domain.proposals import Cluster, Edit, Proposal, ProposalStatus, PullRequest
from burnish.domain.traces import (
    Message,
    Span,
    SpanKind,
    SpanStatus,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolUse,
    Trace,
    Usage,
)

__all__ = ["AGENT", "DAY", "NIGHT", "PULL_ID", "seeded_store", "store_url", "support_trace", "trace_id"]

AGENT = "support-desk"
DAY = dt.date(2026, 3, 14)
NIGHT = Night.id_for(AGENT, DAY)
START = dt.datetime(2026, 3, 13, 8, 0, tzinfo=dt.UTC)
TRACES = 60
PULL_ID = "pr-support-desk-1"
EDITS = (
    Edit(
        path="prompts/router.md",
        search="Queues: atlas, bravo, cedar.",
        replace="Queues: atlas, bravo, cedar.\n\n- atlas: cards that are lost, stolen or swallowed by a machine\n"
        "- bravo: transfers that are late or went to the wrong account",
    ),
)
ASKED = (
    ("My card was swallowed by the machine at the station", "atlas", "cedar"),
    ("The transfer to my landlord has not arrived after three days", "bravo", "bravo"),
    ("How do I change my address?", "cedar", "cedar"),
    ("Somebody paid with my card in a town I have never been to", "atlas", "bravo"),
)


def store_url(folder: Path) -> str:
    """Where the seeded store of a project folder lies: where the settings look by default."""
    return f"sqlite:///{folder / '.burnish' / 'burnish.sqlite3'}"


def trace_id(number: int) -> str:
    """The id of the numbered trace; the first digits differ from trace to trace, as real ones do."""
    return f"{((number + 1) * 2654435761) % 2**32:08x}{number:024x}"


def support_trace(number: int) -> Trace:
    """One request: the agent looks an order up, then answers with a queue. Every tenth fails."""
    begun = START + dt.timedelta(minutes=7 * number)
    text, _, answered = ASKED[number % len(ASKED)]
    failed = number % 10 == 9
    asked = Message(role="user", parts=(TextPart(text=f"{text} (case {number})"),))
    system = Message(role="system", parts=(TextPart(text="You route messages. Queues: atlas, bravo, cedar."),))
    call = ToolCallPart(name="find_customer", arguments={"case": number}, id=f"call-{number}")
    result = ToolResultPart(
        result={"customer": f"C-{number:04d}", "orders": 2}, id=f"call-{number}", name="find_customer"
    )
    answer = Message(role="assistant", parts=(TextPart(text=answered),))
    history = (system, asked, Message(role="assistant", parts=(call,)), Message(role="tool", parts=(result,)))

    def span(name: str, identifier: str, first: float, last: float, **fields: Any) -> Span:
        return Span(
            trace_id=trace_id(number),
            span_id=f"{number:08x}{identifier}",
            name=name,
            started_at=begun + dt.timedelta(seconds=first),
            ended_at=begun + dt.timedelta(seconds=last),
            **fields,
        )

    root = f"{number:08x}00000001"
    usage = Usage(input_tokens=410 + number, output_tokens=12)
    spans = (
        span("route message", "00000001", 0, 2.4, kind=SpanKind.AGENT, input=text, output=None if failed else answered),
        span("chat first", "00000002", 0.1, 1.0, kind=SpanKind.LLM, parent_id=root, model="small-model",
             usage=usage, cost_usd=0.0003, input_messages=(system, asked), output_messages=(history[2],)),
        span("find_customer", "00000003", 1.0, 1.3, kind=SpanKind.TOOL, parent_id=root,
             tool=ToolUse(name="find_customer", arguments={"case": number}, result={"customer": f"C-{number:04d}"})),
        span("chat second", "00000004", 1.3, 2.3, kind=SpanKind.LLM, parent_id=root, model="small-model", usage=usage,
             cost_usd=0.0002, input_messages=history, output_messages=() if failed else (answer,),
             status=SpanStatus.ERROR if failed else SpanStatus.OK,
             status_message="the model answered nothing" if failed else None,
             attributes={"gen_ai.request.temperature": 0.2, "server.address": "models.example"}),
    )  # fmt: skip
    return Trace(
        trace_id=trace_id(number),
        agent=AGENT,
        source="otlp",
        name="route message",
        started_at=begun,
        ended_at=begun + dt.timedelta(seconds=2.4),
        status=SpanStatus.ERROR if failed else SpanStatus.OK,
        status_message="the model answered nothing" if failed else None,
        input=f"{text} (case {number})",
        output=None if failed else answered,
        session_id=f"session-{number // 3}",
        user_id=f"user-{number % 7}",
        environment="production",
        prompt_version="4",
        spans=spans,
    )


def seeded_store(url: str) -> Store:
    """Open a new store at `url` and fill it; the caller closes it."""
    store = Store.open(url)
    store.traces.add(support_trace(number) for number in range(TRACES))
    _scores(store)
    clusters = _clusters(store)
    proposals = _proposals(store, clusters)
    _dataset(store)
    held_out = _experiments(store, proposals)
    _verdict(store, proposals[0], held_out)
    _night(store, proposals[0])
    return store


def _scores(store: Store) -> None:
    items: list[Feedback] = []
    for number in range(TRACES):
        _, right, answered = ASKED[number % len(ASKED)]
        good = right == answered and number % 10 != 9
        common: dict[str, Any] = {"trace_id": trace_id(number), "created_at": START + dt.timedelta(days=1)}
        code: dict[str, Any] = {"source": FeedbackSource.CODE, "version": "v1", **common}
        items.append(Feedback(key="correct_queue", author="correct_queue", score=float(good), value=good, **code))
        items.append(Feedback(key="no_error", author="no_error", score=float(number % 10 != 9), **code))
        if number % 4 == 0:
            items.append(
                Feedback(key="review", source=FeedbackSource.HUMAN, author="ana", correction=right,
                         comment="A swallowed card belongs to the cards team.", **common)
            )  # fmt: skip
    store.feedback.add(items)
    store.feedback.add_failures(
        [
            EvaluatorFailure(
                trace_id=trace_id(5), evaluator="polite", version="v1", error="ModelError", message="no JSON"
            )
        ]
    )


def _clusters(store: Store) -> list[Cluster]:
    lost = tuple(trace_id(number) for number in range(0, TRACES, 4))
    foreign = tuple(trace_id(number) for number in range(3, TRACES, 4))
    clusters = [
        Cluster(id="c1a55e5000000001", agent=AGENT, name="Swallowed cards go to the wrong queue", trace_ids=lost,
                description="The message speaks of a machine that kept a card; the answer is cedar, not atlas.",
                size=len(lost), keywords=("card", "machine", "station"), night=NIGHT),
        Cluster(id="9b1d0c4e00000002", agent=AGENT, name="Foreign payments taken for transfers", trace_ids=foreign,
                size=len(foreign), keywords=("paid", "town"), night=NIGHT),
    ]  # fmt: skip
    store.clusters.save(AGENT, NIGHT, clusters)
    return clusters


def _dataset(store: Store) -> None:
    """Forty dev examples, the ones the dev experiment names; forty held-out ones, used on two nights; one train."""
    dev = [(_example(f"example-{n:02d}", n, f"question {n}"), Split.DEV) for n in range(40)]
    held_out = [(_example(f"sealed-{n:02d}", None, f"sealed question {n}"), Split.HELD_OUT) for n in range(40)]
    store.datasets.add(AGENT, "main", [(_example("train-00", 40, "seen"), Split.TRAIN), *dev, *held_out[:30]])
    store.datasets.add(AGENT, "main", held_out[30:])
    store.datasets.retire(AGENT, "main", ["train-00"], "wrong")
    for night in ("2026-03-12", "2026-03-13"):
        held_out = HeldOut(store, AGENT, "main")
        held_out.use(f"{AGENT}/{night}", held_out.least_used(25))


def _example(example_id: str, number: int | None, text: str) -> Example:
    behind = None if number is None else trace_id(number)
    return Example(id=example_id, input=text, expected="atlas", group=example_id, trace_id=behind)


def _proposals(store: Store, clusters: list[Cluster]) -> list[Proposal]:
    def proposal(title: str, edits: tuple[Edit, ...], minute: int, cluster: Cluster) -> Proposal:
        return Proposal(
            id=Proposal.id_for(AGENT, "a" * 40, edits),
            agent=AGENT,
            night=NIGHT,
            base_commit="a" * 40,
            title=title,
            rationale="Reviewers corrected these to atlas. The prompt names queues without saying what they are for.",
            edits=edits,
            cluster_ids=(cluster.id,),
            evidence_trace_ids=cluster.trace_ids[:6],
            proposer="class lines",
            model="small-model",
            created_at=START + dt.timedelta(days=1, minutes=minute),
        )

    shorter = (Edit(path="prompts/router.md", search="You route messages.", replace="Route messages."),)
    found = [
        proposal("Say what atlas and bravo are for", EDITS, 3, clusters[0]),
        proposal("Shorten the first line", shorter, 2, clusters[1]),
    ]
    store.proposals.add(found)
    store.proposals.set_status(found[1].id, ProposalStatus.MEASURED, "not the best on dev")
    store.proposals.set_status(found[0].id, ProposalStatus.PUBLISHED, "/pull-requests/1")
    return found


def _experiments(store: Store, proposals: list[Proposal]) -> Experiment:
    held_out = None
    for split, arms in (
        (Split.DEV, ("baseline", *(proposal.id for proposal in proposals))),
        (Split.HELD_OUT, ("baseline", proposals[0].id)),
    ):
        versions = {arm: f"version-{arm}" for arm in arms}
        held_out = Experiment(
            id=Experiment.id_for(AGENT, NIGHT, split, versions, "fingerprint", "evaluators"),
            agent=AGENT,
            night=NIGHT,
            split=split,
            arms=arms,
            versions=versions,
            dataset_fingerprint="5eed5eed5eed5eed",
            metric="correct_queue",
            created_at=START + dt.timedelta(days=1, minutes=10 if split is Split.DEV else 20),
        )
        store.experiments.start(held_out)
        store.experiments.add_runs([_run(held_out, arm, number) for arm in arms for number in range(40)])
    assert held_out is not None
    return held_out


def _run(experiment: Experiment, arm: str, number: int) -> Run:
    helped = arm == experiment.arms[1]
    right = number % 2 == 0 or (helped and number % 8 != 1)
    broken = helped and number == 2
    unmeasured = number == 39
    return Run(
        key=RunKey(experiment_id=experiment.id, arm=arm, example_id=f"example-{number:02d}"),
        version_id=experiment.versions[arm],
        status=RunStatus.UNMEASURED if unmeasured else RunStatus.OK,
        error="rate limited" if unmeasured else None,
        output=None if unmeasured else "atlas",
        latency_s=1.2,
        cost_usd=0.0004,
        tokens=420,
        scores={} if unmeasured else {"correct_queue": float(right and not broken)},
    )


def _verdict(store: Store, proposal: Proposal, experiment: Experiment) -> None:
    store.proposals.add_verdict(
        Verdict(
            proposal_id=proposal.id,
            experiment_id=experiment.id,
            outcome=Outcome.ACCEPTED,
            reasons=(
                "correct_queue rose from 0.51 to 0.85 over 39 pairs (p = 0.00026), below the level 0.01.",
                "no_error did not fall by more than the margin of 0.05.",
            ),
            level=0.01,
            comparison=Comparison(
                metric="correct_queue", pairs=39, baseline_mean=0.513, candidate_mean=0.846, effect=0.333,
                low=0.16, high=0.51, confidence=0.98, p_value=0.00026, test="exact McNemar, one-sided", wins=14,
                losses=1, ties=24, fixed=("example-03", "example-05"), broken=("example-02",), unmeasured_baseline=1,
                unmeasured_candidate=1,
            ),
            guards=(
                Comparison(
                    metric="no_error", pairs=39, baseline_mean=0.9, candidate_mean=0.9, effect=0.0, low=-0.03,
                    high=0.03, confidence=0.98, p_value=None, test="non-inferiority", wins=0, losses=0, ties=39,
                ),
            ),
            p_value=0.00028,
            looks=(
                Look(
                    examples=20, pairs=20, effect=0.35, z=2.33, boundary=3.46, p_value=0.0099,
                    test="exact McNemar test", power=0.97,
                ),
                Look(
                    examples=40, pairs=39, effect=0.333, z=3.47, boundary=2.36, p_value=0.00026,
                    test="exact McNemar test",
                ),
            ),
            planned_looks=2,
            attempts_before=6,
            lift=Lift(raw=0.333, shrunk=0.22, low=0.09, high=0.35),
        )
    )  # fmt: skip


def _night(store: Store, proposal: Proposal) -> None:
    store.pull_requests.save(
        PullRequest(
            id=PULL_ID, agent=AGENT, proposal_id=proposal.id, forge="local", branch="burnish/say-what-atlas-is-for",
            base="main", commit="b" * 40, number=1, url="/pull-requests/1", title="Say what atlas and bravo are for",
            body="## Why\n\nReviewers corrected **15 traces** to atlas.\n\n| metric | before | after |\n|---|---|---|\n"
            "| correct_queue | 0.51 | 0.85 |\n\n- [the proposal](/proposals/" + proposal.id + ")\n",
            created_at=START + dt.timedelta(days=1, minutes=30),
        )
    )  # fmt: skip
    store.nights.begin(AGENT, DAY)
    store.nights.save_stage(
        NIGHT, "ingest", {"new_traces": TRACES, "grown_traces": 0, "known_spans": 0, "problems": 0, "reasons": []}
    )
    store.nights.save_stage(NIGHT, "dev", {"chosen": proposal.id, "reason": "best mean on dev"})
    store.nights.save_stage(NIGHT, "publish", {"url": "/pull-requests/1", "reason": ""})
    store.calls.record("target", "small-model", Usage(input_tokens=33_600, output_tokens=960), 0.032, 96.0, NIGHT, "k1")
    store.calls.record("propose", "small-model", Usage(input_tokens=2_100, output_tokens=300), 0.004, 9.0, NIGHT, "k2")
    store.nights.finish(NIGHT, NightState.FINISHED)
    store.nights.save_stage(
        NIGHT, "report", {"markdown": f"## {AGENT}, night of {DAY}\n\n**A pull request is open:** /pull-requests/1\n"}
    )
