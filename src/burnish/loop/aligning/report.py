"""What a week did for an agent's judges, as rows and as Markdown: for artifacts and the command line."""

from collections.abc import Sequence
from typing import Any

from burnish.adapters.publishing.judge_body import ceiling_text, trial_rows
from burnish.adapters.publishing.markdown import escape
from burnish.domain.alignment.measurement import Alignment
from burnish.loop.aligning.attempt import JudgeRun

__all__ = ["run_markdown", "run_rows", "week_markdown"]


def run_rows(runs: Sequence[JudgeRun]) -> list[dict[str, Any]]:
    """A row a judge."""
    return [
        {
            "judge": run.judge,
            "version": run.version,
            "train labels": run.train,
            "held-out labels": run.held_out,
            "tried": ", ".join(row.way for row in run.choice.measured) if run.choice else "",
            "outcome": run.outcome,
            "kappa before": _kappa(run, before=True),
            "kappa after": _kappa(run, before=False),
            "where": run.url or run.patch,
        }
        for run in runs
    ]


def run_markdown(run: JudgeRun) -> str:
    """What was tried with one judge, what it showed, and where the change went."""
    parts = [f"### {escape(run.judge)}: {run.outcome}", escape(run.reason)]
    counts = f"{run.train} train and {run.held_out} held-out labels"
    if run.unplaced:
        counts += f", {run.unplaced} that resemble both and count for neither"
    if run.sealed:
        counts += f"; {run.sealed} on traces behind held-out examples, which no prompt may show"
    parts.append(f"{counts}.")
    if run.choice is not None and run.choice.measured:
        rows = [f"| {row.way} | {row.items} | {row.fixed} | {row.broken} |" for row in run.choice.measured]
        parts.append("\n".join(["| change | train labels | fixed | broken |", "|---|---|---|---|", *rows]))
    if run.trial is not None:
        table = ["| held-out | before | after | change |", "|---|---|---|---|"]
        table += [f"| {r['figure']} | {r['before']} | {r['after']} | {r['change']} |" for r in trial_rows(run.trial)]
        parts += ["\n".join(f"- {escape(reason)}" for reason in run.trial.verdict.reasons), "\n".join(table)]
        parts.append(ceiling_text(run.trial.ceiling))
    parts += [f"- {escape(note)}" for note in run.notes]
    if run.published:
        parts.append(escape(run.published))
    if run.url:
        parts.append(f"Pull request: <{run.url}>")
    return "\n\n".join(parts)


def week_markdown(
    agent: str, week: str, runs: Sequence[JudgeRun], measured: Sequence[Alignment], calls: int, dollars: float
) -> str:
    """The whole week: what was tried, and how the judges as they are now stand with people."""
    told = [run_markdown(run) for run in runs] or [f"{escape(agent)} has no judges that are improved from labels."]
    if measured:
        rows = [f"- **{one.state.value}**: {escape(one.reason)}" for one in measured]
        told.append("\n".join(["### How the judges stand now", "", *rows]))
    spent = f"{calls} model calls" + (f", {dollars:.4f} US dollars" if dollars else "")
    return "\n\n".join([f"## Judges of {escape(agent)}, week of {week}", *told, f"{spent} in this week."])


def _kappa(run: JudgeRun, *, before: bool) -> str:
    if run.trial is None:
        return ""
    found = run.trial.before if before else run.trial.after
    if found.kappa is None or found.low is None or found.high is None:
        return found.undefined
    return f"{found.kappa:.2f} ({found.low:.2f} to {found.high:.2f})"
