"""The stages of a night for one agent, each resumable: it does what is missing and books a summary.

Tasks call these with an open workshop; `burnish demo` and the tests do so without Prefect.
"""

from typing import TYPE_CHECKING, Any

from burnish.domain.base import utc_now
from burnish.domain.datasets import DATASET
from burnish.domain.experiments import AgentVersion
from burnish.domain.feedback import FeedbackSource
from burnish.domain.gate import Verdict
from burnish.domain.listing import TraceQuery
from burnish.domain.nights import NightState
from burnish.domain.proposals import ProposalStatus
from burnish.domain.suite import CaseState
from burnish.errors import BudgetExceededError
from burnish.loop import report
from burnish.loop.candidates import candidates, gone_on, taken_up
from burnish.loop.measure import BASELINE, choose_on_dev, prove_on_held_out
from burnish.loop.progress import Ticker

if TYPE_CHECKING:
    from burnish.loop.context import Workshop

__all__ = [
    "curate_stage",
    "dev_stage",
    "discover_stage",
    "enrich_stage",
    "finish",
    "guard_stage",
    "held_out_stage",
    "ingest_stage",
    "judges_stage",
    "plan_stage",
    "propose_stage",
    "publish_stage",
    "report_proposals",
    "route_stage",
    "take_up_stage",
    "write_back_stage",
]


def _book(workshop: "Workshop", stage: str, summary: dict[str, Any]) -> dict[str, Any]:
    if workshop.budget.exhausted:
        # Each stage has a workshop of its own, so the one that closes the night learns it from here.
        summary = {**summary, "exhausted": True}
    workshop.store.nights.save_stage(workshop.night, stage, summary)
    return summary


async def ingest_stage(workshop: "Workshop", ticker: Ticker) -> dict[str, Any]:
    """Pull from the agent's source. Counts of new, grown and known, the problems met, and why it stopped early if so.

    A source that fails does not cost the night: the loop works on what is stored.
    """
    import asyncio

    from burnish.loop.pull import pull_agent

    found = await asyncio.to_thread(
        pull_agent, workshop.settings, workshop.config, workshop.store, lambda told: ticker(*told.minutes, str(told))
    )
    earlier = workshop.store.nights.get(workshop.night).stages.get("ingest", {})
    counts = found.summary.model_dump() | {"new_feedback": found.new_feedback}
    for name in ("new_traces", "grown_traces", "new_spans", "new_feedback"):
        counts[name] += earlier.get(name, 0)  # a night that is started again tells what it did as a whole
    for name, count in earlier.get("redacted", {}).items():
        counts["redacted"][name] = counts["redacted"].get(name, 0) + count
    reasons = [str(problem) for problem in found.problems[:20]]
    told = {"problems": found.problem_count, "reasons": reasons, "stopped": found.stopped}
    return _book(workshop, "ingest", {**counts, **told})


async def enrich_stage(workshop: "Workshop", ticker: Ticker, limit: int | None = None) -> dict[str, Any]:
    """Score what has not been scored, newest traces first."""
    from burnish.loop.enrich import enrich, pending
    from burnish.loop.enrich_sessions import enrich_sessions

    settled = utc_now() - workshop.config.source.settle_after
    ids = pending(workshop.store, workshop.config.name, workshop.evaluators, settled)[:limit]
    # A model is opened only where somebody asks it: an agent with code checks alone needs none.
    judges = any(evaluator.source is FeedbackSource.JUDGE for evaluator in workshop.evaluators)
    try:
        judge = workshop.judge if judges else None
        store, evaluators, night = workshop.store, workshop.evaluators, workshop.night
        summary = await enrich(store, evaluators, ids, judge, night=night, progress=ticker)
        agent = workshop.config.name
        of_sessions = await enrich_sessions(store, evaluators, agent, judge, night=night, progress=ticker)
    except BudgetExceededError as error:
        # What was paid for is stored; the rest of the night does what it can without paying.
        return _book(workshop, "enrich", {"traces": len(ids), "evaluators": {}, "reason": str(error)})
    earlier = workshop.store.nights.get(workshop.night).stages.get("enrich", {}).get("evaluators", {})
    everything = TraceQuery(agent=workshop.config.name)
    count = workshop.store.traces.count
    growing = count(everything) - count(everything.model_copy(update={"settled": settled}))
    whole = summary.model_copy(update={"evaluators": {**summary.evaluators, **of_sessions}})
    now = whole.model_dump(mode="json") | {"growing": growing}
    rows = {name: _added_up(row, earlier.get(name)) for name, row in now["evaluators"].items()}
    return _book(workshop, "enrich", {**now, "evaluators": rows})


