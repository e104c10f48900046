"""Open the source that an agent's file names."""

from collections.abc import Iterator
from pathlib import Path

from burnish.adapters.sources.base import Batch, Source
from burnish.errors import ConfigError
from burnish.project import SourceConfig

__all__ = ["EndpointSource", "open_source"]


class EndpointSource:
    """The source of an agent whose traces arrive by POST /v1/traces: there is nothing to pull."""

    name = "endpoint"

    def read(self) -> Iterator[Batch]:
        """Yield nothing."""
        return iter(())


def open_source(config: SourceConfig, agent: str, project: Path) -> Source:
    """The source of `config` for `agent`; its path is relative to `project`.

    Raises ConfigError where the kind needs a path and has none, or where the path does not exist and is no pattern.
    """
    if config.kind == "endpoint":
        return EndpointSource()
    if not config.path:
        raise ConfigError(f"[source] of agent '{agent}': kind = '{config.kind}' needs path, a file, folder or glob")
    path = (project / Path(config.path).expanduser()).absolute()
    if not path.exists() and not any(character in config.path for character in "*?["):
        raise ConfigError(f"[source] of agent '{agent}': path = '{config.path}' does not exist; looked at {path}")
    if config.kind == "jsonl":
        from burnish.adapters.sources.jsonl import JsonlSource

        return JsonlSource(path, agent)
    from burnish.adapters.sources.files import OtlpFilesSource

    return OtlpFilesSource(path, agent)
