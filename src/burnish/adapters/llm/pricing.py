"""What a call costs, by the prices the user gave."""

from burnish.domain.base import Value
from burnish.domain.traces import Usage
from burnish.errors import ModelError, TransientModelError

__all__ = ["PaidModelError", "PaidTransientError", "Prices"]

_UNKNOWN = Usage()


class PaidModelError(ModelError):
    """An answer came and cost `cost_usd` (None: unknown), yet it cannot be used: empty, refused, or not as asked.

    `usage` is what it counted, a first answer that did not fit included.
    """

    def __init__(self, message: str, cost_usd: float | None = None, usage: Usage = _UNKNOWN) -> None:
        super().__init__(message, cost_usd, usage)
        self.cost_usd = cost_usd
        self.usage = usage

    def __str__(self) -> str:
        return str(self.args[0])


class PaidTransientError(PaidModelError, TransientModelError):
    """A first answer was paid and did not fit, and the call that asked again failed in a way that may pass."""

    def __init__(
        self,
        message: str,
        cost_usd: float | None = None,
        retry_after: float | None = None,
        usage: Usage = _UNKNOWN,
    ) -> None:
        Exception.__init__(self, message, cost_usd, retry_after, usage)
        self.cost_usd = cost_usd
        self.retry_after = retry_after
        self.usage = usage


class Prices(Value):
    """US dollars a million tokens, both or no cost. There is no table of models: list prices change without notice.

    Cached input is charged in full, as its discount differs between endpoints: a cost is never too low.
    """

    input: float | None = None
    output: float | None = None

    def cost(self, usage: Usage) -> float | None:
        """Dollars of a call; None where a price or a count is unknown. A free model costs 0 whatever it counts."""
        if self.input is None or self.output is None:
            return None
        if self.input == self.output == 0:
            return 0.0
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        return (usage.input_tokens * self.input + usage.output_tokens * self.output) / 1e6
