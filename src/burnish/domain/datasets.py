"""Datasets: fixed, fingerprinted examples in three splits, of which one is sealed.

A group of examples (same user, session, template or near-duplicate text) goes to one split as a whole, chosen by a
hash of the group, so an example never changes its split when the dataset grows.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from pydantic import Field

from burnish.domain.base import Json, Value, content_hash

__all__ = ["DATASET", "Dataset", "Example", "SealedExamples", "Split", "SplitRule", "VisibleSplit", "fingerprint"]

DATASET = "main"  # an agent has one


class Split(StrEnum):
    """TRAIN: the proposer sees it. DEV: chooses the best candidate. HELD_OUT: sealed, read by the gate alone."""

    TRAIN = "train"
    DEV = "dev"
    HELD_OUT = "held_out"


VisibleSplit = Literal[Split.TRAIN, Split.DEV]


class SplitRule(Value):
    """Shares of the three splits; they must add up to 1."""

    train: float = Field(default=0.4, gt=0, lt=1)
    dev: float = Field(default=0.2, gt=0, lt=1)
    held_out: float = Field(default=0.4, gt=0, lt=1)
    group_by: tuple[Literal["user", "session", "text"], ...] = ("text",)
    near_duplicate: float = Field(default=0.9, gt=0, le=1)
    seed: int = 0


class Example(Value):
    """One input with what is expected of the output, or criteria that it must meet."""

    id: str
    input: Json
    expected: Json = None
    criteria: tuple[str, ...] = ()
    metadata: dict[str, Json] = {}
    trace_id: str | None = None
    group: str = ""

    @staticmethod
    def id_for(agent: str, value: Json) -> str:
        """The stable id of an example: the same input of the same agent is the same example."""
        return content_hash(agent, value)


class Dataset(Value):
    """The name and the present content hash of an agent's examples."""

    id: str
    agent: str
    name: str
    fingerprint: str
    counts: dict[Split, int]


class SealedExamples:
    """Held-out examples. Only the experiment that feeds the gate opens them, and nothing prints them."""

    def __init__(self, examples: Iterable[Example]) -> None:
        self.__examples = tuple(examples)

    def __len__(self) -> int:
        return len(self.__examples)

    def __repr__(self) -> str:
        return f"<{len(self)} sealed examples>"

    def open_for_gate(self) -> tuple[Example, ...]:
        """Break the seal. Called by `loop.experiment` for the gate's measurement and by nothing else."""
        return self.__examples

    def inputs_for_splitting(self) -> tuple[Example, ...]:
        """The examples without what is expected of them, to keep look-alikes of them out of what others see.

        For `loop.curate` and `loop.discover`, which compare texts and hand nothing on.
        """
        return tuple(example.model_copy(update={"expected": None, "criteria": ()}) for example in self.__examples)


def fingerprint(examples: Iterable[Example]) -> str:
    """Content hash over ids, inputs, expectations and criteria, whatever the order."""
    return content_hash(sorted((e.id, content_hash(e.input, e.expected, e.criteria)) for e in examples))
