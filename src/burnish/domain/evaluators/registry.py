"""Which evaluators there are: kind to class, ours and those of installed packages."""

from importlib.metadata import EntryPoint, entry_points
from typing import Final

from burnish.domain.evaluators.base import Evaluator
from burnish.domain.evaluators.format import Format, Length
from burnish.domain.evaluators.functions import PythonFunction
from burnish.domain.evaluators.grounding import Citations, Grounded
from burnish.domain.evaluators.judge import Judge
from burnish.domain.evaluators.limits import CostLimit, LatencyLimit, NoError, TokenLimit
from burnish.domain.evaluators.pairwise import Pairwise
from burnish.domain.evaluators.panel import Panel
from burnish.domain.evaluators.pii import PiiLeak
from burnish.domain.evaluators.refusal import Language, Refusal
from burnish.domain.evaluators.signals import UserFeedback
from burnish.domain.evaluators.structure import JsonSchema, Numeric
from burnish.domain.evaluators.text import Contains, ExactMatch, FuzzyMatch, Regex
from burnish.domain.evaluators.tools import ToolArguments, ToolCalls, ToolSelection
from burnish.domain.evaluators.trajectory import Loops, RepeatedCalls, StepLimit, ToolErrors, ToolOrder, ToolsUsed
from burnish.domain.nearest import nearest
from burnish.errors import ConfigError

__all__ = ["BUILT_IN", "GROUP", "evaluator_class", "kinds"]

GROUP: Final = "burnish.evaluators"
"""Entry point group in which a package names its own evaluators: `kind = "module:Class"`."""

BUILT_IN: Final[dict[str, type[Evaluator]]] = {
    cls.kind: cls
    for cls in (
        Citations,
        Contains,
        CostLimit,
        ExactMatch,
        Format,
        FuzzyMatch,
        Grounded,
        JsonSchema,
        Judge,
        Language,
        LatencyLimit,
        Length,
        Loops,
        NoError,
        Numeric,
        Pairwise,
        Panel,
        PiiLeak,
        PythonFunction,
        Refusal,
        Regex,
        RepeatedCalls,
        StepLimit,
        TokenLimit,
        ToolArguments,
        ToolCalls,
        ToolErrors,
        ToolOrder,
        ToolSelection,
        ToolsUsed,
        UserFeedback,
    )
}


def kinds() -> dict[str, type[Evaluator]]:
    """Every kind there is, sorted. Raises ConfigError naming an installed evaluator that cannot be loaded."""
    found = {**BUILT_IN, **{name: _load(point) for name, point in _installed().items()}}
    return dict(sorted(found.items()))


def evaluator_class(kind: str) -> type[Evaluator]:
    """The class of a kind; an installed one is imported only when it is asked for.

    Raises ConfigError naming the nearest kind.
    """
    if kind in BUILT_IN:
        return BUILT_IN[kind]
    installed = _installed()
    if kind in installed:
        return _load(installed[kind])
    known = sorted({*BUILT_IN, *installed})
    raise ConfigError(f"unknown evaluator kind '{kind}'; {nearest(kind, known)}")


def _installed() -> dict[str, EntryPoint]:
    """Installed kinds by name; ours cannot be replaced."""
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in BUILT_IN}


def _load(point: EntryPoint) -> type[Evaluator]:
    where = f"evaluator kind '{point.name}' ({point.value})"
    try:
        found = point.load()
    except Exception as error:  # another package's module may raise anything while it is imported
        raise ConfigError(f"{where} cannot be imported: {type(error).__name__}: {error}; fix or remove it") from error
    if not (isinstance(found, type) and issubclass(found, Evaluator)):
        raise ConfigError(f"{where} is not a burnish Evaluator class; fix or remove the package that names it")
    if getattr(found, "kind", None) != point.name:
        raise ConfigError(f"{where}: its class says kind '{getattr(found, 'kind', None)}'; make them equal")
    return found
