"""By what traces are told apart before anybody reads them: one set of conditions for evaluators and queues alike.

`listing.TraceQuery` asks a store for the same.
"""

from typing import Protocol

from burnish.domain.base import Value
from burnish.domain.traces import SpanStatus

__all__ = ["Featured", "Features"]


class Featured(Protocol):
    """A trace, or its row in a list."""

    @property
    def name(self) -> str:
        """What the agent's execution is called."""
        ...

    @property
    def environment(self) -> str | None:
        """Where it ran."""
        ...

    @property
    def release(self) -> str | None:
        """The version of the agent's code."""
        ...

    @property
    def prompt_version(self) -> str | None:
        """The version of its prompt."""
        ...

    @property
    def model(self) -> str | None:
        """Its main model."""
        ...

    @property
    def status(self) -> SpanStatus:
        """How it ended."""
        ...

    @property
    def latency_s(self) -> float | None:
        """Seconds it took; None while it is open."""
        ...


class Features(Value):
    """Conditions on a trace; everything set must hold. Texts are compared whole, `model` with the trace's main one.

    An open trace has no latency and meets no `min_latency_s`.
    """

    name: str | None = None
    environment: str | None = None
    release: str | None = None
    prompt_version: str | None = None
    model: str | None = None
    status: SpanStatus | None = None
    min_latency_s: float | None = None

    @property
    def asks_anything(self) -> bool:
        """Whether any of these conditions is set."""
        return any(getattr(self, name) is not None for name in Features.model_fields)

    def fits(self, trace: Featured) -> bool:
        """Whether the trace meets them."""
        if self.name is not None and trace.name != self.name:
            return False
        if self.environment is not None and trace.environment != self.environment:
            return False
        if self.release is not None and trace.release != self.release:
            return False
        if self.prompt_version is not None and trace.prompt_version != self.prompt_version:
            return False
        if self.status is not None and trace.status is not self.status:
            return False
        if self.model is not None and trace.model != self.model:
            return False
        if self.min_latency_s is None:
            return True
        latency = trace.latency_s
        return latency is not None and latency >= self.min_latency_s
