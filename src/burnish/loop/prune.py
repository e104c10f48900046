"""Retention: at the end of a night what is older than the agent's file allows goes, with the room it took."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from burnish.domain.base import utc_now
from burnish.domain.retention import PruneRule
from burnish.loop.progress import Ticker

if TYPE_CHECKING:
    from burnish.loop.context import Workshop

__all__ = ["retention_rule", "retention_stage"]


def retention_rule(workshop: "Workshop") -> PruneRule | None:
    """What the agent's [retention] asks for tonight; None where it keeps everything."""
    kept = workshop.config.retention
    if kept.days is None:
        return None
    before = utc_now() - dt.timedelta(days=kept.days)
    return PruneRule(before=before, agent=workshop.config.name, cited=kept.cited, experiments=kept.experiments)


def retention_stage(workshop: "Workshop", ticker: Ticker) -> dict[str, Any]:
    """Prune as the agent's file says, and book the counts; nothing where it says nothing."""
    rule = retention_rule(workshop)
    if rule is None:
        return {}
    gone = workshop.store.retention.prune(rule, lambda so_far: ticker(so_far.traces, 0, "traces pruned"))
    workshop.store.retention.shrink()
    summary = {**gone.model_dump(), "before": rule.before and rule.before.isoformat()}
    workshop.store.nights.save_stage(workshop.night, "retention", summary)
    return summary
