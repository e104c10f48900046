"""Which proposals a night measures: its own drafts, and those of earlier nights that it has taken up."""

import contextlib
from typing import TYPE_CHECKING

from burnish.domain.base import Value
from burnish.domain.proposals import Proposal, ProposalStatus
from burnish.errors import NotFoundError

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["LATER_NIGHTS", "STAGE", "TakenUp", "candidates", "gone_on", "taken_up"]

STAGE = "take_up"
LATER_NIGHTS = 400


class TakenUp(Value):
    """What a night took up, as it is booked: ids of proposals to measure again, and why each superseded one is.

    `opened` are URLs of pull requests of earlier nights' proposals; `held` says why an accepted one is still waiting.
    """

    proposals: tuple[str, ...] = ()
    superseded: dict[str, str] = {}
    opened: tuple[str, ...] = ()
    held: str = ""


def taken_up(store: "Store", night: str) -> TakenUp:
    """What `night` has booked; nothing for a night that never began."""
    with contextlib.suppress(NotFoundError):
        return TakenUp.model_validate(store.nights.get(night).stages.get(STAGE, {}))
    return TakenUp()


def candidates(store: "Store", agent: str, night: str) -> list[Proposal]:
    """The proposals of a night that may be measured: those taken up, then its drafts in the order they were made."""
    again = taken_up(store, night).proposals
    drafts = [p for p in reversed(store.proposals.list(agent=agent, night=night)) if p.id not in again]
    return [p for p in (*map(store.proposals.get, again), *drafts) if p.status is not ProposalStatus.INVALID]


def gone_on(store: "Store", agent: str, night: str) -> frozenset[str]:
    """Ids of the proposals that a later night has taken up or superseded: starting `night` again must not move them."""
    found: set[str] = set()
    for later in store.nights.list(agent, limit=LATER_NIGHTS):
        if later.id > night:
            stage = TakenUp.model_validate(later.stages.get(STAGE, {}))
            found.update(stage.proposals, stage.superseded)
    return frozenset(found)
