"""Write the body of a judge's pull request: how it agreed with people before and after, and how far people agree."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from burnish.adapters.publishing import markdown
from burnish.adapters.publishing.body import render
from burnish.domain.agreement import Agreement, Rate
from burnish.domain.alignment.accepting import Trial
from burnish.domain.alignment.candidates import Choice
from burnish.domain.base import Value
from burnish.domain.proposals import Proposal
from burnish.domain.raters import RaterAgreement

__all__ = ["JudgeBodyContext", "ceiling_text", "render_judge_body", "trial_rows"]

TEMPLATE = "judge_pull_request.md.j2"
IDS_SHOWN = 50


class JudgeBodyContext(Value):
    """What the body tells. `sealed` are traces behind held-out examples of the agent: their ids are not put out."""

    agent: str
    week: str
    version: str
    new_version: str
    proposal: Proposal
    trial: Trial
    choice: Choice
    diff: str
    sealed: frozenset[str] = frozenset()
    calls: int = 0
    cost_usd: float = 0.0
    base_url: str | None = None
    reproduce: str = ""


def render_judge_body(context: JudgeBodyContext, templates: Path | None = None) -> str:
    """The body as Markdown, by `judge_pull_request.md.j2` in the folder `templates` or else the one burnish ships.

    Raises ConfigError where the user's template does not render.
    """
    return render(TEMPLATE, _values(context), templates, context.base_url)


def trial_rows(trial: Trial) -> list[dict[str, str]]:
    """Agreement, kappa, TPR and TNR of the present and the changed judge, as text."""
    before, after, comparison = trial.before, trial.after, trial.verdict.comparison
    effect = "" if comparison is None else f"{comparison.effect:+.3f} ({comparison.low:+.3f} to {comparison.high:+.3f})"
    gain = ""
    if before.kappa is not None and after.kappa is not None and trial.kappa_low is not None:
        gain = f"{after.kappa - before.kappa:+.2f} ({trial.kappa_low:+.2f} to {trial.kappa_high:+.2f})"
    changes = {guard.metric.rpartition(" ")[2]: f"{guard.effect:+.2f} (from {guard.low:+.2f})" for guard in
               trial.verdict.guards}  # fmt: skip
    return [
        {"figure": "agreement", "before": _share(before), "after": _share(after), "change": effect},
        {"figure": "kappa", "before": _kappa(before), "after": _kappa(after), "change": gain},
        {"figure": "of people's passes it passes (TPR)", "before": _rate(before.tpr), "after": _rate(after.tpr),
         "change": changes.get("TPR", "")},
        {"figure": "of people's failures it fails (TNR)", "before": _rate(before.tnr), "after": _rate(after.tnr),
         "change": changes.get("TNR", "")},
    ]  # fmt: skip


def ceiling_text(ceiling: RaterAgreement | None) -> str:
    """How far people agree with each other, in a sentence."""
    if ceiling is None or ceiling.items == 0 or ceiling.observed is None:
        return "No trace was labelled by two people, so how far people agree with each other is not known."
    alpha = "undefined"
    if ceiling.alpha is not None:
        alpha = f"{ceiling.alpha:.2f}"
        if ceiling.alpha_low is not None:
            alpha += f" ({ceiling.alpha_low:.2f} to {ceiling.alpha_high:.2f})"
    return (
        f"People agree with each other on {ceiling.observed:.0%} of pairs of labels over {ceiling.items} traces, "
        f"Krippendorff's alpha {alpha}: no judge can be expected to agree with them more."
    )


def _values(context: JudgeBodyContext) -> Mapping[str, Any]:
    comparison = context.trial.verdict.comparison
    return {
        **{name: getattr(context, name) for name in type(context).model_fields},
        "verdict": context.trial.verdict,
        "comparison": comparison,
        "level": f"{context.trial.verdict.level:.3g}",
        "rows": [{key: markdown.Markdown(text) for key, text in row.items()} for row in trial_rows(context.trial)],
        "ceiling": ceiling_text(context.trial.ceiling),
        "fixed": _ids(() if comparison is None else comparison.fixed, context.sealed),
        "broken": _ids(() if comparison is None else comparison.broken, context.sealed),
        "train": [row for row in context.choice.measured if row.items],
    }


def _ids(ids: tuple[str, ...], sealed: frozenset[str]) -> dict[str, Any]:
    shown = [one for one in ids if one not in sealed][:IDS_SHOWN]
    return {"count": len(ids), "shown": shown, "more": len(ids) - len(shown)}


def _share(found: Agreement) -> str:
    return "" if found.observed is None else f"{found.observed:.3f} of {found.items}"


def _kappa(found: Agreement) -> str:
    if found.kappa is None or found.low is None or found.high is None:
        return found.undefined or "unknown"
    return f"{found.kappa:.2f} ({found.low:.2f} to {found.high:.2f})"


def _rate(rate: Rate | None) -> str:
    return "none" if rate is None else f"{rate.share:.2f} ({rate.low:.2f} to {rate.high:.2f}) of {rate.count}"
