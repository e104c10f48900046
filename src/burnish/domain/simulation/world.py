"""A world to try gates in: an agent that answers by chance, candidates that change something or nothing.

Every example has its own chance of being answered right, most near 0 or 1, some in between: those flip from run to run.
A candidate that is worth nothing still redraws a few of them, up as often as down. A real one brings some examples
three quarters of the way to certainty. With the defaults the differences vary as in the planning table of
docs/gate.md: 0.22 an example with one run a side, 0.09 with three.
"""

from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from burnish.domain.base import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Agent", "Night", "World"]

REACH = 0.75  # how far a real candidate brings an example towards certainty


class World(Value):
    """What is true, and what goes wrong. Shares are 0 to 1.

    `flips`: chance that two runs of one version on one example differ. `changed`: share of examples that a candidate
    redraws. `effect`: gain of a real candidate, of which one among `candidates` appears every `real_every` nights (0:
    never). `drift`: standard deviation of the agent's mean between nights. `judge_bias`: chance that a judge takes a
    wrong answer of a candidate for right. `leak`: share of dev and held-out examples that candidates know by heart.
    `lost`: chance that a wrong answer of a candidate never arrives (a time-out), so that it is unmeasured.
    """

    examples: int = Field(default=100, ge=2)
    dev_examples: int = Field(default=100, ge=2)
    repetitions: int = Field(default=3, ge=1)
    dev_repetitions: int = Field(default=3, ge=1)
    candidates: int = Field(default=4, ge=1)
    nights: int = Field(default=100, ge=1)
    accuracy: float = Field(default=0.6, gt=0, lt=1)
    flips: float = Field(default=0.2, gt=0, lt=0.4)
    changed: float = Field(default=0.085, ge=0, le=1)
    effect: float = Field(default=0.0, ge=0, lt=0.3)
    real_every: int = Field(default=0, ge=0)
    drift: float = Field(default=0.0, ge=0)
    judge_bias: float = Field(default=0.0, ge=0, le=1)
    leak: float = Field(default=0.0, ge=0, le=1)
    lost: float = Field(default=0.0, ge=0, le=1)

    @property
    def concentration(self) -> float:
        """Of the beta distribution of chances; small where most examples are surely right or surely wrong."""
        noise = self.flips / 2
        return noise / (self.accuracy * (1 - self.accuracy) - noise)


class Night(NamedTuple):
    """What one night's experiments gave: 1 right, 0 wrong, NaN lost; runs by repetition (rows) and example.

    `dev[0]` is the baseline on dev, `dev[1:]` the candidates. `baseline` and `held_out[k]` are tonight's runs on the
    held-out split, `chances` the baseline's true chances there. `real` is the index of the real candidate or -1.
    """

    dev: "NDArray[np.float64]"
    baseline: "NDArray[np.float64]"
    held_out: "NDArray[np.float64]"
    chances: "NDArray[np.float64]"
    real: int


class Agent:
    """The agent of one stream of nights: its examples stay, as those of a dataset do."""

    def __init__(self, world: World, rng: "np.random.Generator") -> None:
        self._world = world
        self._rng = rng
        self.dev = self._draw(world.dev_examples)
        self.held_out = self._draw(world.examples)

    def night(self, number: int) -> Night:
        """Runs of the baseline and of every candidate, with tonight's drift in all of them."""

        world, rng = self._world, self._rng
        real = 0 if world.real_every and number % world.real_every == world.real_every - 1 else -1
        shift = rng.normal(0, world.drift) if world.drift else 0.0
        dev_chances, chances = self._shifted(self.dev, shift), self._shifted(self.held_out, shift)
        dev = [self._runs(dev_chances, world.dev_repetitions)]
        held_out = []
        for index in range(world.candidates):
            effect = world.effect if index == real else 0.0
            dev.append(self._candidate(dev_chances, effect, world.dev_repetitions))
            held_out.append(self._candidate(chances, effect, world.repetitions))
        return Night(
            _stacked(dev),
            self._runs(chances, world.repetitions),
            _stacked(held_out),
            chances,
            real,
        )

    def _draw(self, count: int) -> "NDArray[np.float64]":
        world = self._world
        size = world.concentration
        return self._rng.beta(world.accuracy * size, (1 - world.accuracy) * size, count)

    def _shifted(self, chances: "NDArray[np.float64]", shift: float) -> "NDArray[np.float64]":
        import numpy as np

        return np.clip(chances + shift, 0, 1)

    def _candidate(self, chances: "NDArray[np.float64]", effect: float, repetitions: int) -> "NDArray[np.float64]":
        import numpy as np

        world, rng = self._world, self._rng
        redrawn = rng.random(len(chances)) < world.changed
        new = np.where(redrawn, self._draw(len(chances)), chances)
        if effect:
            reached = rng.random(len(chances)) < effect / (REACH * (1 - world.accuracy))
            new = np.where(reached, new + REACH * (1 - new), new)
        if world.leak:
            new = np.where(rng.random(len(chances)) < world.leak, 1.0, new)
        runs = self._runs(new, repetitions)
        if world.judge_bias:
            runs = np.where(rng.random(runs.shape) < world.judge_bias, 1.0, runs)
        if world.lost:
            runs = np.where((runs == 0) & (rng.random(runs.shape) < world.lost), np.nan, runs)
        return runs

    def _runs(self, chances: "NDArray[np.float64]", repetitions: int) -> "NDArray[np.float64]":
        return (self._rng.random((repetitions, len(chances))) < chances).astype(float)


def _stacked(parts: list["NDArray[np.float64]"]) -> "NDArray[np.float64]":
    import numpy as np

    return np.stack(parts)
