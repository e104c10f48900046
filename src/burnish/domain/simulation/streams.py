"""Many streams of nights through several policies, counted."""

from collections.abc import Callable, Mapping, Sequence

from burnish.domain.base import Value
from burnish.domain.simulation.policies import Answer, Policy
from burnish.domain.simulation.world import Agent, World

__all__ = ["Tally", "simulate"]


class Tally(Value):
    """What one policy did over all streams of a world.

    `false` counts pull requests for a candidate that is worth nothing, `spoiled` the streams with at least one.
    `real_nights` held a real candidate, in `found` of them it became a pull request. Runs are held-out runs.
    `raw` and `shrunk` are the mean lifts that accepted real candidates reported.
    """

    policy: str
    streams: int
    nights: int
    opened: int
    false: int
    spoiled: int
    null_nights: int
    false_on_null: int
    null_runs: int
    null_tested: int
    real_nights: int
    found: int
    real_chosen: int
    raw: float | None
    shrunk: float | None

    @property
    def false_rate(self) -> float:
        """False pull requests a night without a real candidate."""
        return self.false_on_null / self.null_nights if self.null_nights else 0.0

    @property
    def power(self) -> float | None:
        """Share of real candidates that became pull requests; None where there was none."""
        return self.found / self.real_nights if self.real_nights else None

    @property
    def false_share(self) -> float | None:
        """Share of all pull requests that are false; None where none was opened."""
        return self.false / self.opened if self.opened else None

    @property
    def runs(self) -> float:
        """Held-out runs a night without a real candidate."""
        return self.null_runs / self.null_nights if self.null_nights else 0.0


def simulate(
    world: World,
    policies: Mapping[str, Callable[[], Policy]],
    streams: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Tally]:
    """Every policy over the same `streams` of nights of `world`; stream i has the seed (seed, i)."""
    import numpy as np

    answers: dict[str, list[list[Answer]]] = {name: [] for name in policies}
    real: list[list[int]] = []
    for stream in range(streams):
        agent = Agent(world, np.random.default_rng((seed, stream)))
        begun = {name: make() for name, make in policies.items()}
        told: dict[str, list[Answer]] = {name: [] for name in policies}
        truth = []
        for number in range(world.nights):
            night = agent.night(number)
            truth.append(night.real)
            for name, policy in begun.items():
                told[name].append(policy(night))
        real.append(truth)
        for name, stream_answers in told.items():
            answers[name].append(stream_answers)
        if progress is not None:
            progress(stream + 1, streams)
    return [_tally(name, found, real) for name, found in answers.items()]


def _tally(name: str, answers: Sequence[Sequence[Answer]], real: Sequence[Sequence[int]]) -> Tally:
    pairs = [(a, r) for told, truth in zip(answers, real, strict=True) for a, r in zip(told, truth, strict=True)]
    null = [a for a, r in pairs if r < 0]
    hits = [a for a, r in pairs if a.opened and 0 <= r == a.candidate]
    opened = sum(a.opened for a, _ in pairs)
    return Tally(
        policy=name,
        streams=len(answers),
        nights=len(pairs),
        opened=opened,
        false=opened - len(hits),
        spoiled=sum(
            any(a.opened and not (0 <= r == a.candidate) for a, r in zip(told, truth, strict=True))
            for told, truth in zip(answers, real, strict=True)
        ),
        null_nights=len(null),
        false_on_null=sum(a.opened for a in null),
        null_runs=sum(a.runs for a in null),
        null_tested=sum(a.runs > 0 for a in null),
        real_nights=len(pairs) - len(null),
        found=len(hits),
        real_chosen=sum(0 <= r == a.candidate for a, r in pairs),
        raw=sum(a.raw for a in hits) / len(hits) if hits else None,
        shrunk=sum(a.shrunk for a in hits) / len(hits) if hits else None,
    )
