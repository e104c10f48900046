"""The worlds that come by name: nothing to find, something to find, and what goes wrong in practice."""

from burnish.domain.simulation.world import World

__all__ = ["WORLDS", "world_named"]

# One night in five holds one real candidate among four.
WORLDS: dict[str, tuple[str, World]] = {
    "nothing": ("nothing ever improves", World()),
    "gain5": ("one night in five, one of four candidates gains 5 points", World(effect=0.05, real_every=5)),
    "gain10": ("one night in five, one of four candidates gains 10 points", World(effect=0.10, real_every=5)),
    "gain15": ("one night in five, one of four candidates gains 15 points", World(effect=0.15, real_every=5)),
    "drift": ("nothing improves; the provider drifts by 5 points from night to night", World(drift=0.05)),
    "judge": ("nothing improves; the judge takes 5 % of a candidate's wrong answers for right", World(judge_bias=0.05)),
    "leak": ("nothing improves; candidates know 15 % of the held-out answers by heart", World(leak=0.15)),
    "lost": ("nothing improves; 20 % of a candidate's wrong answers time out", World(lost=0.2)),
}


def world_named(name: str, **changes: int | float | None) -> World:
    """The world of that name, with the fields that are not None changed."""
    return WORLDS[name][1].model_copy(update={key: value for key, value in changes.items() if value is not None})
