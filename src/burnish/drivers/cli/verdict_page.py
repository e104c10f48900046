"""Diffs and verdicts on the terminal."""

from collections.abc import Sequence

from rich.text import Text

from burnish.domain.gate import Comparison, JudgeEvidence, Look, Verdict, agreement_rows
from burnish.domain.proposals import Edit
from burnish.drivers.cli.output import Column, console, heading, print_text, table
from burnish.drivers.diffs import diff_files
from burnish.drivers.figures import score, signed
from burnish.drivers.visible import visible

__all__ = ["print_comparisons", "print_diff", "print_verdict"]

LINE_STYLES = {"same": "", "added": "green", "removed": "red", "gap": "dim"}
OUTCOME_STYLES = {"accepted": "bold green", "refused": "bold red", "inconclusive": "bold yellow"}


def print_diff(edits: Sequence[Edit]) -> None:
    """Each file's lines with their sign, green and red where there is colour."""
    out = console()
    for file in diff_files(edits):
        out.print(Text(f"{visible(file.path)}  +{file.added} -{file.removed}", style="bold"))
        for line in file.lines:
            out.print(Text(f"{line.sign} {visible(line.text)}", style=LINE_STYLES[line.kind]))


def print_verdict(verdict: Verdict) -> None:
    """The outcome, its reasons and the measurements."""
    heading("verdict")
    console().print(Text(verdict.outcome.value, style=OUTCOME_STYLES[verdict.outcome.value]))
    for reason in verdict.reasons:
        print_text(f"• {reason}", indent=2)
    found = [verdict.comparison, *verdict.guards] if verdict.comparison is not None else list(verdict.guards)
    if found:
        heading(f"measured on held-out examples (experiment {verdict.experiment_id[:12]})")
        print_comparisons(found)
    _print_lift(verdict)
    if verdict.judge is not None:
        state = verdict.judge.standing.state
        heading("the judge beside people" if state is None else f"the judge beside people: {state}")
        _print_agreement(verdict.judge)
    if verdict.looks and verdict.planned_looks > 1:
        heading(f"looks ({len(verdict.looks)} of {verdict.planned_looks} planned)")
        _print_looks(verdict.looks)


def _print_lift(verdict: Verdict) -> None:
    lines = [("level tonight", f"{verdict.level:.3g}"), ("attempts before", str(verdict.attempts_before))]
    if verdict.p_value is not None:
        lines.append(("p over all looks", f"{verdict.p_value:.2g}"))
    if (lift := verdict.lift) is not None:
        lines.append(("lift seen", signed(lift.raw)))
        lines.append(("lift to expect", f"{signed(lift.shrunk)} [{signed(lift.low)}, {signed(lift.high)}] 95%"))
    table([Column(""), Column("")], lines)


def _print_agreement(evidence: JudgeEvidence) -> None:
    table(
        [
            Column("labels on"),
            Column("labels", right=True),
            Column("kappa, 95%"),
            Column("people's passes it passes"),
            Column("people's failures it fails"),
        ],
        [tuple(row.values()) for row in agreement_rows(evidence)],
    )


def _print_looks(looks: Sequence[Look]) -> None:
    table(
        [
            Column("examples", right=True),
            Column("pairs", right=True),
            Column("effect", right=True),
            Column("z", right=True),
            Column("boundary", right=True),
            Column("chance of a yes at the end", right=True),
        ],
        [
            (
                str(look.examples),
                str(look.pairs),
                signed(look.effect),
                f"{look.z:.2f}",
                f"{look.boundary:.2f}",
                "" if look.power is None else f"{look.power:.0%}",
            )
            for look in looks
        ],
    )


def print_comparisons(comparisons: Sequence[Comparison]) -> None:
    """A row a metric."""
    table(
        [
            Column("metric"),
            Column("pairs", right=True),
            Column("before", right=True),
            Column("after", right=True),
            Column("effect and interval"),
            Column("fixed", right=True),
            Column("broken", right=True),
            Column("same", right=True),
            Column("unmeasured", right=True),
            Column("p", right=True),
        ],
        [
            (
                item.metric,
                str(item.pairs),
                score(item.baseline_mean),
                score(item.candidate_mean),
                f"{signed(item.effect)} [{signed(item.low)}, {signed(item.high)}] {item.confidence:.0%}",
                str(item.wins),
                str(item.losses),
                str(item.ties),
                f"{item.unmeasured_baseline} / {item.unmeasured_candidate}",
                "" if item.p_value is None else f"{item.p_value:.2g}",
            )
            for item in comparisons
        ],
    )