def _added_up(now: dict[str, Any], earlier: dict[str, Any] | None) -> dict[str, Any]:
    """What an evaluator did tonight over all starts of the night. Failures are tried again, so the last count holds."""
    if earlier is None or earlier["version"] != now["version"]:
        return now
    parts = [(row["scored"], row["mean"]) for row in (earlier, now) if row["mean"] is not None]
    scored = sum(count for count, _ in parts)
    return {
        **now,
        "scored": earlier["scored"] + now["scored"],
        "skipped": max(earlier["skipped"], now["skipped"]),
        "mean": sum(count * mean for count, mean in parts) / scored if scored else None,
    }


async def take_up_stage(
    workshop: "Workshop", ticker: Ticker | None = None, *, may_publish: bool = True
) -> dict[str, Any]:
    """Publish what earlier nights accepted and could not open, and choose what of theirs is measured again."""
    from burnish.loop.take_up import take_up

    summary = await take_up(workshop, may_publish=may_publish, progress=ticker)
    if ticker is not None:
        ticker(1, 1)  # most nights there is nothing to run, and that is done too
    return summary.model_dump(mode="json")


async def write_back_stage(workshop: "Workshop", ticker: Ticker | None = None) -> dict[str, Any]:
    """Write scores, labels and cluster names back to the source, where that is switched on.

    Whatever goes wrong there is reported and never fails the night.
    """
    import asyncio

    from burnish.loop.write_back import WriteBackReport, write_back_agent

    def write() -> WriteBackReport:
        return write_back_agent(workshop.settings, workshop.config, workshop.store, progress=ticker)

    try:
        found = await asyncio.to_thread(write)
    except Exception as error:  # a connector's defect too: the loop does not hang on what others show
        found = WriteBackReport(stopped=f"{type(error).__name__}: {error}")
    earlier = workshop.store.nights.get(workshop.night).stages.get("write_back", {})
    counts = found.model_dump(mode="json", exclude={"seconds"})
    counts["written"] += earlier.get("written", 0)
    return _book(workshop, "write_back", counts)


async def curate_stage(workshop: "Workshop") -> dict[str, Any]:
    """Corrected traces become examples; the split of an example never changes."""
    from burnish.loop.curate import curate

    summary = curate(workshop.open_store, workshop.config, workshop.evaluators)
    return _book(workshop, "curate", summary.model_dump(mode="json"))


async def judges_stage(workshop: "Workshop") -> dict[str, Any]:
    """Measure the agent's judges beside people, so that a stale one is found without anybody asking."""
    import asyncio

    from burnish.loop.alignment import measure_judges

    measured = await asyncio.to_thread(measure_judges, workshop.store, workshop.config, workshop.evaluators)
    told = [
        {
            **one.model_dump(mode="json", include={"judge", "version", "state", "reason"}),
            **one.held_out.model_dump(mode="json", include={"items", "kappa", "low", "high"}),
            "swayed": list(one.swayed),
        }
        for one in measured
    ]
    return _book(workshop, "judges", {"judges": told})


async def discover_stage(workshop: "Workshop") -> dict[str, Any]:
    """Group the failing traces that are not held out, and name the groups."""
    from burnish.loop.discover import discover

    summary = await discover(workshop.open_store, workshop.config, workshop.night, workshop.proposer, workshop.embedder)
    return _book(workshop, "discover", summary.model_dump(mode="json"))


