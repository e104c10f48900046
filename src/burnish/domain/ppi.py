"""Prediction-powered inference on paired differences: a judge scores everything, people label a part, both arms alike.

A judge that favours one arm, for example the longer answers that a new prompt gives, moves the mean of its scores
though nothing got better. People's labels on a random part of the same examples measure that favour, and it is taken
out. Where the judge is good, its scores on all the other examples make the estimate sharper than the labels alone.
Source: Angelopoulos, Duchi and Zrnic, "PPI++: Efficient Prediction-Powered Inference" (2023), for a mean.
"""

import math
from collections.abc import Sequence

from burnish.domain.base import Value
from burnish.domain.statistics import Bounds

__all__ = ["PpiEstimate", "corrected_mean"]


class PpiEstimate(Value):
    """The mean difference, candidate minus baseline, as people would have scored all examples.

    `tuning` is the weight that the judge earned, from 0 (its scores are noise to people's) to 1. `judge_mean` is what
    the judge alone says over all examples, `people_mean` what people alone say on theirs. `p_value` is one-sided for
    improvement; it is None, and the interval the whole range, where the labels do not vary or are fewer than two.
    """

    labelled: int
    unlabelled: int
    estimate: float
    standard_error: float | None
    low: float
    high: float
    confidence: float
    p_value: float | None
    tuning: float
    judge_mean: float
    people_mean: float


def corrected_mean(
    people: Sequence[float], judge: Sequence[float], judge_only: Sequence[float], confidence: float = 0.95
) -> PpiEstimate | None:
    """Estimate the mean difference that people would give, from their labels and the judge's scores.

    `people` and `judge` are differences on the labelled examples in the same order, `judge_only` the judge's on the
    rest. The labelled part must have been drawn at random: labels on the failures alone correct nothing. t with one
    degree of freedom fewer than there are labels stands in for the normal, which is too sure of itself below 50 or so.
    None without a label. Raises ValueError where `people` and `judge` differ in length or a difference is not finite.
    """
    if len(people) != len(judge):
        raise ValueError(f"{len(people)} labels but {len(judge)} scores of the judge on the same examples")
    if not all(map(math.isfinite, (*people, *judge, *judge_only))):
        raise ValueError("a difference is not a finite number; leave the example out as unmeasured")
    if not people:
        return None
    n, rest = len(people), len(judge_only)
    tuning = _tuning(people, judge, judge_only)
    estimate = _mean([y - tuning * f for y, f in zip(people, judge, strict=True)])
    estimate += tuning * _mean(judge_only) if rest else 0.0
    error = _error(people, judge, judge_only, tuning)
    if error is None:
        bounds, p_value = Bounds(min(-1.0, estimate), max(1.0, estimate)), None
    else:
        from scipy.stats import t

        half = float(t.ppf((1 + confidence) / 2, n - 1)) * error
        bounds, p_value = Bounds(estimate - half, estimate + half), float(t.sf(estimate / error, n - 1))
    return PpiEstimate(
        labelled=n,
        unlabelled=rest,
        estimate=estimate,
        standard_error=error,
        low=bounds.low,
        high=bounds.high,
        confidence=confidence,
        p_value=p_value,
        tuning=tuning,
        judge_mean=_mean([*judge, *judge_only]),
        people_mean=_mean(people),
    )


def _tuning(people: Sequence[float], judge: Sequence[float], judge_only: Sequence[float]) -> float:
    """The weight with the smallest variance, in closed form, kept within 0 to 1."""
    n, rest = len(people), len(judge_only)
    if n < 2 or not rest:
        return 0.0
    variance = _variance([*judge, *judge_only])
    if variance <= 0:
        return 0.0
    centre_y, centre_f = _mean(people), _mean(judge)
    covariance = math.fsum((y - centre_y) * (f - centre_f) for y, f in zip(people, judge, strict=True)) / n
    return min(1.0, max(0.0, covariance / ((1 + n / rest) * variance)))


def _error(people: Sequence[float], judge: Sequence[float], judge_only: Sequence[float], tuning: float) -> float | None:
    """The standard error, or None where there is no spread to measure it by."""
    if len(people) < 2:
        return None
    rectified = _variance([y - tuning * f for y, f in zip(people, judge, strict=True)]) / len(people)
    imputed = tuning**2 * _variance(judge_only) / len(judge_only) if tuning and len(judge_only) > 1 else 0.0
    error = math.sqrt(rectified + imputed)
    return error if error > 1e-12 and rectified > 1e-24 else None


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0


def _variance(values: Sequence[float]) -> float:
    centre = _mean(values)
    return math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1)
