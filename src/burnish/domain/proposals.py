"""Proposals: a small diff with the evidence it came from. Edits apply exactly once or not at all."""

from enum import StrEnum

from burnish.domain.base import Json, UtcDatetime, Value, content_hash

__all__ = ["Cluster", "Edit", "Proposal", "ProposalStatus", "PullRequest", "PullRequestState"]


class Edit(Value):
    """Replace `search`, which must occur exactly once in the file at `path` (relative, posix), by `replace`."""

    path: str
    search: str
    replace: str


class Cluster(Value):
    """Failing traces that fail alike, with a name. Keeps its id from night to night while its members resemble."""

    id: str
    agent: str
    name: str
    description: str = ""
    trace_ids: tuple[str, ...]
    size: int
    centroid: tuple[float, ...] = ()
    keywords: tuple[str, ...] = ()
    night: str = ""


class ProposalStatus(StrEnum):
    """Where a proposal stands."""

    DRAFTED = "drafted"
    INVALID = "invalid"  # its edits do not apply
    MEASURED = "measured"  # on dev, not chosen
    REFUSED = "refused"
    INCONCLUSIVE = "inconclusive"
    ACCEPTED = "accepted"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"  # the base moved on: measured afresh as another, or it no longer applies


class Proposal(Value):
    """A diff against `base_commit` with where it came from.

    The id is a content hash: the same diff against the same commit is the same proposal.
    """

    id: str
    agent: str
    night: str
    base_commit: str
    title: str
    rationale: str
    edits: tuple[Edit, ...]
    cluster_ids: tuple[str, ...] = ()
    evidence_trace_ids: tuple[str, ...] = ()
    proposer: str = ""
    model: str = ""
    status: ProposalStatus = ProposalStatus.DRAFTED
    status_reason: str = ""
    created_at: UtcDatetime

    @staticmethod
    def id_for(agent: str, base_commit: str, edits: tuple[Edit, ...]) -> str:
        """Content id of a diff against a commit."""
        return content_hash(agent, base_commit, [edit.model_dump() for edit in edits])


class PullRequestState(StrEnum):
    """A forge's answer, reduced."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


class PullRequest(Value):
    """A pull request burnish opened. `branch` is derived from the proposal, so it is opened once."""

    id: str
    agent: str
    proposal_id: str
    forge: str
    branch: str
    base: str
    commit: str
    number: int | None = None
    url: str = ""
    title: str
    body: str
    state: PullRequestState = PullRequestState.OPEN
    created_at: UtcDatetime
    metadata: dict[str, Json] = {}
