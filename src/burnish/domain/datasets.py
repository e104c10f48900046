"""Datasets: fixed, fingerprinted examples in three splits, of which one, held-out, is for the gate alone.

A group of examples (same user, session, template or near-duplicate text) goes to one split as a whole, chosen by a
hash of the group, so an example never changes its split when the dataset grows.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from pydantic import Field

from burnish.domain.base import Json, Value, content_hash
from burnish.domain.traces import Trace

__all__ = ["DATASET", "Dataset", "Example", "Split", "SplitRule", "VisibleSplit", "fingerprint", "said_by"]

DATASET = "main"  # an agent has one


class Split(StrEnum):
    """TRAIN: the proposer sees it. DEV: chooses the best candidate. HELD_OUT: sealed, read by the gate alone."""

    TRAIN = "train"
    DEV = "dev"
    HELD_OUT = "held_out"


VisibleSplit = Literal[Split.TRAIN, Split.DEV]


class SplitRule(Value):
    """Shares of the three splits, which must add up to 1, and what ties examples together.

    `worn_after` is the number of nights a held-out example may be measured by the gate before it is called worn: at
    the gate's default level of 1 %, twenty nights add up to at most a chance in five that luck was accepted once.
    """

    train: float = Field(default=0.4, gt=0, lt=1)
    dev: float = Field(default=0.2, gt=0, lt=1)
    held_out: float = Field(default=0.4, gt=0, lt=1)
    group_by: tuple[Literal["user", "session", "template", "text"], ...] = ("user", "session", "template", "text")
    near_duplicate: float = Field(default=0.9, gt=0, le=1)
    seed: int = 0
    worn_after: int = Field(default=20, ge=1)


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

    @classmethod
    def of_trace(
        cls, trace: Trace, origin: str = "", expected: Json = None, criteria: tuple[str, ...] = ()
    ) -> "Example":
        """What a trace asks, as an example with what ties it to others: user, session and template as it names them."""
        told = {"origin": origin, "user": trace.user_id, "session": trace.session_id}
        metadata: dict[str, Json] = {key: value for key, value in told.items() if value}
        template = trace.metadata.get("template")
        if isinstance(template, str) and template:
            metadata["template"] = template
        return cls(
            id=cls.id_for(trace.agent, trace.input),
            input=trace.input,
            expected=expected,
            criteria=criteria,
            metadata=metadata,
            trace_id=trace.trace_id,
        )


class Dataset(Value):
    """The name and the present content hash of an agent's examples; `version` counts its changes, 0 for none kept.

    Counts and fingerprint are of the examples in use: a retired one counts no more.
    """

    id: str
    agent: str
    name: str
    fingerprint: str
    counts: dict[Split, int]
    version: int = 0


def said_by(example: Example) -> str:
    """Content hash of what an example asks and expects; its split, group, trace and metadata are left aside."""
    return content_hash(example.input, example.expected, example.criteria)


def fingerprint(examples: Iterable[Example]) -> str:
    """Content hash over ids, inputs, expectations and criteria, whatever the order."""
    return content_hash(sorted((e.id, said_by(e)) for e in examples))
