"""Open the source that an agent's file names: burnish's own kinds, and those that installed packages register.

A package registers a kind with an entry point in the group `burnish.sources`: its name is the kind, its value a
function `open(context: SourceContext) -> Source | WindowedSource`.
"""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from burnish.adapters.sources.base import Batch, Source, WindowedSource
from burnish.errors import BurnishError, ConfigError
from burnish.project import SourceConfig

__all__ = ["BUILT_IN", "ENTRY_POINTS", "EndpointSource", "SourceContext", "open_source"]

ENTRY_POINTS = "burnish.sources"

# kind -> "module:function" that opens it, imported when asked for.
BUILT_IN = {
    "endpoint": "burnish.adapters.sources.registry:open_endpoint",
    "inspect": "burnish.adapters.sources.inspect:open_inspect",
    "jsonl": "burnish.adapters.sources.jsonl:open_jsonl",
    "langfuse": "burnish.adapters.sources.langfuse:open_langfuse",
    "langsmith": "burnish.adapters.sources.langsmith:open_langsmith",
    "mlflow": "burnish.adapters.sources.mlflow:open_mlflow",
    "openai_chat": "burnish.adapters.sources.chatlogs:open_openai_chat",
    "otlp": "burnish.adapters.sources.files:open_otlp",
    "phoenix": "burnish.adapters.sources.phoenix:open_phoenix",
}


@dataclass(frozen=True)
class SourceContext:
    """What a source is opened with. `environ` is where `secret` looks up the variables that the config names."""

    config: SourceConfig
    agent: str
    project: Path
    environ: Callable[[str], str | None]

    @property
    def where(self) -> str:
        """The beginning of an error about this source."""
        return f"[source] of agent '{self.agent}'"

    def path(self) -> Path:
        """The configured path, absolute.

        Raises ConfigError where there is none, or where it does not exist and is no pattern.
        """
        given = self.config.path
        if not given:
            raise ConfigError(f"{self.where}: kind = '{self.config.kind}' needs path, a file, folder or glob")
        path = (self.project / Path(given).expanduser()).absolute()
        if not path.exists() and not any(character in given for character in "*?["):
            raise ConfigError(f"{self.where}: path = '{given}' does not exist; looked at {path}")
        return path

    def url(self, default: str | None = None) -> str:
        """The server's address without a slash at its end. Raises ConfigError where there is none."""
        url = self.config.url or default
        if not url:
            raise ConfigError(f"{self.where}: kind = '{self.config.kind}' needs url, the server's address")
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"{self.where}: url = '{url}' must start with http:// or https://")
        return url.rstrip("/")

    def need_project(self, what: str) -> str:
        """The configured project. `what` says what the kind calls one. Raises ConfigError where there is none."""
        if not self.config.project:
            raise ConfigError(f"{self.where}: kind = '{self.config.kind}' needs project, {what}")
        return self.config.project

    def secret(self, name: str | None, default: str | None = None) -> str | None:
        """The value of the environment variable `name`, else of `default`; None where neither is named or set.

        Raises ConfigError where the config names a variable that is not set.
        """
        if name is None:
            return None if default is None else self.environ(default)
        value = self.environ(name)
        if not value:
            raise ConfigError(f"{self.where} names the environment variable {name}, which is not set")
        return value

    def key_advice(self, name: str | None, default: str) -> str:
        """What to do where the server refuses the key that `secret` looked up, or that there is none."""
        variable = name or default
        return f"check the key in {variable}" if self.environ(variable) else f"it asks for a key: set {variable}"


class EndpointSource:
    """The source of an agent whose traces arrive by POST /v1/traces: there is nothing to pull."""

    name = "endpoint"

    def read(self) -> Iterator[Batch]:
        """Yield nothing."""
        return iter(())


def open_endpoint(context: SourceContext) -> EndpointSource:
    """The source of kind `endpoint`."""
    return EndpointSource()


def open_source(context: SourceContext) -> Source | WindowedSource:
    """The source that the context's config names.

    Raises ConfigError where no such kind is known, naming the nearest one, where its package fails, or where its
    settings are wrong.
    """
    kind = context.config.kind
    if kind in BUILT_IN:
        module, _, function = BUILT_IN[kind].partition(":")
        opened = getattr(import_module(module), function)(context)
    else:
        opened = _open_registered(context, kind)
    if not isinstance(opened, (Source, WindowedSource)):
        raise ConfigError(f"{context.where}: what '{kind}' opens has neither read() nor read_window()")
    return opened


def _open_registered(context: SourceContext, kind: str) -> object:
    points = entry_points(group=ENTRY_POINTS)
    found = {point.value: point for point in points if point.name == kind}
    if not found:
        known = sorted({*BUILT_IN, *(point.name for point in points)})
        near = difflib.get_close_matches(kind, known, n=1)
        hint = f"did you mean '{near[0]}'? There are" if near else "there are"
        raise ConfigError(f"{context.where}: no source of kind '{kind}'; {hint}: {', '.join(known)}")
    if len(found) > 1:
        both = " and ".join(f"{value} ({_package(point)})" for value, point in sorted(found.items()))
        raise ConfigError(f"{context.where}: '{kind}' is registered twice: {both}; uninstall one of them")
    ((value, point),) = found.items()
    try:
        return point.load()(context)
    except BurnishError:
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise ConfigError(
            f"{context.where}: {value} of {_package(point)}, which opens '{kind}', fails: {told}"
        ) from error


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unknown package"