async def route_stage(workshop: "Workshop") -> dict[str, Any]:
    """Fill the annotation queues that take this agent's traces."""
    import asyncio

    from burnish.domain.annotation.specs import load_queues
    from burnish.loop.route import route
    from burnish.project import agent_names

    project, agent = workshop.settings.project, workshop.config.name
    queues = load_queues(project, agent)
    summary = await asyncio.to_thread(route, workshop.store, queues, agent, len(agent_names(project)))
    earlier = workshop.store.nights.get(workshop.night).stages.get("route", {}).get("queues", {})
    told = summary.model_dump(mode="json")["queues"]
    for name, row in told.items():
        row["tonight"] = row["added"] + earlier.get(name, {}).get("tonight", 0)  # over all starts of the night
    return _book(workshop, "route", {"queues": told})


async def propose_stage(workshop: "Workshop", ticker: Ticker) -> dict[str, Any]:
    """Draft diffs against the night's commit."""
    from burnish.loop.propose import ProposeSummary, propose

    commit = workshop.base_commit
    files = workshop.repository.read_files(workshop.config.improve.files, commit)
    clusters = workshop.open_store.clusters.list(workshop.config.name, workshop.night)
    try:
        summary = await propose(
            workshop.open_store,
            workshop.config,
            workshop.night,
            files,
            commit,
            workshop.proposer,
            clusters,
            again=taken_up(workshop.store, workshop.night).proposals,
            progress=ticker,
        )
    except BudgetExceededError as error:
        summary = ProposeSummary(proposals=(), notes=(str(error),))  # the answers paid for are kept for the next start
    return _book(workshop, "propose", summary.model_dump(mode="json"))


def plan_stage(workshop: "Workshop") -> dict[str, Any]:
    """Say what the night can show before it spends; a night that is started again keeps what was said first."""
    from burnish.loop.plan import plan, plan_markdown

    booked = workshop.store.nights.get(workshop.night).stages.get("plan")
    if booked is not None:
        return booked
    found = plan(workshop)
    summary = {"gain": found.gain, "sentences": list(found.sentences), "markdown": plan_markdown(found)}
    return _book(workshop, "plan", summary)


async def dev_stage(workshop: "Workshop", ticker: Ticker) -> dict[str, Any]:
    """Measure the candidates on dev and choose one, or say why none."""
    proposals = candidates(workshop.store, workshop.config.name, workshop.night)
    base = AgentVersion.id_for(workshop.base_commit, ())
    workshop.repository.prune({base, *(AgentVersion.id_for(p.base_commit, p.edits) for p in proposals)})
    choice = await choose_on_dev(workshop, workshop.night, ticker)
    labels = {BASELINE: "as it is", **{proposal.id: proposal.title for proposal in proposals}}
    return _book(workshop, "dev", {**choice.model_dump(mode="json"), "labels": labels})


async def held_out_stage(workshop: "Workshop", proposal_id: str, ticker: Ticker) -> Verdict:
    """Measure the chosen candidate against a fresh baseline on the sealed split and decide."""
    verdict = await prove_on_held_out(workshop, workshop.night, proposal_id, ticker)
    wear = workshop.store.datasets.wear(workshop.config.name, DATASET, workshop.config.splits)
    booked = {
        "proposal": proposal_id,
        "outcome": verdict.outcome.value,
        "experiment_id": verdict.experiment_id,
        "wear": wear.model_dump(mode="json"),
    }
    _book(workshop, "held_out", booked)
    return verdict


