"""How one case stands: passed or not in each try, and what the tries before and after the change say together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from burnish.domain.experiments import Run, RunStatus
from burnish.domain.suite.cases import Case
from burnish.domain.suite.verdict import CaseResult, CaseState

__all__ = ["Standing", "result", "standing"]

ONCE = "it failed once, and a second try could not be measured"


@dataclass(frozen=True)
class Standing:
    """One try of a case in one arm: mean scores by metric, and whether it passed (None: it could not be measured)."""

    scores: dict[str, float]
    passes: bool | None
    runs: Sequence[Run]
    reason: str


def standing(runs: Sequence[Run], metrics: Sequence[str], pass_at: float) -> Standing:
    """A try passes where each metric's mean over its measured runs reaches `pass_at`; one that does not fails it.

    A metric without any measured run leaves the try unmeasured, unless another has failed it already.
    """
    scores = {}
    for metric in metrics:
        values = [score for run in runs if (score := run.score(metric)) is not None and math.isfinite(score)]
        if values:
            scores[metric] = math.fsum(values) / len(values)
    below = [metric for metric, score in scores.items() if score < pass_at]
    passes = False if below else None if len(scores) < len(metrics) or not metrics else True
    return Standing(scores, passes, runs, _why(runs, metrics, scores, below))


def result(
    case: Case,
    before: Sequence[Standing],
    after: Sequence[Standing],
    metrics: Sequence[str],
    added: bool,
    compared: bool,
) -> CaseResult:
    """A case over its tries. `added`: the base's suite lacks it; `compared`: there is a base at all."""
    state, reason = _state(case, [s.passes for s in before], [s.passes for s in after], added, compared)
    telling = next((s for s in after if s.passes is not True), after[0] if after else None)
    if not metrics:
        state, reason = CaseState.UNMEASURED, "no evaluator of the suite applies to it"
    elif state in (CaseState.BROKEN, CaseState.FAILING, CaseState.FLAKY, CaseState.UNMEASURED) and telling is not None:
        said = (reason, telling.reason, *(s.reason for s in after if s.passes is None))
        reason = "; ".join(dict.fromkeys(filter(None, said)))
    return CaseResult(
        id=case.id,
        state=state,
        must_pass=case.must_pass,
        added=added,
        input=case.input,
        expected=case.expected,
        criteria=case.criteria,
        baseline=before[0].scores if before else {},
        candidate=after[0].scores if after else {},
        output_before=_output(before[0].runs) if before else None,
        output_after=_output(telling.runs) if telling is not None else None,
        reason=reason,
        seconds=math.fsum(run.latency_s or 0.0 for one in after for run in one.runs),
    )


def _state(
    case: Case, before: Sequence[bool | None], after: Sequence[bool | None], added: bool, compared: bool
) -> tuple[CaseState, str]:
    tries = 2 if case.must_pass else 1
    now = _settled(after, tries)
    if now is None:
        return CaseState.UNMEASURED, ONCE if False in after else ""
    if now:
        if False in after:
            return CaseState.FLAKY, "it failed, then passed when it was tried again"
        mended = compared and not added and _settled(before, 1) is False
        return (CaseState.FIXED if mended else CaseState.PASSED), ""
    if not compared:
        return CaseState.FAILING, ""
    if added and case.must_pass:
        return CaseState.BROKEN, "the change adds it as a case that must pass"
    was = _settled(before, tries)
    if was is None:
        return CaseState.UNMEASURED, "it fails with the change, and the base could not be measured"
    return (CaseState.BROKEN, "") if was else (CaseState.FAILING, "it failed on the base already")


def _settled(tries: Sequence[bool | None], failures: int) -> bool | None:
    """A pass in any try is a pass, and `failures` measured failures without one are a failure; less says nothing.

    A case that must pass is tried twice, so that one failure beside a rate limit, or before the budget ended, is none.
    """
    return True if True in tries else False if tries.count(False) >= failures else None


def _why(runs: Sequence[Run], metrics: Sequence[str], scores: dict[str, float], below: Sequence[str]) -> str:
    failed = next((run.error for run in runs if run.status is RunStatus.AGENT_FAILURE and run.error), None)
    if failed:
        return f"the agent failed: {failed}"
    if below:
        return ", ".join(f"{metric} {scores[metric]:.2f}" for metric in below)
    lost = next((run.error for run in runs if run.status is RunStatus.UNMEASURED and run.error), None)
    if lost:
        return lost
    said = (run.evaluator_failures.get(metric) for run in runs for metric in metrics if metric not in scores)
    return next((text for text in said if text), "" if len(scores) == len(metrics) else "it has not been run")


def _output(runs: Sequence[Run]) -> Any:
    return next((run.output for run in runs if run.status is RunStatus.OK), None)
