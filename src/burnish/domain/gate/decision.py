"""`decide`, the only way to a pull request.

What it promises: where a proposal changes nothing, it is accepted in at most `level` of the cases, over all looks of
the night together. The baseline is run again the same night over the same held-out examples, so both arms meet the same
provider on the same day.
"""

from collections.abc import Mapping, Sequence

from burnish.domain import sentences
from burnish.domain.base import Value
from burnish.domain.experiments import Run
from burnish.domain.gate.comparison import compare_pairs, doubts, unlike
from burnish.domain.gate.eprocess import fits
from burnish.domain.gate.guards import guards as judged
from burnish.domain.gate.lift import lift
from burnish.domain.gate.looks import Course, follow, look_sizes, whole_groups
from burnish.domain.gate.rule import GateRule
from burnish.domain.gate.verdict import Outcome, Verdict
from burnish.domain.pairing import Pairs, pair

__all__ = ["Tonight", "decide", "enough"]


class Tonight(Value):
    """What was fixed before the measurement: the level, the order in which examples are run, and the looks' sizes.

    `taken` looks have been measured so far. `groups` is the group of each example by id. `carried` is what bets on
    other examples have left (log wealth by stake), for mode "e_process".
    """

    level: float
    order: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    taken: int = 0
    groups: dict[str, str] = {}
    attempts_before: int = 0
    carried: tuple[float, ...] = ()

    @staticmethod
    def plan(
        level: float, order: Sequence[str], rule: GateRule, groups: Mapping[str, str], attempts_before: int = 0
    ) -> "Tonight":
        """The plan before any look. No look cuts a group, where groups stand together in `order`."""
        return Tonight(
            level=level,
            order=tuple(order),
            sizes=whole_groups(look_sizes(len(order), rule), order, groups),
            groups=dict(groups),
            attempts_before=attempts_before,
        )

    def after(self, looks: int) -> "Tonight":
        """The same plan with so many looks taken."""
        return self.model_copy(update={"taken": looks})


def enough(metric: str, baseline: Sequence[Run], candidate: Sequence[Run], rule: GateRule, tonight: Tonight) -> bool:
    """May the measurement end after the looks taken? At the last one, where success is out of reach, or has come.

    A success ends it only where nothing else needs the other examples: no guard, no limit, no doubt.
    """
    pairs = pair(metric, baseline, candidate, tonight.groups)
    course = _course(pairs, rule, tonight)
    if course.ended or course.futile:
        return True
    watched = rule.guards or rule.max_cost_increase is not None or rule.max_latency_increase is not None
    return course.crossed and not watched and not doubts(pairs, rule)


def decide(
    proposal_id: str,
    experiment_id: str,
    metric: str,
    baseline: Sequence[Run],
    candidate: Sequence[Run],
    rule: GateRule,
    guards: Sequence[str] | None = None,
    tonight: Tonight | None = None,
) -> Verdict:
    """May this proposal open a pull request? `guards` replaces the rule's guard metrics.

    Without `tonight`, the runs are one look at `rule.level`. ACCEPTED asks for a gain at p < level over all looks
    taken, enough measured pairs, equal measurement of both arms, and every guard shown not to be worse by the margin.
    INCONCLUSIVE means that the measurement says nothing (too few pairs, too much unmeasured, unmeasured differently,
    duplicated runs); it outranks the rest, because the other figures then mean little. The first reason is the verdict
    in one sentence.

    With evidence `carried` over from earlier nights, few fresh pairs are enough, and without any the carried evidence
    decides alone. Guards are never carried over: without fresh pairs they are unmeasured, which is INCONCLUSIVE.
    """
    tonight = tonight or Tonight(level=rule.level)
    level = tonight.level
    pairs = pair(metric, baseline, candidate, tonight.groups)
    course = _course(pairs, rule, tonight)
    main = compare_pairs(pairs, level)
    carried = rule.mode == "e_process" and bool(tonight.carried)
    doubtful = unlike(pairs, rule) if carried else doubts(pairs, rule)
    if rule.mode == "e_process" and not fits(pairs.differences()):
        doubtful.append(
            f"The scores on {metric} leave the range from 0 to 1, which the mode e_process needs; scale them or choose "
            "group_sequential."
        )
    checked = judged(metric, baseline, candidate, rule, guards, tonight.groups)
    failed = [guard.reason for guard in checked if guard.outcome is Outcome.REFUSED]
    unclear = [guard.reason for guard in checked if guard.outcome is Outcome.INCONCLUSIVE]
    held = [guard.reason for guard in checked if guard.outcome is Outcome.ACCEPTED]
    planned = max(1, len(tonight.sizes))
    finding = []
    if main.pairs:
        finding = [sentences.finding(main, pairs.binary, pairs.compared), sentences.tested(main, level)]
        finding += sentences.looked(course.looks, course.p_value, planned, rule.mode)
    elif carried and not doubtful:
        finding = [sentences.carried_alone(metric), *sentences.looked(course.looks, course.p_value, planned, rule.mode)]
    no_gain = sentences.futile(course.looks, planned) if course.futile else sentences.no_gain(main, level, course)
    if doubtful:
        outcome, reasons = Outcome.INCONCLUSIVE, [*doubtful, *finding, *failed, *unclear]
    elif not course.crossed:
        outcome, reasons = Outcome.REFUSED, [no_gain, *finding, *failed, *unclear]
    elif failed:
        outcome, reasons = Outcome.REFUSED, [*failed, *finding, *unclear]
    elif unclear:
        outcome, reasons = Outcome.INCONCLUSIVE, [*unclear, *finding]
    else:
        outcome, reasons = Outcome.ACCEPTED, [*finding, *held]
    return Verdict(
        proposal_id=proposal_id,
        experiment_id=experiment_id,
        outcome=outcome,
        reasons=(*reasons, *sentences.attempts(tonight.attempts_before, level, rule), *sentences.left_out(pairs)),
        level=level,
        comparison=main,
        guards=tuple(guard.comparison for guard in checked),
        guards_held=not failed and not unclear,
        p_value=course.p_value,
        looks=course.looks,
        planned_looks=planned,
        stopped_early=not course.ended,
        attempts_before=tonight.attempts_before,
        lift=lift(pairs.differences()),
    )


def _course(pairs: Pairs, rule: GateRule, tonight: Tonight) -> Course:
    if not tonight.sizes:
        everything = pairs.differences()
        return follow([everything], [max(1, len(pairs.examples))], tonight.level, rule, tonight.carried)
    taken = [
        _complete(tonight, size) if rule.mode == "e_process" else tonight.order[:size]
        for size in tonight.sizes[: tonight.taken]
    ]
    return follow([pairs.differences(ids) for ids in taken], tonight.sizes, tonight.level, rule, tonight.carried)


def _complete(tonight: Tonight, size: int) -> list[str]:
    """The examples of the first `size` whose groups have no member still to come: a settled bet must not change."""
    ahead = {tonight.groups.get(i) or i for i in tonight.order[size:]}
    return [i for i in tonight.order[:size] if (tonight.groups.get(i) or i) not in ahead]
