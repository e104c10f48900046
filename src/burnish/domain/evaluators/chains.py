"""Evaluators that wait for another's result: in which order they run, and which wiring is wrong."""

import difflib
from collections.abc import Sequence

from burnish.domain.evaluators.base import Evaluator
from burnish.errors import ConfigError

__all__ = ["waves"]


def waves(evaluators: Sequence[Evaluator]) -> list[list[Evaluator]]:
    """The evaluators in rounds: each one after the one that its `applies.when` names, otherwise in the order given.

    Raises ConfigError for a name that is not among them, a circle, and what cannot be chained: sessions.
    """
    by_name = {evaluator.name: evaluator for evaluator in evaluators}
    for evaluator in evaluators:
        _check(evaluator, by_name)
    found: list[list[Evaluator]] = []
    done: set[str] = set()
    waiting = list(evaluators)
    while waiting:
        wave = [one for one in waiting if one.applies.when is None or one.applies.when.evaluator in done]
        if not wave:
            raise ConfigError(
                f"evaluators wait for each other in a circle: {_circle(waiting[0], by_name)}; take one `when` out"
            )
        found.append(wave)
        done |= {one.name for one in wave}
        waiting = [one for one in waiting if one.name not in done]
    return found


def _check(evaluator: Evaluator, by_name: dict[str, Evaluator]) -> None:
    if evaluator.level == "session" and evaluator.needs_feedback:
        raise ConfigError(f"evaluator '{evaluator.name}': what users say is read trace by trace; take level out")
    when = evaluator.applies.when
    if when is None:
        return
    if when.evaluator not in by_name:
        near = difflib.get_close_matches(when.evaluator, by_name, n=1)
        hint = f"did you mean '{near[0]}'?" if near else "add it to the agent's evaluators"
        raise ConfigError(f"evaluator '{evaluator.name}' waits for '{when.evaluator}', which is not there; {hint}")
    if by_name[when.evaluator].compares_arms:
        raise ConfigError(
            f"evaluator '{evaluator.name}' waits for '{when.evaluator}', which compares the arms of experiments and "
            "says nothing of a trace"
        )
    if "session" in (evaluator.level, by_name[when.evaluator].level):
        raise ConfigError(
            f"evaluator '{evaluator.name}' waits for '{when.evaluator}': evaluators of sessions cannot be chained"
        )


def _circle(start: Evaluator, by_name: dict[str, Evaluator]) -> str:
    path: list[str] = []
    one = start
    while one.name not in path:
        path.append(one.name)
        assert one.applies.when is not None  # only such evaluators are left
        one = by_name[one.applies.when.evaluator]
    return " → ".join([*path[path.index(one.name) :], one.name])
