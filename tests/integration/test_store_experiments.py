from datetime import timedelta

import pytest
from support.store_samples import START, judged, trace

from burnish.adapters.store import Store
from burnish.domain.datasets import Split
from burnish.domain.experiments import Experiment, Run, RunKey, RunStatus
from burnish.domain.gate import Comparison, Outcome, Verdict
from burnish.domain.listing import TraceQuery
from burnish.domain.proposals import Edit, Proposal, ProposalStatus, PullRequest, PullRequestState
from burnish.errors import NotFoundError, StoreError


def experiment(name: str, after: float = 0, **fields: object) -> Experiment:
    defaults: dict[str, object] = {
        "agent": "a",
        "night": "a/2026-01-31",
        "split": Split.DEV,
        "arms": ("baseline", "candidate"),
        "versions": {"baseline": "v1", "candidate": "v2"},
        "dataset_fingerprint": "f",
        "metric": "helpful",
        "created_at": START + timedelta(seconds=after),
    }
    return Experiment(id=name, **(defaults | fields))  # type: ignore[arg-type]


def run(of: str, arm: str, example: str, **fields: object) -> Run:
    key = RunKey(experiment_id=of, arm=arm, example_id=example)
    return Run(key=key, version_id="v1", **({"status": RunStatus.OK} | fields))  # type: ignore[arg-type]


def proposal(name: str, after: float = 0, **fields: object) -> Proposal:
    defaults: dict[str, object] = {
        "agent": "a",
        "night": "a/2026-01-31",
        "base_commit": "c0ffee",
        "title": "Say less",
        "rationale": "Because",
        "edits": (Edit(path="prompts/system.md", search="a\n", replace="b\n"),),
        "created_at": START + timedelta(seconds=after),
    }
    return Proposal(id=name, **(defaults | fields))  # type: ignore[arg-type]


def pull_request(name: str, after: float = 0, **fields: object) -> PullRequest:
    defaults: dict[str, object] = {
        "agent": "a",
        "proposal_id": "p",
        "forge": "local",
        "branch": "burnish/x",
        "base": "main",
        "commit": "c",
        "title": "t",
        "body": "b",
        "created_at": START + timedelta(seconds=after),
    }
    return PullRequest(id=name, **(defaults | fields))  # type: ignore[arg-type]


def test_an_experiment_is_resumed_with_its_runs(store: Store) -> None:
    """Starting the same experiment again keeps what was measured and when it began."""
    store.experiments.start(experiment("e1"))
    done = [run("e1", "candidate", "x", scores={"helpful": 0.5}, output={"a": "\x00"}), run("e1", "baseline", "x")]
    store.experiments.add_runs(done)
    store.experiments.start(experiment("e1", after=60))
    clean = done[0].model_copy(update={"output": {"a": "\ufffd"}})
    assert experiment("e1") == store.experiments.get("e1")
    assert [done[1], clean] == store.experiments.runs("e1")
    assert [clean] == store.experiments.runs("e1", "candidate")
    again = run("e1", "baseline", "x", status=RunStatus.UNMEASURED, error="429")
    store.experiments.add_runs([again])
    assert [again] == store.experiments.runs("e1", "baseline")


def test_many_runs_at_once(store: Store) -> None:
    """Runs are written in bulk, beyond any limit on bound variables."""
    store.experiments.start(experiment("e1"))
    many = [run("e1", "baseline", f"x{number:05d}") for number in range(3000)]
    store.experiments.add_runs(many)
    assert many == store.experiments.runs("e1")


def test_a_run_needs_its_experiment(store: Store) -> None:
    """A run that belongs to nothing is broken wiring, and nothing of its batch is kept."""
    with pytest.raises(StoreError, match="What this row belongs to is not in the store"):
        store.experiments.add_runs([run("nowhere", "baseline", "x")])
    assert store.experiments.runs("nowhere") == []


def test_experiments_are_listed_newest_first(store: Store) -> None:
    """Lists narrow by agent and night; ids may be cut."""
    given = [
        experiment("abcdef01"),
        experiment("abcdef02", 1, agent="b"),
        experiment("xyzxyz", 2, night="a/2026-02-01"),
    ]
    for one in given:
        store.experiments.start(one)
    assert given[::-1] == store.experiments.list()
    assert [given[2], given[0]] == store.experiments.list("a")
    assert [given[2]] == store.experiments.list(night="a/2026-02-01")
    assert given[1] == store.experiments.get("abcdef02")
    with pytest.raises(NotFoundError, match="more than one experiment"):
        store.experiments.get("abcdef")


