"""What old data goes, and what of it went."""

from burnish.domain.base import UtcDatetime, Value
from burnish.domain.proposals import ProposalStatus

__all__ = ["OPEN_PROPOSALS", "PruneRule", "Pruned"]

# A later night may still measure or publish these, and cites their evidence in the pull request.
OPEN_PROPOSALS = (
    ProposalStatus.DRAFTED,
    ProposalStatus.MEASURED,
    ProposalStatus.INCONCLUSIVE,
    ProposalStatus.ACCEPTED,
)


class PruneRule(Value):
    """Traces that began before `before` go, of one agent or of all.

    What an example or an open proposal cites stays unless `cited`. `experiments`: traces and outputs of offline runs
    of that age go as well, their scores stay.
    """

    before: UtcDatetime
    agent: str | None = None
    cited: bool = False
    experiments: bool = False


class Pruned(Value):
    """Counts of what is gone, or would go. `kept` traces are old enough and cited."""

    traces: int = 0
    spans: int = 0
    feedback: int = 0
    failures: int = 0
    kept: int = 0
    clusters: int = 0
    replies: int = 0
    outputs: int = 0

    def __add__(self, other: "Pruned") -> "Pruned":
        return Pruned(**{name: getattr(self, name) + getattr(other, name) for name in type(self).model_fields})
