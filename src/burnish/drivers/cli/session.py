"""What every command starts from: the project's settings and its store, each opened when first asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from burnish.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from burnish.adapters.store import Store
    from burnish.domain.datasets import SplitRule
    from burnish.loop.screen import Screens
    from burnish.settings import Settings

__all__ = ["AsJson", "Group", "NoStoreError", "OfAgent", "Session"]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: whole ids, times in UTC.")]
OfAgent = Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Only this agent's.")]


class NoStoreError(NotFoundError):
    """The project has no database yet, so there is nothing to read."""


class Group(typer.core.TyperGroup):
    """A group of commands whose `list` may be left out: `burnish clusters` is `burnish clusters list`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `list` in front unless a command or a request for help stands there."""
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


class Session:
    """One call of `burnish`."""

    def __init__(self, project: Path | None = None) -> None:
        self._project = project
        self._settings: Settings | None = None

    @classmethod
    def of(cls, context: typer.Context) -> "Session":
        """The session of the command at work."""
        found: Session = context.ensure_object(cls)
        return found

    @property
    def settings(self) -> "Settings":
        """The settings of the project: the environment, then the project's `.env`.

        Raises ConfigError naming the variable that is wrong.
        """
        if self._settings is None:
            self._settings = _settings(self._project)
        return self._settings

    def split_rule(self, agent: str) -> "SplitRule":
        """The agent's [splits]; the defaults where the project has no file for it (any more)."""
        from burnish.domain.datasets import SplitRule
        from burnish.project import load_agent

        try:
            return load_agent(self.settings.project, agent).splits
        except NotFoundError:
            return SplitRule()

    def screens(self, agent: str | None) -> "Screens":
        """The rules by which the agent's texts are redacted; the defaults where the project has no file for it."""
        from burnish.loop.screen import Screens
        from burnish.project import load_agent

        try:
            return Screens([] if agent is None else [load_agent(self.settings.project, agent)])
        except NotFoundError:
            return Screens()

    @contextmanager
    def store(self) -> Iterator["Store"]:
        """The store, migrated. Raises NoStoreError where a reader would have to create it."""
        settings = self.settings
        if settings.store_url.startswith("sqlite:///"):
            path = Path(settings.store_url.removeprefix("sqlite:///")).expanduser()
            if not path.exists():
                raise NoStoreError(
                    f"nothing is recorded yet: {path} does not exist. `burnish demo` shows the whole loop; "
                    "`burnish init` and `burnish serve` start a project; --project names another folder"
                )
        from burnish.adapters.store import Store

        with Store.open(settings.store_url) as store:
            yield store


def _settings(project: Path | None) -> "Settings":
    from pydantic import ValidationError

    from burnish.settings import Settings

    try:
        folder = (project if project is not None else Settings().project).expanduser().resolve()
        if not folder.is_dir():
            raise ConfigError(f"the project folder {folder} does not exist; `burnish init {folder}` makes it")
        return Settings(project=folder, _env_file=folder / ".env")
    except ValidationError as error:
        first = error.errors()[0]
        name = "BURNISH_" + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigError(f"{name}: {first['msg']}") from error
