"""What the names of a span's attributes alone say of it: worked out once for all spans that have the same names.

Spans of one instrumentation come in a few dozen shapes, and looking every name of every span up again would take a
fifth of the time that mapping takes.
"""

from dataclasses import dataclass
from functools import lru_cache

from burnish.adapters.sources.otlp import names
from burnish.adapters.sources.otlp.indexed import Place, place_of
from burnish.adapters.sources.otlp.raw import Attributes

__all__ = ["Shape", "shape_of"]

_SPEAKS = (
    *("gen_ai.input.", "gen_ai.output.", "gen_ai.prompt", "gen_ai.completion", "gen_ai.system_instructions", "llm."),
    *("ai.prompt", "ai.response.", "pydantic_ai.", "all_messages", "events", "model_request_parameters"),
    "gen_ai.tool.definitions",
)
_MOST_NAMES, _LONGEST_NAME = 200, 200  # strangers choose the names: what is kept of them is bounded


@dataclass(frozen=True, slots=True)
class Shape:
    """Which names are of lists, feed a field or are noise, and whether any can hold what was said or offered."""

    listed: tuple[tuple[str, Place], ...]
    slots: tuple[tuple[str, int, str], ...]
    noise: tuple[str, ...]
    speaks: bool


def shape_of(attributes: Attributes) -> Shape:
    """The shape of these attributes."""
    given = tuple(attributes)
    if len(given) > _MOST_NAMES or max(map(len, given), default=0) > _LONGEST_NAME:
        return _shape(given)
    return _known_shape(given)


def _shape(given: tuple[str, ...]) -> Shape:
    placed = ((name, place_of(name)) for name in given)
    return Shape(
        listed=tuple((name, place) for name, place in placed if place is not None),
        slots=tuple(sorted((*names.SLOTS[name], name) for name in given if name in names.SLOTS)),
        noise=tuple(name for name in given if name in names.NOISE),
        speaks=any(name.startswith(_SPEAKS) for name in given),
    )


_known_shape = lru_cache(maxsize=2048)(_shape)
