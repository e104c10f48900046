"""Where a changed judge goes: its files, the repository of the project, and the patch in place of one."""

from pathlib import Path

import pytest
from support.repositories import git

from burnish.adapters.publishing.project_files import find_project_repository
from burnish.domain.evaluators.judge import Judge, JudgeExample
from burnish.domain.evaluators.specs import load_evaluators
from burnish.errors import EditError
from burnish.loop.aligning.files import applied, changed_files
from burnish.project import RepositoryConfig

AGENTS = RepositoryConfig(url="https://github.com/acme/desk.git", forge="github", repository="acme/desk")


def project(folder: Path, spec: str, **rubrics: str) -> Judge:
    for path, text in {"evaluators/judges.yaml": spec, **{f"rubrics/{k}.yaml": v for k, v in rubrics.items()}}.items():
        (folder / "config" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "config" / path).write_text(text)
    judge = load_evaluators(folder / "config" / "evaluators", ["polite"])[0]
    assert isinstance(judge, Judge)
    return judge


def test_a_rubric_of_its_own_is_changed_where_it_stands(tmp_path: Path) -> None:
    """In its file, or in the spec; the edits match exactly once and give the very judge that was measured."""
    judge = project(tmp_path, "kind: judge\nname: polite\nrubric: polite\n", polite="# Why.\nrubric: Be polite.\n")
    wanted = judge.model_copy(
        update={"rubric": "Be polite.\nAlways.\n", "examples": (JudgeExample(record="x", verdict="fail"),)}
    )
    changed = changed_files(tmp_path, judge, wanted)
    assert {"config/rubrics/polite.yaml", "config/evaluators/judges.yaml"} == changed.after.keys()
    assert changed.after == applied(changed.before, changed.edits())
    assert None is applied(dict.fromkeys(changed.before, ""), changed.edits())
    for path, text in changed.after.items():
        (tmp_path / path).write_text(text)
    (read,) = load_evaluators(tmp_path / "config" / "evaluators", ["polite"])
    assert wanted.version == read.version


def test_a_rubric_that_others_use_too_is_left_alone(tmp_path: Path) -> None:
    """A change for one judge must not change another that nobody measured."""
    spec = "- kind: judge\n  name: polite\n  rubric: shared\n- kind: judge\n  name: other\n  rubric: shared\n"
    judge = project(tmp_path, spec, shared="rubric: Be polite.\n")
    with pytest.raises(EditError, match="the rubric of 1 more"):
        changed_files(tmp_path, judge, judge.model_copy(update={"rubric": "Be nice."}))


def test_the_projects_repository_is_found_with_where_it_pushes_to(tmp_path: Path) -> None:
    """None outside git; itself without an origin; GitHub with a token; the agent's own settings where it is that."""
    folder = tmp_path / "work" / "burnish"
    folder.mkdir(parents=True)
    assert None is find_project_repository(folder, AGENTS, token=True)
    git(tmp_path / "work", "init", "-q", "-b", "trunk")
    found = find_project_repository(folder, AGENTS, token=True)
    assert found is not None
    assert ("burnish/", "trunk", "local", str(tmp_path / "work")) == (
        found.folder, found.config.base, found.config.forge, found.config.url,
    )  # fmt: skip
    git(tmp_path / "work", "remote", "add", "origin", "git@github.com:acme/judges.git")
    hub = find_project_repository(tmp_path / "work", AGENTS, token=True)
    assert hub is not None
    assert ("", "github", "acme/judges") == (hub.folder, hub.config.forge, hub.config.repository)
    plain = find_project_repository(tmp_path / "work", AGENTS, token=False)
    assert plain is not None
    assert "local" == plain.config.forge
    git(tmp_path / "work", "remote", "set-url", "origin", AGENTS.url)
    same = find_project_repository(tmp_path / "work", AGENTS, token=False)
    assert same is not None
    assert AGENTS == same.config
