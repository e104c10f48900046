"""A changed judge as changed files: its spec, and its rubric's file where it has one."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from burnish.domain.alignment.files import with_key
from burnish.domain.evaluators.judge import Judge
from burnish.domain.evaluators.specs import load_evaluators, place_of
from burnish.domain.proposals import Edit
from burnish.domain.proposing.edits import edits_between
from burnish.errors import ConfigError, EditError

__all__ = ["ChangedFiles", "applied", "changed_files"]


class ChangedFiles(NamedTuple):
    """Texts by path inside the project, before and after."""

    before: dict[str, str]
    after: dict[str, str]

    def edits(self) -> tuple[Edit, ...]:
        """The change as edits that match exactly once each."""
        return tuple(edit for path in self.after for edit in edits_between(path, self.before[path], self.after[path]))


def changed_files(project: Path, present: Judge, wanted: Judge) -> ChangedFiles:
    """The files of `present` as they must be for the project to load `wanted`; read back to be sure of it.

    Raises EditError where the files cannot say it, or a rubric's file is used by other evaluators too.
    """
    folder = project / "config" / "evaluators"
    place = place_of(folder, present.name)
    files: dict[Path, str] = {}

    def change(path: Path, name: str | None, key: str, value: Any) -> None:
        files[path] = with_key(files.get(path, path.read_text(encoding="utf-8")), name, key, value)

    if wanted.rubric != present.rubric:
        in_file = place.rubric is not None and _says_rubric(place.rubric)
        if in_file and place.others:
            raise EditError(
                f"config/rubrics/{place.rubric.name if place.rubric else ''} is the rubric of {place.others} more "
                "evaluators; give the judge one of its own to have it improved"
            )
        path = place.rubric if in_file and place.rubric is not None else place.file
        change(path, None if in_file else present.name, "rubric", wanted.rubric)
    if wanted.examples != present.examples:
        dumped = [example.model_dump(mode="json", exclude_defaults=True) for example in wanted.examples]
        change(place.file, present.name, "examples", dumped)
    if wanted.pass_at != present.pass_at:
        change(place.file, present.name, "pass_at", wanted.pass_at)
    if not files:
        raise EditError(f"nothing of the judge {present.name} would change")
    root = project.resolve()
    after = {path.resolve().relative_to(root).as_posix(): text for path, text in sorted(files.items())}
    _read_back(project, after, wanted)
    return ChangedFiles({path: (root / path).read_text(encoding="utf-8") for path in after}, after)


def applied(texts: Mapping[str, str], edits: tuple[Edit, ...]) -> dict[str, str] | None:
    """The files with the edits, each matching exactly once; None where one does not: the files have moved on."""
    found = dict(texts)
    for edit in edits:
        text = found.get(edit.path, "")
        if text.count(edit.search) != 1:
            return None
        found[edit.path] = text.replace(edit.search, edit.replace, 1)
    return {path: text for path, text in found.items() if text != texts[path]}


def _says_rubric(path: Path) -> bool:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return isinstance(document, dict) and "rubric" in document


def _read_back(project: Path, files: Mapping[str, str], wanted: Judge) -> None:
    """Load the judge from a copy of the configuration. Raises EditError where another one comes out."""
    with tempfile.TemporaryDirectory(prefix="burnish-align-") as place:
        copy = Path(place)
        for name in ("evaluators", "rubrics"):
            source = project / "config" / name
            if source.is_dir():
                shutil.copytree(source, copy / "config" / name)
        for path, text in files.items():
            (copy / path).write_text(text, encoding="utf-8")
        try:
            (found,) = load_evaluators(copy / "config" / "evaluators", [wanted.name], chained=False)
        except ConfigError as error:
            raise EditError(f"the changed files would not load: {error}") from error
    # Which model answers is put in where an agent's evaluators are loaded, and no change of ours touches it.
    if found.model_copy(update={"model": wanted.model}).version != wanted.version:
        raise EditError(
            f"the files of {wanted.name} cannot be written so that this very judge is read; edit them by hand"
        )