def test_a_proposal_keeps_its_status(store: Store) -> None:
    """Drafting the same diff again does not undo what was decided about it."""
    store.proposals.add([proposal("p1"), proposal("p2", 1)])
    store.proposals.set_status("p1", ProposalStatus.REFUSED, "it broke three examples")
    store.proposals.add([proposal("p1", 5)])
    refused = proposal("p1", status=ProposalStatus.REFUSED, status_reason="it broke three examples")
    assert refused == store.proposals.get("p1")
    assert [proposal("p2", 1), refused] == store.proposals.list("a", "a/2026-01-31")
    assert [refused] == store.proposals.list(status=ProposalStatus.REFUSED)
    assert store.proposals.list("b") == []
    with pytest.raises(NotFoundError, match="no proposal 'p3'"):
        store.proposals.set_status("p3", ProposalStatus.DRAFTED)


def test_a_verdict_comes_back_whole(store: Store) -> None:
    """Numbers, reasons and guards of a decision are kept as they were; the newest decision counts."""
    comparison = Comparison(
        metric="helpful",
        pairs=40,
        baseline_mean=0.1 + 0.2,
        candidate_mean=0.7,
        effect=0.4,
        low=0.1,
        high=0.6,
        confidence=0.99,
        p_value=1e-9,
        test="paired permutation",
        wins=20,
        losses=1,
        ties=19,
        fixed=("x", "y"),
    )
    verdict = Verdict(
        proposal_id="p1",
        experiment_id="e1",
        outcome=Outcome.INCONCLUSIVE,
        reasons=("Too few pairs.",),
        level=0.01,
        comparison=comparison,
        guards=(comparison,),
    )
    assert None is store.proposals.verdict("p1")
    store.proposals.add_verdict(verdict)
    assert verdict == store.proposals.verdict("p1")
    accepted = verdict.model_copy(update={"experiment_id": "e2", "outcome": Outcome.ACCEPTED})
    store.proposals.add_verdict(accepted)
    store.proposals.add_verdict(accepted)
    assert accepted == store.proposals.verdict("p1")


def test_pull_requests_are_found_by_id_number_and_branch(store: Store) -> None:
    """People say "number 2", the loop asks for a branch."""
    first = pull_request("aaaaaaaa", number=1)
    second = pull_request("bbbbbbbb", 1, number=2, branch="burnish/y", metadata={"k": [1]})
    for one in (first, second, pull_request("cccccccc", 2, agent="b", number=1)):
        store.pull_requests.save(one)
    merged = first.model_copy(update={"state": PullRequestState.MERGED})
    store.pull_requests.save(merged)
    assert second == store.pull_requests.get("2") == store.pull_requests.get("#2") == store.pull_requests.get("bbbbbb")
    assert merged == store.pull_requests.find("a", "burnish/x")
    assert None is store.pull_requests.find("a", "burnish/z")
    assert [second, merged] == store.pull_requests.list("a")
    assert [second] == store.pull_requests.list("a", PullRequestState.OPEN)
    assert tuple(store.pull_requests.next_number(agent) for agent in ("a", "b", "c")) == (3, 2, 1)
    with pytest.raises(NotFoundError, match=r"number 1 names several pull requests: give the id: aaaaaaaa \(a\), c"):
        store.pull_requests.get("1")
    with pytest.raises(NotFoundError, match="no pull request '77'"):
        store.pull_requests.get("77")


def test_a_run_is_stored_with_its_trace_and_scores_or_not_at_all(store: Store) -> None:
    """A write that fails leaves no trace without its run; one that succeeds leaves all three."""
    left, score = trace("r1", agent="a", source="experiment"), judged("r1", 1.0)
    one = run("never started", "baseline", "e1", trace_id=left.trace_id)
    with pytest.raises(StoreError, match="belongs to"):
        store.experiments.add_runs([one], [left], [score])
    assert [] == store.traces.list(TraceQuery(agent="a", origin="any"))
    store.experiments.start(experiment("x"))
    kept = one.model_copy(update={"key": RunKey(experiment_id="x", arm="baseline", example_id="e1")})
    store.experiments.add_runs([kept], [left], [score])
    assert ([kept], left) == (store.experiments.runs("x"), store.traces.get(left.trace_id))
    assert [score] == store.feedback.for_trace(left.trace_id)
