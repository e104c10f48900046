"""A metric that a judge gives carries a pull request only where the judge has been held against people."""

from burnish.domain.agreement import Agreement, JudgeRule, Rate, with_interval
from burnish.domain.gate.verdict import JudgeEvidence, Outcome, Verdict
from burnish.domain.ppi import PpiEstimate

__all__ = ["agreement_rows", "held_to_account"]


def held_to_account(verdict: Verdict, evidence: JudgeEvidence, rule: JudgeRule) -> Verdict:
    """The verdict once the judge has been asked for its standing; a yes may become inconclusive or a no.

    Where people labelled at least `minimum_labels` examples in both arms, their corrected gain decides: it must be
    above 0 at tonight's level too. Below that the judge's standing does.
    """
    corrected, standing = evidence.corrected, evidence.standing
    outcome, reasons = verdict.outcome, verdict.reasons
    labelled = corrected is not None and corrected.labelled >= rule.minimum_labels
    if corrected is not None and labelled:
        said = _corrected(corrected)
        if corrected.p_value is not None and corrected.p_value < verdict.level:
            reasons = (*reasons, said)
        elif outcome is Outcome.ACCEPTED:
            outcome, reasons = Outcome.REFUSED, ("People's labels do not bear the judge's gain out.", said, *reasons)
    elif standing.can_carry:
        reasons = (*reasons, standing.reason)
    elif outcome is Outcome.ACCEPTED:
        wanted = (
            f"Label {rule.minimum_labels} examples or more in both arms (`burnish reviews wanted "
            f"{verdict.experiment_id}`) and run the night again"
        )
        wanted += "." if evidence.compares_arms else ", or label more production traces."
        state = "" if standing.state is None or evidence.compares_arms else f"The judge is {standing.state}. "
        outcome, reasons = Outcome.INCONCLUSIVE, (f"{state}{standing.reason}", wanted, *reasons)
    return verdict.model_copy(update={"outcome": outcome, "reasons": reasons, "judge": evidence})


def _corrected(found: PpiEstimate) -> str:
    p_value = "" if found.p_value is None else f", p = {found.p_value:.2g}"
    return (
        f"With people's labels on {found.labelled} examples the judge's gain of {found.judge_mean:+.3f} becomes "
        f"{found.estimate:+.3f} ({found.confidence:.0%} interval {found.low:+.3f} to {found.high:+.3f}{p_value})."
    )


def agreement_rows(evidence: JudgeEvidence) -> list[dict[str, str]]:
    """The judge's agreement with people, a row a place where labels are: production, and each arm that has any.

    One that compares arms scores no production trace, so there is no such row for it.
    """
    places = (
        ("production traces", None if evidence.compares_arms else evidence.standing.agreement),
        ("runs before", evidence.before),
        ("runs after", evidence.after),
    )
    return [_row(where, found) for where, found in places if found is not None]


def _row(where: str, found: Agreement) -> dict[str, str]:
    return {
        "where": where,
        "labels": str(found.items),
        "kappa": found.kappa_text,
        "passes": _rate(found.tpr),
        "failures": _rate(found.tnr),
    }


def _rate(rate: Rate | None) -> str:
    return "none" if rate is None else with_interval(rate.share, rate.low, rate.high)
