"""The gate's figures as full sentences. What a reviewer reads first, so every sentence carries its numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.domain.pairing import Pairs
from burnish.domain.statistics import detectable_gain

if TYPE_CHECKING:
    from burnish.domain.gate import Comparison, Course, GateRule, Look

__all__ = [
    "attempts",
    "carried_alone",
    "finding",
    "futile",
    "guard_failed",
    "guard_held",
    "left_out",
    "looked",
    "no_gain",
    "p",
    "plural",
    "tested",
]

NAMED_IDS = 5


def finding(comparison: "Comparison", binary: bool, compared: bool = False) -> str:
    """What was measured, before and after; `compared`: by a judge that puts the candidate beside the baseline."""
    c = comparison
    if compared:
        return (
            f"On {c.metric}, the candidate's answers were better than the baseline's on {c.wins} of "
            f"{plural(c.pairs, 'example')}, worse on {c.losses} and neither on {c.ties}: {c.candidate_mean:.1%} of the "
            "comparisons won, a tie counting half."
        )
    changed = f"{c.wins} {'fixed' if binary else 'better'}, {c.losses} {'broken' if binary else 'worse'}"
    if binary:
        before, after = round(c.baseline_mean * c.pairs), round(c.candidate_mean * c.pairs)
        return f"On {c.metric}, {before} of {c.pairs} examples were right before and {after} after: {changed}."
    return (
        f"On {c.metric}, the mean over {plural(c.pairs, 'example')} was {c.baseline_mean:.3f} before and "
        f"{c.candidate_mean:.3f} after: {changed}, {c.ties} equal."
    )


def tested(comparison: "Comparison", level: float) -> str:
    """Which test, which p, which level, and the interval."""
    c = comparison
    said = "no p-value" if c.p_value is None else f"p = {p(c.p_value)}"
    return (
        f"The {c.test} gives {said} (one-sided for improvement; the level is {level:.3g}); the gain is {c.effect:+.3f} "
        f"with a {c.confidence:.0%} interval of {c.low:+.3f} to {c.high:+.3f}."
    )


def looked(looks: "Sequence[Look]", p_value: float | None, planned: int, mode: str) -> list[str]:
    """How often the evidence was looked at, and what all looks together prove; nothing for a single planned look."""
    if p_value is None or not looks or (planned == 1 and mode != "e_process"):
        return []
    last = looks[-1]
    if mode == "e_process":
        return [f"As a bet that may be stopped at any time, the evidence is worth p = {p(p_value)}."]
    return [
        f"Over {len(looks)} of {planned} planned looks together p = {p(p_value)}; at the last one, after "
        f"{plural(last.examples, 'example')}, z is {last.z:.2f} against a boundary of {last.boundary:.2f}."
    ]


def carried_alone(metric: str) -> str:
    """That nothing fresh was measured, so that earlier nights decide."""
    return f"No held-out example was left that is fresh; what earlier nights showed of {metric} decides alone."


def futile(looks: "Sequence[Look]", planned: int) -> str:
    """Why a measurement was given up."""
    last = looks[-1]
    chance = "less than 1%" if last.power is None or last.power < 0.01 else f"about {last.power:.0%}"
    return (
        f"Given up after {plural(last.examples, 'example')}, at look {len(looks)} of {planned}: with a change of "
        f"{last.effect:+.3f} so far, the chance of a yes at the end was {chance}."
    )


def attempts(before: int, level: float, rule: "GateRule") -> list[str]:
    """How many proposals were tried on the held-out split before, and what that does to tonight's level."""
    if not before:
        return []
    tried = f"{plural(before, 'proposal')} of this agent {'was' if before == 1 else 'were'} held against held-out "
    if rule.across_nights == "saffron":
        return [f"{tried}examples before; SAFFRON allows tonight's a level of {level:.2g}."]
    return [f"{tried}examples before, each at a level of {level:g}: chance alone accepts one in {1 / level:.0f}."]


def no_gain(comparison: "Comparison", level: float, course: "Course | None" = None) -> str:
    """Why the metric alone refuses."""
    c = comparison
    if c.p_value is None:
        return f"No gain on {c.metric} could be tested."
    if c.wins == c.losses == 0:
        return f"Nothing changed on {c.metric}: all {c.pairs} examples score the same before and after."
    if c.effect <= 0:
        return f"The candidate is not better on {c.metric}: the mean changed by {c.effect:+.3f}."
    found = c.p_value if course is None or course.p_value is None else course.p_value
    said = f"The gain of {c.effect:+.3f} on {c.metric} could be chance: p = {p(found)} is not below {level:.3g}."
    from statistics import NormalDist  # the standard library's takes 10 ms that `--help` should not pay

    error = (c.high - c.low) / 2 / NormalDist().inv_cdf((1 + c.confidence) / 2)
    if error <= 0:
        return said
    gain = detectable_gain(c.pairs, c.pairs * error**2, level)
    return (
        f"{said} With {plural(c.pairs, 'example')}, a gain below about {gain:.2f} is missed one time in five or more."
    )


def guard_failed(comparison: "Comparison", margin: float) -> str:
    """Why a guard refuses, and whether it got worse or was only not shown to hold."""
    c = comparison
    if c.effect < -margin:
        start = f"The guard {c.metric} got worse by {-c.effect:.3f}, more than the margin of {margin:g}"
    elif c.effect < 0:
        start = (
            f"The guard {c.metric} fell by {-c.effect:.3f}, and a loss above the margin of {margin:g} is not excluded"
        )
    else:
        start = f"The guard {c.metric} did not fall, but a loss above the margin of {margin:g} is not excluded"
    return (
        f"{start}: the lower {(1 + c.confidence) / 2:.0%} bound of its change is {c.low:+.3f} over "
        f"{plural(c.pairs, 'example')} ({c.wins} better, {c.losses} worse)."
    )


def guard_held(comparison: "Comparison", margin: float) -> str:
    """That a guard holds, with the bound that shows it."""
    c = comparison
    return (
        f"The guard {c.metric} held: it changed by {c.effect:+.3f} and the lower {(1 + c.confidence) / 2:.0%} bound of "
        f"{c.low:+.3f} stays within the margin of {margin:g}."
    )


def left_out(pairs: Pairs) -> list[str]:
    """What was not compared, where anything was not."""
    said = []
    total = len(pairs.examples)
    unmeasured = total - len(pairs.baseline), total - len(pairs.candidate)
    if any(unmeasured):
        said.append(
            f"Of {plural(total, 'example')}, {unmeasured[0]} could not be measured on {pairs.metric} in the baseline "
            f"and {unmeasured[1]} in the candidate; they are left out, not counted as wrong."
        )
    for ids, arm, other in (
        (pairs.only_baseline, "baseline", "candidate"),
        (pairs.only_candidate, "candidate", "baseline"),
    ):
        if ids:
            said.append(f"{plural(len(ids), 'example')} ({_named(ids)}) ran in the {arm} but not in the {other}.")
    return said


def plural(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def p(value: float) -> str:
    """A p-value with two significant digits, and a floor where more would be vain."""
    return "less than 0.000001" if value < 1e-6 else f"{value:.2g}"


def _named(ids: tuple[str, ...]) -> str:
    more = f" and {len(ids) - NAMED_IDS} more" if len(ids) > NAMED_IDS else ""
    return ", ".join(ids[:NAMED_IDS]) + more
