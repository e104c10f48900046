"""A suite's verdict as a markdown comment for a pull request. Everything agents and cases say is escaped."""

from collections.abc import Iterable, Sequence

from burnish.adapters.publishing.markdown import code, escape
from burnish.domain.suite import CaseResult, CaseState, SuiteGuard, SuiteMetric, SuiteOutcome, SuiteVerdict
from burnish.drivers.figures import readable, score, signed

__all__ = ["MARK", "gate_comment"]

MARK = "<!-- burnish gate -->"  # by which a CI job finds its own earlier comment
CASE_LIMIT = 20
CELL_LIMIT = 120
TITLES = {
    SuiteOutcome.PASS: "✅ pass",
    SuiteOutcome.REGRESSION: "❌ regression",
    SuiteOutcome.INCONCLUSIVE: "⚠️ inconclusive",
}


def gate_comment(verdict: SuiteVerdict) -> str:
    """Headline, reasons, a row a metric, and the cases that changed or could not be measured."""
    parts = [
        MARK,
        f"### burnish gate, {escape(verdict.agent)}: {TITLES[verdict.outcome]}",
        f"`{code(verdict.candidate)}` against `{code(verdict.base)}`, {len(verdict.cases)} cases, "
        f"{verdict.repetitions} run{'s' if verdict.repetitions > 1 else ''} a case and side.",
        "\n".join(f"- {escape(reason)}" for reason in verdict.reasons),
    ]
    if verdict.metrics or verdict.guards:
        head = ["metric", "cases", "before", "after", "change", "lower bound", "better / worse", "unmeasured", ""]
        rows = [_metric(item) for item in verdict.metrics] + [_guard(item) for item in verdict.guards]
        parts.append(_table(head, rows))
    for title, states in (
        ("Broken", (CaseState.BROKEN,)),
        ("Fixed", (CaseState.FIXED,)),
        ("Flaky: failed, then passed", (CaseState.FLAKY,)),
        ("Could not be measured", (CaseState.UNMEASURED,)),
    ):
        found = [case for state in states for case in verdict.by_state(state)]
        if found:
            parts.append(_cases(title, found))
    already = [case for case in verdict.by_state(CaseState.FAILING) if case.must_pass]
    if already:
        parts.append(_cases("Must pass, but failed on the base already", already))
    return "\n\n".join(parts) + "\n"


def _metric(item: SuiteMetric) -> list[str]:
    c = item.comparison
    return [
        escape(c.metric), str(c.pairs), score(c.baseline_mean), score(c.candidate_mean), signed(c.effect),
        f"{signed(c.low)} (allowed {signed(-item.margin)})", f"{c.wins} / {c.losses}",
        f"{c.unmeasured_baseline} / {c.unmeasured_candidate}", TITLES[item.outcome],
    ]  # fmt: skip


def _guard(item: SuiteGuard) -> list[str]:
    return [
        escape(item.name), str(item.pairs), f"{item.baseline_mean:.4g}", f"{item.candidate_mean:.4g}",
        f"{item.candidate_mean - item.baseline_mean:+.4g}", f"allowed +{item.allowed_increase:.0%}", "", "",
        TITLES[item.outcome],
    ]  # fmt: skip


def _cases(title: str, found: Sequence[CaseResult]) -> str:
    rows = [
        [
            escape(case.id) + (" **must pass**" if case.must_pass else ""),
            _cell(readable(case.input)),
            _cell(readable(case.expected) or "; ".join(case.criteria)),
            _cell(readable(case.output_before)),
            _cell(readable(case.output_after)),
            _cell(case.reason),
        ]
        for case in found[:CASE_LIMIT]
    ]
    more = f"\n\nand {len(found) - CASE_LIMIT} more" if len(found) > CASE_LIMIT else ""
    table = _table(["case", "input", "expected", "before", "after", "why"], rows)
    return f"<details><summary>{title} ({len(found)})</summary>\n\n{table}{more}\n\n</details>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _cell(text: str) -> str:
    return escape(text, CELL_LIMIT)
