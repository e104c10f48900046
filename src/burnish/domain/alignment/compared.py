"""A trace that both a judge and people scored, whose words on it count, and what that comes to."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from burnish.domain.agreement import Rating
from burnish.domain.feedback import ADJUDICATED
from burnish.domain.raters import RaterAgreement, raters_agree

__all__ = ["Compared", "Spoken", "beside_majority", "blind", "ceiling", "counting"]


class Spoken(Protocol):
    """What a person said, as far as it matters for whose word counts: `Feedback`, or a row of it."""

    @property
    def key(self) -> str:
        """What it is about, which may be a judge's name."""
        ...

    @property
    def version(self) -> str:
        """ADJUDICATED where an expert decided."""
        ...


L = TypeVar("L", bound=Spoken)


class Compared(NamedTuple):
    """One trace's scores side by side.

    `rating` has people's scores that count; `blind` all that people gave before an expert decided between them.
    `started_at` is of the trace, `labelled_at` of the newest label that counts. Traces of one `session` are not
    independent of each other.
    """

    trace_id: str
    rating: Rating
    blind: tuple[float, ...]
    started_at: datetime
    labelled_at: datetime
    session: str | None


def counting(labels: Sequence[L], key: str) -> tuple[L, ...]:
    """Whose word counts: of what was said under the judge's own key, else of all, that of who decided, else all."""
    asked = _asked(labels, key)
    return tuple([one for one in asked if one.version == ADJUDICATED] or asked)


def blind(labels: Sequence[L], key: str) -> tuple[L, ...]:
    """What people said without having seen each other's words: no expert's decision."""
    return tuple(one for one in _asked(labels, key) if one.version != ADJUDICATED)


def beside_majority(ratings: Iterable[Rating], pass_at: float) -> RaterAgreement:
    """The judge and the people's decision as two raters who pass or fail; ties are left out."""
    said = ((one.passed(pass_at), one.judge >= pass_at) for one in ratings)
    return raters_agree([(float(judge), float(people)) for people, judge in said if people is not None], "nominal", 2)


def ceiling(blind_scores: Iterable[Sequence[float]], pass_at: float) -> RaterAgreement:
    """How far people agree with each other, by trace, before anybody decided: beyond it no judge can be measured."""
    return raters_agree([[float(score >= pass_at) for score in one] for one in blind_scores], "nominal", 2)


def _asked(labels: Sequence[L], key: str) -> Sequence[L]:
    return [one for one in labels if one.key == key] or labels
