"""The suite's figures as full sentences."""

from collections.abc import Sequence

from burnish.domain.gate import Comparison
from burnish.domain.sentences import p, plural
from burnish.domain.suite.cases import Case
from burnish.domain.suite.verdict import CaseResult, CaseState, SuiteOutcome

__all__ = [
    "BASE_DEAD",
    "asides",
    "broke",
    "headline",
    "held",
    "missing_differently",
    "not_shown",
    "unmeasured",
    "unsure",
    "worse",
]

NAMED = 5
BASE_DEAD = (
    "The base's agent failed on every case, so there is nothing to compare with: it runs in a fresh worktree, where "
    "files that are not committed do not exist."
)


def headline(outcome: SuiteOutcome, cases: int, small: bool) -> str:
    """The verdict in one sentence."""
    over = plural(cases, "case")
    if outcome is SuiteOutcome.PASS:
        return f"The change passes the suite of {over}."
    if outcome is SuiteOutcome.REGRESSION:
        return f"The change makes the agent worse on the suite of {over}."
    if small:
        return f"Nothing that must pass broke, and the suite of {over} is too small to show more."
    return f"The suite of {over} could not decide."


def broke(cases: Sequence[CaseResult]) -> list[str]:
    """Which must-pass cases the change broke."""
    return [f"{_counted(len(cases))} that must pass broke: {_named([case.id for case in cases])}."] if cases else []


def unsure(lost: Sequence[CaseResult], unjudged: Sequence[Case], total: int, allowed: float) -> list[str]:
    """What could not be measured and must not be passed over. `allowed` is the share that may lack an evaluator."""
    said = []
    judged = [case for case in lost if case.id not in {one.id for one in unjudged}]
    if judged:
        said.append(f"{_counted(len(judged))} that must pass could not be measured: {_named([c.id for c in judged])}.")
    must = [case for case in unjudged if case.must_pass]
    if must or (total and len(unjudged) / total > allowed):
        said.append(
            f"No evaluator of the suite applies to {_named([case.id for case in unjudged])}: give them what the "
            "evaluators need (an expected output), or name one that judges them in [suite] metrics."
        )
    return said


def unmeasured(metric: str, arm: str, share: float, allowed: float) -> str:
    """Too much is missing on one side."""
    return (
        f"{share:.0%} of the runs of the {arm} are unmeasured on {metric}, over the allowed {allowed:.0%}; find out "
        "why they fail and run the gate again."
    )


def missing_differently(metric: str, before: int, after: int, p_value: float) -> str:
    """What is missing is missing on one side."""
    return (
        f"Base and change were not measured alike on {metric}: {before} runs are unmeasured in the base alone and "
        f"{after} with the change alone (p = {p(p_value)})."
    )


def held(c: Comparison, margin: float) -> str:
    """Non-inferiority was shown."""
    return (
        f"{c.metric} is not worse by more than {margin:g}: it changed by {c.effect:+.3f} over "
        f"{plural(c.pairs, 'case')} ({_changes(c)}), and the lower {_side(c)} bound is {c.low:+.3f}."
    )


def worse(c: Comparison, margin: float, p_value: float) -> str:
    """A loss was shown."""
    return (
        f"{c.metric} fell by {-c.effect:.3f} over {plural(c.pairs, 'case')} ({_changes(c)}): a loss (p = {p(p_value)}) "
        f"{'beyond' if c.high < -margin else 'that may exceed'} the margin of {margin:g}."
    )


def not_shown(c: Comparison, margin: float, needed: int, small: bool) -> str:
    """Neither was shown, and what would be enough."""
    start = (
        f"{c.metric} changed by {c.effect:+.3f} over {plural(c.pairs, 'case')} ({_changes(c)}); a loss beyond the "
        f"margin of {margin:g} is not excluded (lower {_side(c)} bound {c.low:+.3f})"
    )
    if small:
        if c.effect < 0:
            return f"{start}. About {needed} cases are needed to tell such a loss from chance."
        return f"{start}. About {needed} cases are needed to show it four times in five; a wider margin needs fewer."
    return f"{start}, although {needed} cases are usually enough: more repetitions or cases make it sharper."


def asides(cases: Sequence[CaseResult]) -> list[str]:
    """What a reader should know beside the verdict."""
    said = []
    for state, what in (
        (CaseState.FIXED, "now pass"),
        (CaseState.FLAKY, "failed once and passed when tried again; a case that must pass should do so every time"),
    ):
        ids = [case.id for case in cases if case.state is state]
        if ids:
            said.append(f"{plural(len(ids), 'case')} {what}: {_named(ids)}.")
    already = [case.id for case in cases if case.must_pass and case.state is CaseState.FAILING]
    if already:
        said.append(f"{_counted(len(already))} that must pass failed on the base already: {_named(already)}.")
    return said


def _changes(c: Comparison) -> str:
    return f"{c.wins} better, {c.losses} worse"


def _side(c: Comparison) -> str:
    return f"{(1 + c.confidence) / 2:.0%}"


def _counted(count: int) -> str:
    return plural(count, "case")


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return ", ".join(ids[:NAMED]) + more
