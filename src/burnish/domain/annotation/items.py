"""What stands in a queue: items, and who has one in hand."""

from enum import StrEnum

from pydantic import Field

from burnish.domain.annotation.labels import GivenLabel, LabelKind
from burnish.domain.annotation.people import Profile
from burnish.domain.base import UtcDatetime, Value, content_hash, utc_now

__all__ = ["Assignment", "Handed", "ItemState", "QueueItem", "QueueProgress", "QueueStanding", "ReviewerLoad"]


class ItemState(StrEnum):
    """OPEN wants labels, DISPUTED waits for an expert to decide, SETTLED is done."""

    OPEN = "open"
    DISPUTED = "disputed"
    SETTLED = "settled"


class QueueItem(Value):
    """One trace in one queue.

    `profile` is who is asked now, `wanted` how many people label it blindly, `given` how many have. Items are offered
    by `rank`, the smallest first; `weight` is how much the item teaches (see `order`). `random` marks one that a share
    of passes brought in, whatever else did.
    """

    id: str
    queue: str
    agent: str
    trace_id: str
    state: ItemState = ItemState.OPEN
    profile: Profile = "reviewer"
    wanted: int = Field(default=1, ge=1)
    given: int = 0
    reasons: tuple[str, ...] = ()
    weight: float = 1.0
    rank: float = 0.0
    random: bool = False
    created_at: UtcDatetime = Field(default_factory=utc_now)
    settled_at: UtcDatetime | None = None

    @staticmethod
    def id_for(queue: str, trace_id: str) -> str:
        """A trace stands in a queue once."""
        return content_hash(queue, trace_id)


class Assignment(Value):
    """An item in somebody's hands until the lease ends.

    `labels` are what others said, only where the item is theirs to decide; `notes` what reviewers wrote who handed it
    on. `given` is the person's own label where they reopened it.
    """

    item: QueueItem
    person: str
    kind: LabelKind
    started_at: UtcDatetime
    lease_until: UtcDatetime
    labels: tuple[GivenLabel, ...] = ()
    notes: tuple[str, ...] = ()
    given: GivenLabel | None = None


class Handed(Value):
    """What became of a label, a skip or an undo. Not `accepted` says why in `reason`; nothing was changed then."""

    accepted: bool
    item: QueueItem
    reason: str = ""


class ReviewerLoad(Value):
    """One person's work in a queue; `median_s` is over their labels, None without one."""

    person: str
    labels: int = 0
    adjudications: int = 0
    in_hand: int = 0
    skips: int = 0
    median_s: float | None = None


class QueueProgress(Value):
    """How far a queue is. `today` counts items that came in on the present date (UTC), against the daily cap.

    `experts` counts open items that wait for an expert, disputed ones included.
    """

    queue: str
    items: int = 0
    open: int = 0
    disputed: int = 0
    settled: int = 0
    experts: int = 0
    in_hand: int = 0
    labels: int = 0
    today: int = 0
    median_s: float | None = None
    reviewers: tuple[ReviewerLoad, ...] = ()


class QueueStanding(Value):
    """A queue as one person finds it: its items by state, those that wait for experts, and their own work.

    `left` waits for this person: what they labelled or skipped does not, though it may wait for others.
    """

    queue: str
    open: int = 0
    disputed: int = 0
    settled: int = 0
    experts: int = 0
    left: int = 0
    mine: ReviewerLoad

    @property
    def items(self) -> int:
        """All of them."""
        return self.open + self.disputed + self.settled
