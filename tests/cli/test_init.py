"""`burnish init` and what it leaves alone."""

import subprocess
from pathlib import Path

import pytest
from cli.conftest import run
from typer.testing import CliRunner, Result

from burnish.domain.evaluators.specs import load_evaluators
from burnish.drivers.cli.app import app
from burnish.drivers.cli.init import project_files, write_project
from burnish.errors import ConfigError
from burnish.project import load_agent


def init(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["init", *arguments])


def test_a_fresh_project_has_everything_a_run_needs(tmp_path: Path) -> None:
    """Flows, tasks, configuration, an agent, and a .gitignore that keeps the database out."""
    folder = tmp_path / "new"
    assert 0 == init(str(folder)).exit_code
    for path in ("flows/nightly.py", "tasks/enrich.py", "prefect.yaml", "config/agents/my-agent.toml"):
        assert (folder / path).is_file(), path
    assert ".burnish/" in (folder / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_the_sample_agent_is_valid_and_its_evaluators_are_there(tmp_path: Path) -> None:
    """The sample loads as it is, and every evaluator it names comes with the project."""
    assert 0 == init(str(tmp_path), "--agent", "desk").exit_code
    config = load_agent(tmp_path, "desk")
    names = [one.name for one in load_evaluators(tmp_path / "config" / "evaluators", config.evaluators)]
    assert list(config.evaluators) == names
    assert config.improve.metric in names


def test_what_is_there_is_kept_and_listed(tmp_path: Path) -> None:
    """A second init writes nothing over a changed file, and says which it kept; --force overwrites."""
    init(str(tmp_path))
    changed = tmp_path / "flows" / "nightly.py"
    changed.write_text("# mine\n", encoding="utf-8")
    assert "kept  flows/nightly.py" in init(str(tmp_path)).stdout.splitlines()
    assert "# mine\n" == changed.read_text(encoding="utf-8")
    assert "wrote flows/nightly.py" in init(str(tmp_path), "--force").stdout.splitlines()
    assert "# mine\n" != changed.read_text(encoding="utf-8")


def test_a_project_with_agents_gets_no_sample(tmp_path: Path) -> None:
    """Init again adds no my-agent beside the agents that are there."""
    init(str(tmp_path), "--agent", "desk")
    init(str(tmp_path), "--force")
    assert ["desk.toml"] == [path.name for path in (tmp_path / "config" / "agents").iterdir()]


def test_gitignore_lines_are_added_once(tmp_path: Path) -> None:
    """Lines of the user's stay, ours come once."""
    (tmp_path / ".gitignore").write_text("mine\n.env", encoding="utf-8")
    write_project(tmp_path, force=False)
    write_project(tmp_path, force=False)
    assert ["mine", ".env", ".burnish/", "__pycache__/"] == (tmp_path / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("name", ["Desk", "../desk", "a b", ""])
def test_a_name_that_is_no_agent_name_is_refused(tmp_path: Path, name: str) -> None:
    """Bad names are wrong usage, and nothing is written."""
    assert 2 == init(str(tmp_path), "--agent", name).exit_code
    assert [] == list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """A file where the folder should be is an error to act on."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = run("init", str(tmp_path / "file"), cwd=tmp_path)
    assert (1, 1) == (done.returncode, done.stderr.count("\n"))


def test_the_template_is_the_repository_itself() -> None:
    """An editable installation takes the files from the repository's root."""
    assert (project_files() / "pyproject.toml").exists() or (project_files() / "flows").is_dir()


def test_a_written_project_is_seen_by_run(tmp_path: Path) -> None:
    """`burnish run` in a new project knows its agent and refuses another by name."""
    init(str(tmp_path))
    done: subprocess.CompletedProcess[str] = run("run", "pull_and_enrich", "--agent", "other", cwd=tmp_path)
    assert 2 == done.returncode
    assert "my-agent" in done.stderr


def test_a_project_of_an_earlier_version_is_told_how_to_get_a_new_flow(tmp_path: Path) -> None:
    """A flow that its folder lacks is advice in one line, before a server is started."""
    init(str(tmp_path))
    (tmp_path / "flows" / "align_judges.py").unlink()
    told = CliRunner().invoke(app, ["--project", str(tmp_path), "run", "align_judges"])
    assert isinstance(told.exception, ConfigError)
    assert "no flows/align_judges.py; run `burnish init` there" in str(told.exception)
    assert "wrote flows/align_judges.py" in init(str(tmp_path)).stdout.splitlines()
