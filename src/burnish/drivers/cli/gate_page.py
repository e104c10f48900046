"""A suite's verdict on the terminal."""

from rich.text import Text

from burnish.domain.suite import CaseResult, CaseState, SuiteVerdict
from burnish.drivers.cli.output import Column, advise, console, heading, print_text, table
from burnish.drivers.figures import readable, score, signed
from burnish.drivers.visible import visible

__all__ = ["print_suite"]

CASE_LIMIT = 20
STYLES = {"pass": "bold green", "regression": "bold red", "inconclusive": "bold yellow"}
TITLES = {
    CaseState.BROKEN: "broken",
    CaseState.FIXED: "fixed",
    CaseState.FLAKY: "flaky: failed, then passed",
    CaseState.UNMEASURED: "could not be measured",
}


def print_suite(verdict: SuiteVerdict) -> None:
    """The outcome with its reasons, a row a metric, and the cases that changed."""
    out = console()
    line = Text(verdict.outcome.value, style=STYLES[verdict.outcome.value])
    out.print(line + Text(visible(f"  {verdict.agent}: {verdict.candidate} against {verdict.base}"), style="default"))
    for reason in verdict.reasons:
        print_text(f"• {reason}", indent=2)
    if verdict.metrics or verdict.guards:
        heading("cases together")
        _measures(verdict)
    for state, title in TITLES.items():
        _cases(title, verdict.by_state(state))
    _cases("must pass, but failed on the base already", [c for c in verdict.by_state(CaseState.FAILING) if c.must_pass])
    if verdict.experiment_id:
        advise(f"Every run: burnish experiments show {verdict.experiment_id[:12]}")


def _measures(verdict: SuiteVerdict) -> None:
    numbers = [Column(name, right=True) for name in ("cases", "before", "after", "change", "lower bound", "allowed")]
    rows = [
        [
            item.comparison.metric,
            str(item.comparison.pairs),
            score(item.comparison.baseline_mean),
            score(item.comparison.candidate_mean),
            signed(item.comparison.effect),
            signed(item.comparison.low),
            signed(-item.margin),
            f"{item.comparison.wins} / {item.comparison.losses}",
            f"{item.comparison.unmeasured_baseline} / {item.comparison.unmeasured_candidate}",
            item.outcome.value,
        ]
        for item in verdict.metrics
    ]
    rows += [
        [
            item.name,
            str(item.pairs),
            f"{item.baseline_mean:.4g}",
            f"{item.candidate_mean:.4g}",
            f"{item.candidate_mean - item.baseline_mean:+.4g}",
            "",
            f"+{item.allowed_increase:.0%}",
            "",
            "",
            item.outcome.value,
        ]
        for item in verdict.guards
    ]
    ends = [Column("better / worse", right=True), Column("unmeasured", right=True), Column("verdict")]
    table([Column("metric"), *numbers, *ends], rows)


def _cases(title: str, found: "list[CaseResult] | tuple[CaseResult, ...]") -> None:
    if not found:
        return
    heading(f"{title} ({len(found)})")
    table(
        [
            Column("case"),
            Column("must pass"),
            Column("input", flexible=True),
            Column("expected", flexible=True),
            Column("before", flexible=True),
            Column("after", flexible=True),
            Column("why", flexible=True),
        ],
        [
            (
                case.id,
                "yes" if case.must_pass else "",
                readable(case.input),
                readable(case.expected) or "; ".join(case.criteria),
                readable(case.output_before),
                readable(case.output_after),
                case.reason,
            )
            for case in found[:CASE_LIMIT]
        ],
    )
    if len(found) > CASE_LIMIT:
        advise(f"and {len(found) - CASE_LIMIT} more; --json has them all")
