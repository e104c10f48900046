"""Whether a changed judge agrees with people better than the present one, on labels that neither was fitted to.

Both judges are held against people on the same items, so only items on which exactly one of them is right say anything.
A gain in agreement may come from passing everything, so what people pass and what people fail is guarded each by
itself: a miss more than the margin must be excluded, not merely not seen.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from burnish.domain.agreement import Agreement, agree
from burnish.domain.alignment.labelled import Labelled, right
from burnish.domain.alignment.rule import AlignRule
from burnish.domain.base import Value
from burnish.domain.gate import GUARD_LEVEL, Comparison, Outcome, Verdict
from burnish.domain.raters import RaterAgreement
from burnish.domain.statistics import Bounds, cautious_difference, difference_of_pairs, mcnemar, pairs_needed, sign_flip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Trial", "decide_trial", "kappa_gain", "too_few"]

CONFIDENCE = 0.95
DRAWS = 2_000
MOST_LABELS = 100_000


class Trial(Value):
    """A changed judge beside the present one. `verdict` holds the comparison and, as guards, TPR and TNR.

    `before` and `after` are the agreement of the two with people on the same items, `kappa_low` and `kappa_high` the
    95 % interval of the difference of their kappas. `ceiling` is how far people agree with each other. `labels_needed`
    is about how many held-out labels would show a gain as large as the one that was seen, None where none was.
    """

    metric: str
    verdict: Verdict
    before: Agreement
    after: Agreement
    kappa_low: float | None = None
    kappa_high: float | None = None
    ceiling: RaterAgreement | None = None
    labels_needed: int | None = None


class _Counts(NamedTuple):
    pairs: int
    fixed: int
    broken: int
    before: float
    after: float


def decide_trial(
    metric: str,
    proposal_id: str,
    night: str,
    items: Sequence[Labelled],
    changed: Mapping[str, bool | None],
    level: float,
    rule: AlignRule,
    *,
    attempts_before: int = 0,
    ceiling: RaterAgreement | None = None,
) -> Trial:
    """Hold the verdicts of a changed judge against those of the present one.

    `changed` has a pass or failure by trace id, None where the changed judge gave no verdict, which counts as wrong;
    an item that is not in it was not measured. Accepted where the gain is below `level` and both guards hold; refused
    where it is not, or where a guard is seen to be broken; inconclusive where the measurement itself, or the labels a
    guard rests on, were too few.
    """
    paired = [item for item in items if item.trace_id in changed]
    said = {item.trace_id: changed[item.trace_id] for item in paired}
    counts = _counts(paired, said)
    groups = len({item.group for item in paired})
    p_value = _p_value(paired, said)
    difference = _difference(paired, said, CONFIDENCE)
    comparison = _compared(metric, paired, said, counts, difference, CONFIDENCE).model_copy(
        update={
            "p_value": p_value,
            "test": "exact McNemar" if groups == len(paired) else "sign flips of groups",
            "unmeasured_candidate": len(items) - len(paired),
            "groups": None if groups == len(paired) else groups,
        }
    )
    guards = tuple(_guard(metric, kind, side, paired, said) for kind, side in (("TPR", True), ("TNR", False)))
    before, after = _agreement(paired, {item.trace_id: item.said for item in paired}), _agreement(paired, said)
    kappas = kappa_gain(paired, said)
    outcome, reasons = _outcome(comparison, guards, kappas, before, after, level, rule, len(items))
    needed = _needed(counts, level)
    if outcome is Outcome.REFUSED and needed is not None:
        reasons = (*reasons, f"About {needed} held-out labels would show a gain as large as the one that was seen.")
    verdict = Verdict(
        proposal_id=proposal_id,
        experiment_id=night,
        outcome=outcome,
        reasons=reasons,
        level=level,
        comparison=comparison,
        guards=guards,
        guards_held=all(guard.low >= -rule.margin for guard in guards),
        p_value=p_value,
        attempts_before=attempts_before,
    )
    return Trial(
        metric=metric,
        verdict=verdict,
        before=before,
        after=after,
        kappa_low=None if kappas is None else kappas.low,
        kappa_high=None if kappas is None else kappas.high,
        ceiling=ceiling,
        labels_needed=needed,
    )


def too_few(metric: str, train: int, held_out: int, rule: AlignRule) -> str:
    """Why nothing is tried with so many labels, with how many are needed; "" where there are enough."""
    if held_out >= rule.minimum_held_out and train >= rule.minimum_train:
        return ""
    wanted = math.ceil(max(rule.minimum_held_out / rule.held_out, rule.minimum_train / (1 - rule.held_out)))
    told = (
        f"People have labelled {train} train and {held_out} held-out traces of the judge {metric}; "
        f"{rule.minimum_train} and {rule.minimum_held_out} are needed before anything is tried, about {wanted} in all."
    )
    if train + held_out < wanted:
        return told
    return f"{told} Traces that are alike in input, user or session stay on one side: label more different ones."


def kappa_gain(items: Sequence[Labelled], changed: Mapping[str, bool | None]) -> Bounds | None:
    """The 95 % interval of the gain in kappa over pass and fail, groups drawn again with replacement, seeded.

    None where there are fewer than two groups, or kappa is undefined in most draws.
    """
    import numpy as np

    names = sorted({item.group for item in items})
    if len(names) < 2:
        return None
    row = {name: number for number, name in enumerate(names)}
    cells = np.zeros((len(names), 2, 2, 2))  # people, present judge, changed judge
    for item in items:
        after = changed[item.trace_id]
        cells[row[item.group], int(item.passes), int(item.said), int(not item.passes if after is None else after)] += 1
    # Groups that look alike are drawn together: single items are of eight kinds at most.
    kinds, counts = np.unique(cells.reshape(len(names), 8), axis=0, return_counts=True)
    drawn = np.random.default_rng(0).multinomial(len(names), counts / len(names), size=DRAWS)
    tables = (drawn @ kinds).reshape(DRAWS, 2, 2, 2)
    gains = _kappas(tables.sum(axis=2)) - _kappas(tables.sum(axis=3))
    known = gains[np.isfinite(gains)]
    if len(known) < DRAWS / 2:
        return None
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Bounds(float(low), float(high))


def _kappas(tables: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Cohen's kappa of each two by two table."""
    import numpy as np

    total = tables.sum(axis=(1, 2))
    observed = (tables[:, 0, 0] + tables[:, 1, 1]) / total
    rows, columns = tables.sum(axis=2) / total[:, None], tables.sum(axis=1) / total[:, None]
    chance = (rows * columns).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: NDArray[np.float64] = (observed - chance) / (1 - chance)
    return found


