"""A kind's own settings, `options` in an agent's file, read with errors that say what is allowed."""

from collections.abc import Sequence

from burnish.adapters.sources.registry import SourceContext
from burnish.domain.nearest import nearest
from burnish.errors import ConfigError

__all__ = ["names_in", "number_in", "refuse_unknown"]


def refuse_unknown(context: SourceContext, known: Sequence[str]) -> None:
    """Raise ConfigError where options hold what the kind does not know."""
    for name in context.config.options:
        if name not in known:
            raise ConfigError(
                f"{context.where}: kind = '{context.config.kind}' has no option '{name}'; {nearest(name, known)}"
            )


def names_in(context: SourceContext, option: str) -> tuple[str, ...]:
    """A list of names, also where it is one name by itself; empty where it is not set. Raises ConfigError."""
    value = context.config.options.get(option, [])
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(one, str) and one for one in listed):
        raise ConfigError(f"{context.where}: options.{option} must be a list of names, not {value!r}")
    return tuple(one for one in listed if isinstance(one, str))


def number_in(context: SourceContext, option: str, default: int, least: int, most: int) -> int:
    """A whole number between `least` and `most`, `default` where it is not set. Raises ConfigError."""
    value = context.config.options.get(option, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigError(f"{context.where}: options.{option} must be a number from {least} to {most}, not {value!r}")
    return value
