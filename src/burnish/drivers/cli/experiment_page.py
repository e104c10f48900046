"""One experiment on the terminal."""

from collections.abc import Sequence

from burnish.domain.experiments import Experiment
from burnish.domain.gate import Comparison
from burnish.drivers.arms import ArmSummary, baseline_of
from burnish.drivers.breakdown import Breakdown, missing_text
from burnish.drivers.cli.output import Column, console, heading, print_text, table
from burnish.drivers.cli.verdict_page import print_comparisons
from burnish.drivers.figures import count, duration, moment, money, score, signed

__all__ = ["print_experiment"]


def print_experiment(
    experiment: Experiment,
    arms: Sequence[ArmSummary],
    comparison: Comparison | None,
    parts: Sequence[Breakdown] = (),
    orders: Sequence[str] = (),
) -> None:
    """A row an arm, the gate's comparison where it was asked, each arm by evaluator and cluster, and what changed.

    `orders` says how often a judge of pairs contradicted itself.
    """
    base = baseline_of(experiment)
    console().print(f"{experiment.id}", style="bold")
    console().print(
        f"{experiment.agent} · {experiment.split} · {experiment.metric} · "
        f"{experiment.repetitions} repetition(s) · {moment(experiment.created_at)} UTC",
        style="dim",
    )
    heading("by arm (mean with its 95 % interval)")
    table(
        [
            Column("arm", flexible=True),
            Column("examples", right=True),
            Column("mean", right=True),
            Column("interval"),
            Column("fixed", right=True),
            Column("broken", right=True),
            Column("same", right=True),
            Column("failed", right=True),
            Column("unmeasured", right=True),
            Column("a run took", right=True),
            Column("tokens", right=True),
            Column("cost", right=True),
        ],
        [_row(arm, arm.name == base) for arm in arms],
    )
    for arm in arms:
        if missed := missing_text(arm):
            print_text(f"{arm.name[:12]}: {missed}", indent=2)
    for told in orders:
        print_text(told, indent=2)
    if comparison is not None:
        heading("the gate's paired comparison")
        print_comparisons([comparison])
    for part in parts:
        _print_parts(part, base)
    for arm in arms:
        if arm.fixed or arm.broken:
            heading(f"{arm.name[:12]} against {base}")
            print_text(f"fixed:  {' '.join(arm.fixed) or 'none'}", indent=2)
            print_text(f"broken: {' '.join(arm.broken) or 'none'}", indent=2)


def _print_parts(part: Breakdown, base: str) -> None:
    if len(part.evaluators) > 1:
        heading(f"{part.arm[:12]} against {base}, by evaluator")
        print_comparisons(part.evaluators)
    if part.clusters:
        heading(f"{part.arm[:12]} against {base}, by failure cluster")
        table(
            [
                Column("cluster", flexible=True),
                Column("examples", right=True),
                Column("effect and 95 % interval"),
                Column("fixed", right=True),
                Column("broken", right=True),
                Column("same", right=True),
                Column("unmeasured", right=True),
            ],
            [
                (
                    one.name,
                    str(one.examples),
                    "{} [{}, {}]".format(
                        *map(signed, (one.comparison.effect, one.comparison.low, one.comparison.high))
                    ),
                    str(one.comparison.wins),
                    str(one.comparison.losses),
                    str(one.comparison.ties),
                    f"{one.comparison.unmeasured_baseline} / {one.comparison.unmeasured_candidate}",
                )
                for one in part.clusters
            ],
        )


def _row(arm: ArmSummary, is_base: bool) -> list[str]:
    interval = f"[{score(arm.low)}, {score(arm.high)}]" if arm.low is not None else ""
    against = ["", "", ""] if is_base else [str(arm.wins), str(arm.losses), str(arm.ties)]
    return [
        arm.name,
        str(arm.examples),
        score(arm.mean),
        interval,
        *against,
        str(arm.failures),
        str(arm.unmeasured),
        duration(arm.latency_s),
        count(arm.tokens),
        money(arm.cost_usd),
    ]
