"""A trace that both a judge and people scored, with what tells when and where it came from."""

from datetime import datetime
from typing import NamedTuple

from burnish.domain.agreement import Rating

__all__ = ["Compared"]


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
