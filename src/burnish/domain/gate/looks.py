"""Looks within a night: how many examples each takes, what it shows, and whether to go on.

The course of a night is a function of the evidence so far and of tonight's level alone. A night that was killed is
followed again from its first look and comes to the same place.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from burnish.domain.gate.boundaries import boundary_table
from burnish.domain.gate.differences import Differences
from burnish.domain.gate.eprocess import evidence, fits
from burnish.domain.gate.rule import GateRule
from burnish.domain.gate.verdict import Look

__all__ = ["Course", "follow", "look_sizes", "whole_groups"]

FURTHEST_Z = 38.0  # where a p-value is 0 in double precision


class Course(NamedTuple):
    """Where a night stands after its looks so far.

    `p_value` holds for all looks together (None where nothing could be tested). `crossed`: it is below tonight's level.
    `futile`: a yes at the last look has become unlikely. `ended`: there is no further look.
    """

    looks: tuple[Look, ...]
    p_value: float | None
    crossed: bool
    futile: bool
    ended: bool


def look_sizes(examples: int, rule: GateRule) -> tuple[int, ...]:
    """How many examples have been run by each look: equal steps, none before `minimum_pairs` could be reached.

    `whole_groups` moves them to the ends of groups.
    """
    if examples <= 0:
        return ()
    looks = rule.looks if rule.mode != "fixed_sample" else 1
    sizes = {math.ceil(examples * (k + 1) / looks) for k in range(looks)}
    return tuple(sorted(size for size in sizes if size >= rule.minimum_pairs or size == examples))


def whole_groups(sizes: Sequence[int], order: Sequence[str], groups: Mapping[str, str]) -> tuple[int, ...]:
    """The looks' sizes, each moved to the end of a group that it would cut; needs groups to stand together in order."""
    moved = []
    for size in sizes:
        end = size
        while 0 < end < len(order) and (groups.get(order[end]) or order[end]) == groups.get(order[end - 1]):
            end += 1
        moved.append(end)
    return tuple(dict.fromkeys(moved))


def follow(
    evidence_by_look: Sequence[Differences],
    sizes: Sequence[int],
    level: float,
    rule: GateRule,
    carried: Sequence[float] = (),
) -> Course:
    """The course of a night: what each look taken so far shows, at tonight's `level`.

    `evidence_by_look[k]` are the differences among the first `sizes[k]` examples, so each contains the one before.
    Under bets, differences outside -1 to 1 are no evidence at all, and `carried` is the log wealth by stake that other
    examples have left in earlier nights. Without any fresh pair it decides alone. Bets are on groups, whose mean must
    not change from look to look: give only groups that are complete.
    """
    if rule.mode == "e_process":
        return _betted(evidence_by_look, sizes, level, carried)
    total = sizes[-1] if sizes else 0
    fractions = tuple(size / total for size in sizes)
    # One look is an ordinary test; its table would only add rounding.
    table = boundary_table(fractions) if len(sizes) > 1 else None
    last = _z(level) if table is None else table.boundary(len(sizes) - 1, level)
    looks: list[Look] = []
    p_value: float | None = None
    power = None
    for index, differences in enumerate(evidence_by_look):
        alone, test = differences.tested()
        z = -FURTHEST_Z if alone is None else _z(alone)
        together = alone if table is None or alone is None else table.p_value(index, z)
        if together is not None:
            p_value = together if p_value is None else min(p_value, together)
        power = _predicted(differences, fractions[index], last)
        looks.append(
            Look(
                examples=sizes[index],
                pairs=len(differences),
                effect=differences.mean,
                z=z,
                boundary=last if table is None else table.boundary(index, level),
                p_value=1.0 if alone is None else alone,
                test=test,
                power=power,
            )
        )
    crossed = p_value is not None and p_value < level and bool(looks) and looks[-1].effect > 0
    ended = len(looks) == len(sizes)
    return Course(tuple(looks), p_value, crossed, not ended and power is not None and power < rule.futility, ended)


def _predicted(differences: Differences, fraction: float, last: float) -> float | None:
    """Predictive power: the chance that the last look crosses, with every true effect equally likely beforehand."""
    if fraction >= 1:
        return None
    ahead = (differences.trend() - last * math.sqrt(fraction)) / math.sqrt(1 - fraction)
    return 0.5 * math.erfc(-ahead / math.sqrt(2))


def _betted(
    evidence_by_look: Sequence[Differences], sizes: Sequence[int], level: float, carried: Sequence[float]
) -> Course:
    looks: list[Look] = []
    highest = 0.0
    for size, differences in zip(sizes, evidence_by_look, strict=False):
        log_e = evidence(differences, carried) if fits(differences) else 0.0
        highest = max(highest, log_e)
        looks.append(
            Look(
                examples=size,
                pairs=len(differences),
                effect=differences.mean,
                z=log_e / math.log(10),
                boundary=-math.log10(level),
                p_value=math.exp(-max(0.0, log_e)),
                test="mixture of bets",
            )
        )
    p_value = math.exp(-highest) if looks else None
    nothing_fresh = bool(carried) and bool(looks) and not looks[-1].pairs
    crossed = p_value is not None and p_value < level and (looks[-1].effect > 0 or nothing_fresh)
    return Course(tuple(looks), p_value, crossed, False, len(looks) == len(sizes))


def _z(p_value: float) -> float:
    from scipy.special import ndtri

    return min(FURTHEST_Z, max(-FURTHEST_Z, -float(ndtri(p_value))))
