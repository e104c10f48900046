"""What there is to say of an agent's evaluators: how they score over time, what they cost, where they fail.

For the pages and the command line. Sums over all of an agent's feedback: a second for 100,000 traces.
"""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.domain.base import Value, utc_now
from burnish.domain.chat import ModelUse
from burnish.domain.evaluators.base import Evaluator, EvaluatorBudget
from burnish.domain.evaluators.series import FailureGroup, Series, SeriesPoint, pooled
from burnish.domain.feedback import MACHINES
from burnish.loop.meter import purpose_of

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["Epoch", "EvaluatorReport", "KeyReport", "applies_text", "evaluator_reports"]


class Epoch(Value):
    """One version of an evaluator: its scores, the models that answered for it, and what tells it from the one before.

    `current` is the version that the project's files give now.
    """

    series: Series
    models: tuple[str, ...]
    changed: str
    current: bool

    @property
    def whole(self) -> SeriesPoint:
        """All its days together."""
        return pooled(self.series.points)


class KeyReport(Value):
    """The epochs of one of an evaluator's results, oldest first."""

    key: str
    epochs: tuple[Epoch, ...]

    @property
    def newest(self) -> Epoch:
        """The configured version where it has scored, else the one that scored last."""
        current = [epoch for epoch in self.epochs if epoch.current]
        return (current or sorted(self.epochs, key=lambda epoch: epoch.series.last_at))[-1]


class EvaluatorReport(Value):
    """One evaluator of an agent. Without `kind` it is none of the project's any more, and only its feedback is left.

    `spent` is what it has used of its `budget` today (UTC): calls and US dollars.
    """

    agent: str
    name: str
    source: str
    kind: str = ""
    level: str = ""
    version: str = ""
    model: str = ""
    applies: str = ""
    sample: float = 1.0
    budget: EvaluatorBudget | None = None
    spent: tuple[int, float] | None = None
    keys: tuple[KeyReport, ...] = ()
    failures: tuple[FailureGroup, ...] = ()
    uses: tuple[ModelUse, ...] = ()

    @property
    def failed(self) -> int:
        """Traces on which the newest version could say nothing; of all versions where none is configured."""
        return sum(one.count for one in self.failures if not self.version or one.version == self.version)

    @property
    def cost_usd(self) -> float | None:
        """Dollars a call, over all its calls; None where it asks no model."""
        calls = sum(use.calls for use in self.uses)
        return sum(use.cost_usd for use in self.uses) / calls if calls else None

    @property
    def seconds(self) -> float | None:
        """Seconds a call, over all its calls; None where it asks no model."""
        calls = sum(use.calls for use in self.uses)
        return sum(use.seconds for use in self.uses) / calls if calls else None


def evaluator_reports(
    store: "Store", agent: str, evaluators: Sequence[Evaluator], pass_at: float
) -> tuple[EvaluatorReport, ...]:
    """The agent's evaluators by name, and after them those that are no longer its own but left feedback.

    Scores from `pass_at` up are passes.
    """
    machines = {source.value for source in MACHINES}
    series: dict[str, list[Series]] = {}
    for one in store.feedback.series(agent, pass_at=pass_at):
        if one.source in machines:
            series.setdefault(one.evaluator, []).append(one)
    failures: dict[str, list[FailureGroup]] = {}
    for group in store.feedback.failure_groups(agent):
        failures.setdefault(group.evaluator, []).append(group)
    uses: dict[str, list[ModelUse]] = {}
    for use in store.calls.models(agent, purpose_of("")):
        uses.setdefault(use.purpose, []).append(use)
    configured = {one.name: one for one in evaluators}
    gone = sorted((series.keys() | failures.keys()) - configured.keys())
    return tuple(
        _report(
            store, agent, name, configured.get(name), series.get(name, []), failures.get(name, []),
            uses.get(purpose_of(name), []),
        )
        for name in [*sorted(configured), *gone]
    )  # fmt: skip


def applies_text(one: Evaluator) -> str:
    """Which traces an evaluator runs on, in words."""
    rule = one.applies.model_dump(mode="json", exclude_defaults=True)
    when = rule.pop("when", None)
    rule.pop("sample", None)
    metadata = rule.pop("metadata", {})
    parts = [f"{key} {value}" for key, value in metadata.items()]
    parts += [f"{key.replace('_', ' ')} {value}" for key, value in rule.items()]
    if when is not None:
        limits = " ".join(f"{key} {value}" for key, value in when.items() if key not in ("evaluator", "key"))
        parts.append(f"after {when.get('key', when['evaluator'])} {limits}".strip())
    return ", ".join(parts) or ("all sessions" if one.level == "session" else "all traces")


def _report(
    store: "Store",
    agent: str,
    name: str,
    one: Evaluator | None,
    series: Sequence[Series],
    failures: Sequence[FailureGroup],
    uses: Sequence[ModelUse],
) -> EvaluatorReport:
    version = one.version if one is not None else ""
    by_key: dict[str, list[Series]] = {}
    for epoch in series:
        by_key.setdefault(epoch.key, []).append(epoch)
    keys = tuple(KeyReport(key=key, epochs=_epochs(found, uses, version)) for key, found in sorted(by_key.items()))
    found = EvaluatorReport(
        agent=agent,
        name=name,
        source=series[0].source if series else one.source.value if one is not None else "",
        keys=keys,
        failures=tuple(failures),
        uses=tuple(uses),
    )
    if one is None:
        return found
    spent = None
    if one.budget is not None and one.budget.per == "day":
        midnight = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
        spent = store.calls.spent_on(purpose_of(name), since=midnight)
    return found.model_copy(
        update={
            "kind": one.kind,
            "level": one.level,
            "version": version,
            "model": str(getattr(one, "model", None) or ""),
            "applies": applies_text(one),
            "sample": one.applies.sample,
            "budget": one.budget,
            "spent": spent,
        }
    )


def _epochs(series: Sequence[Series], uses: Sequence[ModelUse], version: str) -> tuple[Epoch, ...]:
    found: list[Epoch] = []
    for one in sorted(series, key=lambda epoch: (epoch.first_at, epoch.version)):
        models = tuple(sorted({use.model for use in uses if _met(use, one)}))
        before = found[-1] if found else None
        found.append(
            Epoch(series=one, models=models, changed=_changed(before, one, models), current=one.version == version)
        )
    return tuple(found)


def _met(use: ModelUse, epoch: Series) -> bool:
    """Whether a model answered while the epoch's scores were given; accounts are written up to a minute apart."""
    slack = dt.timedelta(minutes=1)
    return use.first_at <= epoch.last_at + slack and use.last_at >= epoch.first_at - slack


def _changed(before: Epoch | None, after: Series, models: Sequence[str]) -> str:
    if before is None:
        return ""
    text = f"version {before.series.version[:8] or 'none'} became {after.version[:8] or 'none'}"
    if models and before.models and tuple(models) != before.models:
        return f"{text}, model {', '.join(before.models)} became {', '.join(models)}"
    return text
