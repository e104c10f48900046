"""What a call costs, by the prices the user gave."""

from burnish.domain.base import Value
from burnish.domain.chat import ChatRequest
from burnish.domain.traces import Usage
from burnish.errors import ModelError

__all__ = ["LOCAL", "PaidModelError", "Prices"]


class PaidModelError(ModelError):
    """An answer came and cost `cost_usd` (None: unknown), yet it cannot be used: empty, refused, or not as asked."""

    def __init__(self, message: str, cost_usd: float | None = None) -> None:
        super().__init__(message, cost_usd)
        self.cost_usd = cost_usd

    def __str__(self) -> str:
        return str(self.args[0])


class Prices(Value):
    """US dollars a million tokens. There is no table of models here: list prices change, and a guess is worse than None.

    Cached input is charged in full, as its discount differs between endpoints: a cost is never too low.
    """

    input: float | None = None
    output: float | None = None

    @property
    def known(self) -> bool:
        """Whether a call can be priced."""
        return self.input is not None and self.output is not None

    def cost(self, usage: Usage) -> float | None:
        """Dollars of a call; None where a price or a count is unknown. Free models cost 0 whatever they count."""
        if self.input is None or self.output is None:
            return None
        if self.input == self.output == 0:
            return 0.0
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        return (usage.input_tokens * self.input + usage.output_tokens * self.output) / 1e6

    def at_most(self, request: ChatRequest) -> float:
        """Dollars that one answer to `request` may cost, as no token is shorter than a byte. 0 where unpriced."""
        if self.input is None or self.output is None:
            return 0.0
        size = len(request.model_dump_json(include={"messages", "response_schema", "tools"}).encode())
        answers = 1 if request.response_schema is None else 2  # JSON that does not fit is asked for once more
        return answers * (size * self.input + request.max_tokens * self.output) / 1e6


LOCAL = Prices(input=0.0, output=0.0)
