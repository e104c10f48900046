"""What a night did, in markdown and table rows: for the Prefect UI, the terminal and the pages."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from burnish.domain.agreement import with_interval
from burnish.domain.gate import Comparison, Outcome, Verdict
from burnish.domain.nights import Night, NightState
from burnish.domain.proposals import Cluster

__all__ = [
    "cluster_rows",
    "comparison_rows",
    "dev_rows",
    "held_back",
    "judge_rows",
    "night_markdown",
    "pulled_markdown",
    "queue_rows",
    "score_rows",
    "verdict_markdown",
]

_HEADLINES = {
    Outcome.ACCEPTED: "Accepted: the evidence holds",
    Outcome.REFUSED: "Refused: the evidence does not hold",
    Outcome.INCONCLUSIVE: "Inconclusive: this could not be decided",
}


def score_rows(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row an evaluator, from the enrich stage."""
    return [
        {
            "evaluator": name,
            "scored": row["scored"],
            "failed": row["failed"],
            "skipped": row["skipped"],
            "mean": "" if row.get("mean") is None else f"{row['mean']:.2f}",
        }
        for name, row in summary.get("evaluators", {}).items()
    ]


def held_back(summary: Mapping[str, Any]) -> list[str]:
    """A sentence for everything that the enrich stage left open because a budget ended, and which."""
    said = [
        f"{name}: {row['held_back']:,} left open, because of its own budget: "
        f"{row.get('held_because') or 'it is used up'}."
        for name, row in summary.get("evaluators", {}).items()
        if row.get("held_back")
    ]
    if summary.get("stopped"):
        said.append(f"Scoring ended early: {summary['stopped']}. What is left stays open for the next time.")
    return said


def cluster_rows(clusters: Sequence[Cluster]) -> list[dict[str, Any]]:
    """A row a failure cluster, largest first."""
    return [{"cluster": c.name, "traces": c.size, "about": c.description, "id": c.id[:8]} for c in clusters]