async def guard_stage(workshop: "Workshop", proposal_id: str, ticker: Ticker) -> dict[str, Any]:
    """Hold an accepted proposal against the suite in the agent's repository; `blocks` says that it is not published."""
    from burnish.loop.suite import guard_regressions

    verdict = await guard_regressions(workshop, workshop.store.proposals.get(proposal_id), ticker)
    said = verdict.model_dump(mode="json", include={"outcome", "reasons", "small", "experiment_id"})
    changed = [case.id for case in verdict.cases if case.state is CaseState.BROKEN]
    return _book(
        workshop,
        "suite",
        {**said, "proposal": proposal_id, "blocks": verdict.blocks, "cases": len(verdict.cases), "broken": changed},
    )


async def publish_stage(workshop: "Workshop", proposal_id: str) -> dict[str, Any]:
    """Open the pull request, once, unless the suite speaks against it."""
    import asyncio

    from burnish.loop.publish import publish

    suite = workshop.store.nights.get(workshop.night).stages.get("suite", {})
    if suite.get("proposal") == proposal_id and suite.get("blocks"):
        return _book(workshop, "publish", {"url": "", "title": "", "reason": " ".join(suite["reasons"][:2])})
    proposal = workshop.store.proposals.get(proposal_id)
    if proposal_id in gone_on(workshop.store, workshop.config.name, workshop.night):
        reason = "A later night has taken it up; its word counts."
        return _book(workshop, "publish", {"url": "", "title": "", "reason": reason})
    held_out = workshop.store.nights.get(workshop.night).stages.get("held_out", {})
    verdict = workshop.store.proposals.verdict(proposal_id, held_out.get("experiment_id"))
    published = await asyncio.to_thread(publish, workshop, proposal, verdict)
    if published.pull_request is not None:
        workshop.store.proposals.set_status(proposal_id, ProposalStatus.PUBLISHED, published.pull_request.url)
    summary = {
        "url": published.pull_request.url if published.pull_request is not None else "",
        "title": published.pull_request.title if published.pull_request is not None else "",
        "reason": published.reason,
    }
    return _book(workshop, "publish", summary)


def report_proposals(workshop: "Workshop", night: str) -> str:
    """The proposals that the night drafted or took up, with their diffs, as markdown."""
    from burnish.adapters.publishing.markdown import escape
    from burnish.domain.prompts import unified_diff

    commit = workshop.base_commit
    files = workshop.repository.read_files(workshop.config.improve.files, commit)
    parts = []
    store, agent = workshop.store, workshop.config.name
    measured = candidates(store, agent, night)
    invalid = store.proposals.list(agent=agent, night=night, status=ProposalStatus.INVALID)
    for proposal in (*measured, *reversed(invalid)):
        # A model wrote some of this with traces before it.
        said = (escape(proposal.title), escape(proposal.rationale), escape(proposal.status_reason))
        parts.append("### {}\n\n{}\n\n{}".format(*said))
        if proposal.status is not ProposalStatus.INVALID:
            diff = unified_diff(files, proposal.edits)
            fence = "`" * max(3, max((len(run) for run in diff.split() if set(run) == {"`"}), default=0) + 1)
            parts.append(f"{fence}diff\n{diff}\n{fence}")
    return "\n\n".join(parts) or "No proposal was drafted."


async def finish(workshop: "Workshop") -> str:
    """Close the night and return its report."""
    store = workshop.store
    night = store.nights.get(workshop.night)
    chosen = night.stages.get("dev", {}).get("chosen")
    # Without a choice tonight, what stands under held_out is from an earlier start.
    counting = [summary for stage, summary in night.stages.items() if stage != "held_out" or chosen]
    exhausted = any(summary.get("exhausted") for summary in counting)
    store.nights.finish(night.id, NightState.PARTIAL if exhausted else NightState.FINISHED)
    measured = night.stages.get("held_out", {}).get("experiment_id")
    verdict = store.proposals.verdict(chosen, measured) if chosen else None
    clusters = store.clusters.list(agent=workshop.config.name, night=workshop.night)
    text = report.night_markdown(store.nights.get(night.id), verdict, clusters, store.calls.spent(night.id))
    _book(workshop, "report", {"markdown": text})
    return text
