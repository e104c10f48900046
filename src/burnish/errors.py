"""Every error burnish raises on purpose.

    BurnishError
    ├── ConfigError            a file or setting of the user's is wrong
    ├── InputError             data handed in (a body, a file, an argument) is wrong
    │   └── EditError          a search/replace edit does not apply
    ├── NotFoundError          an id names nothing in the store
    ├── StoreError             the database refused or is at the wrong version
    ├── ModelError             a model call failed for good
    │   ├── TransientModelError    worth trying again: 429, 5xx, time-out, connection
    │   └── BudgetExceededError    the night's money or calls are used up
    ├── SourceError            a store of traces could not be read from or written to
    ├── TargetError            the agent could not be run at all (wiring, not a wrong answer)
    ├── PublishError           git or the forge refused
    └── LeaseHeldError         another process is already working on this night

An error carries its facts as positional arguments, so that it survives pickling between processes, and its text says
what to do next. Expected failure inside the loop (a crashed evaluator, a failed run) is a value, not one of these.
"""


class BurnishError(Exception):
    """Base of all deliberate errors; `str(error)` is fit to show to a user as it is."""


class ConfigError(BurnishError):
    """A configuration file, setting or environment variable is wrong."""


class InputError(BurnishError):
    """Data handed to burnish (a request body, a file, an argument) cannot be used."""


class EditError(InputError):
    """A search/replace edit does not apply: no match, several matches, a forbidden file, a lost variable."""


class NotFoundError(BurnishError):
    """An id names nothing in the store."""


class StoreError(BurnishError):
    """The database refused an operation or has an unexpected schema version."""


class ModelError(BurnishError):
    """A model call failed for good."""


class TransientModelError(ModelError):
    """A model call failed in a way that may pass: 429, 5xx, a time-out, a broken connection."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message, retry_after)
        self.retry_after = retry_after

    def __str__(self) -> str:
        return str(self.args[0])


class BudgetExceededError(ModelError):
    """The budget of money or calls for this night is used up."""


class SourceError(BurnishError):
    """A store of traces (LangSmith, Phoenix, …) refused, answered nonsense or could not be reached."""


class TargetError(BurnishError):
    """The agent could not be run at all: the wiring is wrong, not its answer."""


class PublishError(BurnishError):
    """Git or the forge refused."""


class LeaseHeldError(BurnishError):
    """Another live process already works on the same night; `holder` is the name it gave."""

    def __init__(self, message: str, holder: str = "") -> None:
        super().__init__(message, holder)
        self.holder = holder

    def __str__(self) -> str:
        return str(self.args[0])
