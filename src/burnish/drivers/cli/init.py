"""`burnish init`: a runnable project, from the files that travel inside the package."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["InitReport", "init", "project_files", "write_project"]

FOLDERS = ("flows", "tasks", "config")
AGENT_NAME = r"^[a-z0-9][a-z0-9._-]*$"
IGNORED = (".burnish/", ".env", "__pycache__/")
SAMPLE = "my-agent"
SAMPLE_FILE = Path(__file__).parent / "templates" / "agent.toml"


@dataclass
class InitReport:
    """Paths relative to the project: written, and kept because they were there."""

    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The project's folder. Default: the current one.")
    ] = Path(),
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="NAME", help="Name of the sample agent. Default: my-agent.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
) -> None:
    """Write a runnable project: config/, flows/, tasks/, prefect.yaml."""
    import re

    from burnish.drivers.cli.output import advise
    from burnish.project import agent_names

    if agent is not None and not re.fullmatch(AGENT_NAME, agent):
        raise typer.BadParameter(
            f"'{agent}' is no agent name: small letters, digits, '.', '_' and '-'", param_hint="--agent"
        )
    folder = folder.expanduser()
    name = agent or (None if agent_names(folder) else SAMPLE)
    report = write_project(folder, force=force, agent=name)
    for path in report.written:
        typer.echo(f"wrote {path}")
    for path in report.kept:
        typer.echo(f"kept  {path}")
    if report.kept:
        advise("Kept files are as they were; --force overwrites them.")
    first = name or agent_names(folder)[0]
    advise(
        f"Next: edit {folder / 'config' / 'agents' / f'{first}.toml'}, then `burnish --project {folder} serve` "
        "and send traces to /v1/traces."
    )


def project_files() -> Path:
    """The folder that holds flows/, tasks/, config/ and examples/: inside the wheel, or the repository's root.

    Raises ConfigError where the installation holds neither.
    """
    import burnish
    from burnish.errors import ConfigError

    package = Path(burnish.__file__).resolve().parent
    for found in (package / "_project", package.parent.parent):
        if (found / "flows" / "nightly.py").is_file():
            return found
    raise ConfigError(f"{package} holds no project files; install burnish again: pip install --force-reinstall burnish")


def write_project(folder: Path, *, force: bool, agent: str | None = None) -> InitReport:
    """Write what a project needs into `folder`, overwriting nothing unless `force`; `agent` adds a sample of that name.

    Raises ConfigError where the folder cannot be written.
    """
    from burnish.errors import ConfigError

    source = project_files()
    report = InitReport()
    try:
        for origin, relative in _template_files(source):
            _copy(origin, folder, relative, force, report)
        for name in ("agents", "evaluators", "rubrics"):
            (folder / "config" / name).mkdir(parents=True, exist_ok=True)
        if agent is not None:
            _copy(SAMPLE_FILE, folder, Path(f"config/agents/{agent}.toml"), force, report)
        _ignore(folder / ".gitignore", report)
    except OSError as error:
        raise ConfigError(f"cannot write {error.filename or folder}: {error.strerror}") from error
    return report


def _template_files(source: Path) -> list[tuple[Path, Path]]:
    found = [
        (path, path.relative_to(source))
        for folder in FOLDERS
        for path in sorted((source / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    ]
    # The sample agent comes from the template, under the name that was asked for.
    kept = [(path, relative) for path, relative in found if relative.parts[:2] != ("config", "agents")]
    return [*kept, (source / "prefect.yaml", Path("prefect.yaml"))]


def _copy(origin: Path, folder: Path, relative: Path, force: bool, report: InitReport) -> None:
    goal = folder / relative
    if goal.exists() and not force:
        if goal.read_bytes() != origin.read_bytes():
            report.kept.append(relative.as_posix())
        return
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(origin, goal)
    report.written.append(relative.as_posix())


def _ignore(path: Path, report: InitReport) -> None:
    present = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    missing = [entry for entry in IGNORED if entry not in present]
    if missing:
        path.write_text("\n".join([*present, *missing]) + "\n", encoding="utf-8")
        report.written.append(path.name)
