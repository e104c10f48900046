"""What old data goes, and what of it went."""

from typing import Annotated, Self

from pydantic import Field, model_validator

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
    """Traces that began before `before` go, of one agent or of all; without it those named, whatever their age.

    Named are a user's, a session's, or single traces; of several, what fits all. Then nothing else goes by age.
    What an example or an open proposal cites stays unless `cited`. `experiments`: traces and outputs of offline runs
    of that age go as well, their scores stay.
    """

    before: UtcDatetime | None = None
    agent: str | None = None
    user_id: str | None = Field(default=None, min_length=1)
    session_id: str | None = Field(default=None, min_length=1)
    trace_ids: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    cited: bool = False
    experiments: bool = False

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if self.before is None and not self.named:
            raise ValueError("say what goes: before when it began, or whose user, session or trace")
        return self

    @property
    def named(self) -> bool:
        """Whether it names whose traces go, so that only they do."""
        return bool(self.user_id or self.session_id or self.trace_ids)


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