def _counts(items: Sequence[Labelled], said: Mapping[str, bool | None]) -> _Counts:
    was = [right(item, item.said) for item in items]
    now = [right(item, said[item.trace_id]) for item in items]
    number = len(items) or 1
    return _Counts(
        pairs=len(items),
        fixed=sum(b and not a for a, b in zip(was, now, strict=True)),
        broken=sum(a and not b for a, b in zip(was, now, strict=True)),
        before=sum(was) / number,
        after=sum(now) / number,
    )


def _p_value(items: Sequence[Labelled], said: Mapping[str, bool | None]) -> float:
    """One-sided: McNemar's, exactly; where items share a group, signs are flipped by group, which is the same test of
    single items."""
    sums: dict[str, int] = {}
    for item in items:
        step = int(right(item, said[item.trace_id])) - int(right(item, item.said))
        sums[item.group] = sums.get(item.group, 0) + step
    moved = [value for value in sums.values() if value]
    if all(abs(value) == 1 for value in moved):
        return mcnemar(sum(value > 0 for value in moved), sum(value < 0 for value in moved))
    found = sign_flip([float(value) for value in moved])
    return 1.0 if found is None else found


def _difference(items: Sequence[Labelled], said: Mapping[str, bool | None], confidence: float) -> Bounds:
    """Of the gain in agreement: Bonett and Price's for single items; by groups where items share one, counting one
    further group that changed altogether, so that ties alone exclude nothing."""
    counts = _counts(items, said)
    names = {name: number for number, name in enumerate(dict.fromkeys(item.group for item in items))}
    if len(names) == len(items):
        return difference_of_pairs(counts.fixed, counts.broken, counts.pairs, confidence)
    import numpy as np

    steps = [float(right(item, said[item.trace_id])) - float(right(item, item.said)) for item in items]
    return cautious_difference(steps, confidence, 1.0, np.array([names[item.group] for item in items]))


def _compared(
    metric: str,
    items: Sequence[Labelled],
    said: Mapping[str, bool | None],
    counts: _Counts,
    bounds: Bounds,
    confidence: float,
) -> Comparison:
    moved = [(item.trace_id, right(item, item.said), right(item, said[item.trace_id])) for item in items]
    return Comparison(
        metric=metric,
        pairs=counts.pairs,
        baseline_mean=counts.before,
        candidate_mean=counts.after,
        effect=counts.after - counts.before,
        low=bounds.low,
        high=bounds.high,
        confidence=confidence,
        p_value=None,
        test="",
        wins=counts.fixed,
        losses=counts.broken,
        ties=counts.pairs - counts.fixed - counts.broken,
        fixed=tuple(one for one, was, now in moved if now and not was),
        broken=tuple(one for one, was, now in moved if was and not now),
    )