def queue_rows(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row an annotation queue, from the route stage."""
    return [
        {
            "queue": name,
            "added tonight": row["tonight"],
            "kept out by the cap": row["left"],
            "because": ", ".join(f"{reason} ({count})" for reason, count in row["reasons"].items()),
        }
        for name, row in summary.get("queues", {}).items()
    ]


def judge_rows(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a judge, from the judges stage; what sways it stands under "why" only where that was shown."""
    rows = []
    for one in summary.get("judges", []):
        kappa = "" if one["kappa"] is None else with_interval(one["kappa"], one["low"], one["high"])
        rows.append(
            {
                "judge": one["judge"],
                "state": one["state"],
                "labels": one["items"],
                "kappa with people": kappa,
                "why": " ".join([one["reason"], *one["swayed"]]),
            }
        )
    return rows


def dev_rows(choice: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row an arm of the dev experiment, best first."""
    labels = choice.get("labels", {})
    means = sorted(choice.get("means", {}).items(), key=lambda item: (-item[1], item[0] != choice.get("chosen")))
    return [
        {
            "version": labels.get(arm, arm),
            "mean on dev": f"{mean:.2f}",
            "chosen": "yes" if arm == choice.get("chosen") else "",
        }
        for arm, mean in means
    ]


def comparison_rows(verdict: Verdict) -> list[dict[str, Any]]:
    """A row a metric: before, after, effect with its interval, and what could not be measured."""
    found = [verdict.comparison, *verdict.guards] if verdict.comparison is not None else [*verdict.guards]
    return [_comparison_row(item) for item in found]


def _comparison_row(item: Comparison) -> dict[str, Any]:
    return {
        "metric": item.metric,
        "pairs": item.pairs,
        "before": f"{item.baseline_mean:.2f}",
        "after": f"{item.candidate_mean:.2f}",
        "effect": f"{item.effect:+.2f} ({item.low:+.2f} to {item.high:+.2f})",
        "fixed": item.wins,
        "broken": item.losses,
        "same": item.ties,
        "unmeasured": f"{item.unmeasured_baseline} / {item.unmeasured_candidate}",
        "p": "" if item.p_value is None else f"{item.p_value:.2g}",
    }


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a markdown table; cell text cannot break out of its cell, nor become a link, an image or code."""
    if not rows:
        return ""
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_cell(row.get(column, "")) for column in head) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    text = " ".join(str(value).split())
    # Prefect's pages fetch images, so a cluster that is named for one would tell somebody that it was looked at.
    return re.sub(r"[\\|\[\]]", r"\\\g<0>", text).replace("<", "&lt;").replace("`", "'")


def verdict_markdown(verdict: Verdict) -> str:
    """The verdict with its table and its reasons."""
    reasons = "\n".join(f"- {reason}" for reason in verdict.reasons)
    return f"### {_HEADLINES[verdict.outcome]}\n\n{markdown_table(comparison_rows(verdict))}\n\n{reasons}\n"


def night_markdown(night: Night, verdict: Verdict | None, clusters: Sequence[Cluster], spent: tuple[int, float]) -> str:
    """The whole night on one page, whatever it came to."""
    stages = night.stages
    parts = [f"## {night.agent}, night of {night.date}", _headline(night, verdict)]
    parts += _taken_in(stages)
    if clusters:
        parts.append("**What fails alike**\n\n" + markdown_table(cluster_rows(clusters)))
    parts += _written_back(stages)
    if rows := queue_rows(stages.get("route", {})):
        parts.append("**For people to label**\n\n" + markdown_table(rows))
    if rows := judge_rows(stages.get("judges", {})):
        parts.append("**Judges beside people**\n\n" + markdown_table(rows))
    if (left := stages.get("take_up")) is not None:
        parts += [f"**Opened from an earlier night:** {url}" for url in left["opened"]]
        if left["held"]:
            parts.append(f"**Still waiting from an earlier night:** {left['held']}")
        if left["proposals"]:
            parts.append(f"**Measured again:** {len(left['proposals'])} proposals that earlier nights left undecided.")
    if (planned := stages.get("plan")) is not None:
        parts.append(f"**Power:** {planned['sentences'][0]}")
    if (choice := stages.get("dev")) is not None:
        parts.append(f"**Dev:** {choice['reason']}\n\n" + markdown_table(dev_rows(choice)))
    if verdict is not None:
        parts.append(verdict_markdown(verdict))
        if (wear := stages.get("held_out", {}).get("wear")) is not None:
            parts.append(
                f"**Held-out split:** {wear['examples']} examples, measured on {wear['median']:g} nights (median), "
                f"{wear['worn']} worn (over {wear['worn_after']} nights)."
            )
    if verdict is not None and (suite := _suite(night, verdict)) is not None:
        reasons = "\n".join(f"- {_cell(reason)}" for reason in suite["reasons"])
        parts.append(f"**Permanent suite:** {suite['outcome']}\n\n{reasons}")
    if (published := stages.get("publish")) is not None:
        parts.append(f"**Pull request:** {_where(published.get('url') or published.get('reason', ''))}")
    if (gone := stages.get("retention")) is not None:
        parts.append(f"**Past retention:** {gone['traces']:,} traces deleted, {gone['kept']:,} kept because cited.")
    calls, dollars = spent
    parts.append(f"**Spent:** {calls} model calls, {dollars:.4f} USD.")
    return "\n\n".join(part for part in parts if part) + "\n"


def pulled_markdown(night: str, stages: Mapping[str, Any]) -> str:
    """What pulling, scoring and writing back did, without the rest of a night."""
    return "\n\n".join([f"## {night}", *_taken_in(stages), *_written_back(stages)]) + "\n"


def _taken_in(stages: Mapping[str, Any]) -> list[str]:
    parts = []
    if (ingest := stages.get("ingest")) is not None:
        parts.append(
            f"**Traces:** {ingest['new_traces']} new, {ingest['grown_traces']} grown, "
            f"{ingest['known_spans']} spans known already, {ingest['problems']} problems."
        )
        if said := ingest.get("new_feedback"):
            parts.append(f"**Feedback brought in:** {said:,} pieces from the source.")
        if ingest.get("stopped"):
            parts.append(f"**The pull stopped early:** {_cell(ingest['stopped'])}")
        if taken := ingest.get("redacted"):
            found = ", ".join(f"{count:,} {name}" for name, count in sorted(taken.items()))
            parts.append(f"**Taken out before storing:** {found}.")
    if (enrich := stages.get("enrich")) is not None:
        if rows := score_rows(enrich):
            parts.append("**Scores**\n\n" + markdown_table(rows))
        if left := held_back(enrich):
            parts.append("**Held back**\n\n" + "\n".join(f"- {_cell(one)}" for one in left))
        if enrich.get("growing"):
            parts.append(f"**Still growing:** {enrich['growing']} traces, left for the next time.")
    return parts


def _written_back(stages: Mapping[str, Any]) -> list[str]:
    parts = []
    if (back := stages.get("write_back")) is not None and not back["reason"]:
        wrong = f", {back['failed']} refused" if back["failed"] else ""
        why = f". It stopped early: {_cell(back['stopped'])}" if back["stopped"] else ""
        parts.append(f"**Written back to the source:** {back['written']} annotations{wrong}{why}")
    return parts


def _where(url: str) -> str:
    """The local forge knows no host: its pages are those of `burnish serve`."""
    return f"{url} (a page of `burnish serve`)" if url.startswith("/") else url


def _headline(night: Night, verdict: Verdict | None) -> str:
    published = night.stages.get("publish", {})
    if night.state is NightState.PARTIAL:
        return "**The budget ended this night early; what follows is partial.**"
    if published.get("url"):
        return f"**A pull request is open:** {_where(published['url'])}"
    if opened := night.stages.get("take_up", {}).get("opened"):
        return f"**A pull request is open, of an earlier night's proposal:** {_where(opened[-1])}"
    if verdict is not None:
        unasked = "The evidence holds, but this run was not to open one."
        suite = _suite(night, verdict)
        if suite is not None and suite["blocks"]:
            return f"**No pull request.** {_cell(' '.join(suite['reasons'][:2]))}"
        why = published.get("reason") or (unasked if verdict.outcome is Outcome.ACCEPTED else verdict.reasons[0])
        return f"**No pull request.** {why}"
    choice = night.stages.get("dev")
    why = choice["reason"] if choice is not None else "The night did not get as far as measuring a proposal."
    return f"**No pull request.** {why}"


def _suite(night: Night, verdict: Verdict) -> Mapping[str, Any] | None:
    """What the suite said of the proposal of this verdict; what an earlier start said of another does not count."""
    found = night.stages.get("suite")
    told = found is not None and verdict.outcome is Outcome.ACCEPTED and found["proposal"] == verdict.proposal_id
    return found if told else None
