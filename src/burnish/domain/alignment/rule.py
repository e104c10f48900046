"""How a judge is improved from labels: the `[align]` part of an agent's file."""

from pydantic import Field

from burnish.domain.base import Value
from burnish.domain.evaluators.judge import MAX_EXAMPLES, MAX_RECORD

__all__ = ["AlignRule", "level_of"]


class AlignRule(Value):
    """What is tried, and what it must show.

    `held_out` is the share of labels that a judge is never fitted to. `level` is the chance that, of all attempts until
    the next accepted one, any is accepted although nothing got better: it is spent over the attempts (`level_of`).
    `margin` is how much of what people pass (or fail) the changed judge may miss more, at most. An attempt takes at
    least `minimum_held_out` held-out and `minimum_train` train labels, and at most `held_out_limit` and `train_limit`
    of them are judged. `examples` few-shot examples are added at once, each record cut to `example_chars`; a judge has
    at most `most_examples`.
    """

    held_out: float = Field(default=0.5, gt=0, lt=1)
    level: float = Field(default=0.05, gt=0, lt=0.5)
    margin: float = Field(default=0.1, gt=0, le=1)
    minimum_held_out: int = Field(default=20, ge=2)
    minimum_train: int = Field(default=10, ge=2)
    held_out_limit: int = Field(default=200, ge=2)
    train_limit: int = Field(default=60, ge=2)
    examples: int = Field(default=4, ge=1, le=MAX_EXAMPLES)
    most_examples: int = Field(default=8, ge=1, le=MAX_EXAMPLES)
    example_chars: int = Field(default=1_200, ge=100, le=MAX_RECORD)
    unmeasured_share: float = Field(default=0.1, ge=0, le=1)


def level_of(rule: AlignRule, attempts: int) -> float:
    """The level of the next attempt after so many since the last accepted one (or since the first).

    The levels level / (k (k + 1)) of attempts k = 1, 2, … add up to `level`, so by Bonferroni's inequality the chance
    of any false yes among them is at most that, however much the attempts depend on each other: they do, since they
    are made week after week on the same held-out labels. The gate's SAFFRON needs independence and would not do here.
    """
    if attempts < 0:
        raise ValueError(f"{attempts} attempts; give 0 or more")
    return rule.level / ((attempts + 1) * (attempts + 2))