def _guard(
    metric: str, kind: str, side: bool, items: Sequence[Labelled], said: Mapping[str, bool | None]
) -> Comparison:
    """TPR or TNR of both judges on what people pass or fail; its interval's lower end is one-sided."""
    some = [item for item in items if item.passes is side]
    counts = _counts(some, said)
    confidence = 1 - 2 * GUARD_LEVEL
    return _compared(f"{metric} {kind}", some, said, counts, _difference(some, said, confidence), confidence)


def _agreement(items: Sequence[Labelled], said: Mapping[str, bool | None]) -> Agreement:
    """Over pass and fail; no verdict counts as the wrong one."""
    judge = [float(not item.passes if (one := said[item.trace_id]) is None else one) for item in items]
    return agree(judge, [float(item.passes) for item in items], pass_at=0.5)


def _outcome(
    comparison: Comparison,
    guards: Sequence[Comparison],
    kappas: Bounds | None,
    before: Agreement,
    after: Agreement,
    level: float,
    rule: AlignRule,
    wanted: int,
) -> tuple[Outcome, tuple[str, ...]]:
    seen = _seen(comparison, kappas, before, after, level)
    left_out = comparison.unmeasured_candidate
    if wanted == 0 or left_out > rule.unmeasured_share * wanted:
        why = f"{left_out} of {wanted} held-out labels could not be measured, more than {rule.unmeasured_share:.0%}."
        return Outcome.INCONCLUSIVE, (why, seen)
    broken = [guard for guard in guards if guard.pairs and guard.effect < -rule.margin]
    if broken:
        worst = broken[0]
        why = (
            f"{worst.metric} fell from {worst.baseline_mean:.2f} to {worst.candidate_mean:.2f}, by more than the "
            f"margin of {rule.margin:g}: no gain pays for that."
        )
        return Outcome.REFUSED, (why, seen)
    if comparison.p_value is None or comparison.p_value >= level or comparison.effect <= 0:
        return Outcome.REFUSED, ("The gain in agreement is not shown.", seen)
    if before.kappa is not None and after.kappa is not None and after.kappa <= before.kappa:
        return Outcome.REFUSED, ("More verdicts are people's, and yet kappa is no higher: that is chance.", seen)
    open_guards = [guard for guard in guards if guard.low < -rule.margin]
    if open_guards:
        reasons = tuple(_unshown(guard, rule.margin) for guard in open_guards)
        return Outcome.INCONCLUSIVE, (*reasons, seen)
    held = " and ".join(f"{g.metric} {g.baseline_mean:.2f} to {g.candidate_mean:.2f}" for g in guards)
    return Outcome.ACCEPTED, (seen, f"No loss beyond the margin of {rule.margin:g}: {held}.")


def _seen(comparison: Comparison, kappas: Bounds | None, before: Agreement, after: Agreement, level: float) -> str:
    def kappa(found: Agreement) -> str:
        return "undefined" if found.kappa is None else f"{found.kappa:.2f}"

    interval = "" if kappas is None else f" (95 % interval of the difference {kappas.low:+.2f} to {kappas.high:+.2f})"
    return (
        f"On {comparison.pairs} held-out labels {comparison.wins} verdicts become right and {comparison.losses} wrong "
        f"({comparison.test}, p = {1.0 if comparison.p_value is None else comparison.p_value:.2g}, level {level:.2g}); "
        f"kappa {kappa(before)} to {kappa(after)}{interval}."
    )


def _unshown(guard: Comparison, margin: float) -> str:
    """That a guard is neither broken nor shown, and how many labels of its kind would show it."""
    kind = "pass" if guard.metric.endswith("TPR") else "fail"
    share = (guard.wins + guard.losses) / guard.pairs if guard.pairs else 0.0
    drift = (guard.wins - guard.losses) / guard.pairs if guard.pairs else 0.0
    needed = guard.pairs
    while needed < MOST_LABELS:
        needed = math.ceil(needed * 1.05) + 1
        up, down = round(needed * (share + drift) / 2), round(needed * (share - drift) / 2)
        if difference_of_pairs(up, down, needed, 1 - 2 * GUARD_LEVEL).low >= -margin:
            break
    return (
        f"{guard.metric} is not shown to have lost less than {margin:g} (lower end {guard.low:+.2f}): held-out labels "
        f"on {guard.pairs} traces that people {kind} are too few, about {needed} would do."
    )


def _needed(counts: _Counts, level: float) -> int | None:
    if counts.pairs == 0 or counts.fixed <= counts.broken:
        return None
    effect = (counts.fixed - counts.broken) / counts.pairs
    return pairs_needed(effect, (counts.fixed + counts.broken) / counts.pairs, level)
