"""Evaluators from YAML: `config/evaluators/*.yaml`, one spec or a list a file, and the rubrics they name."""

import difflib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema

from burnish.domain.evaluators.base import Evaluator, JudgeModels
from burnish.domain.evaluators.chains import waves
from burnish.domain.evaluators.judge import Judge, Rubric
from burnish.domain.evaluators.pairwise import Pairwise
from burnish.domain.evaluators.panel import Panel
from burnish.domain.evaluators.registry import evaluator_class, kinds
from burnish.errors import ConfigError

__all__ = ["SpecPlace", "evaluators_of_file", "json_schema", "load_evaluators", "place_of", "schema_text"]

M = TypeVar("M", bound=BaseModel)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def load_evaluators(
    folder: Path, names: Sequence[str] | None, *, judge_model: JudgeModels | str | None = None, chained: bool = True
) -> list[Evaluator]:
    """The evaluators of every YAML file in `folder`: all of them by file and place, or `names` in that order.

    A judge's `rubric` that is a single word names `rubrics/<word>.yaml` beside `folder`. The project folder (the parent
    of `folder`'s parent) is put last on sys.path, so that `python` evaluators find the project's own modules. The name
    of the agent's `judge_model` becomes part of the version of judges that name none, and what the models that specs
    name stand for in the agent's file of theirs. Without `chained` the caller sees to it that what an evaluator waits
    for is there.

    Raises ConfigError: bad YAML, an unknown kind, key, name or rubric (with the nearest known one), a name given twice,
    a function that cannot be imported, a chain that cannot be.
    """
    found: dict[str, Evaluator] = {}
    places: dict[str, Path] = {}
    for path in sorted({*folder.glob("*.yaml"), *folder.glob("*.yml")}):
        for number, spec in enumerate(_specs(path), start=1):
            evaluator = _evaluator(spec, f"{path}: evaluator {number}", folder.parent / "rubrics")
            if evaluator.name in found:
                raise ConfigError(
                    f"{path}: the name '{evaluator.name}' is already taken in {places[evaluator.name]}; rename one"
                )
            found[evaluator.name] = evaluator
            places[evaluator.name] = path
    chosen = list(found.values()) if names is None else [_named(name, found, folder) for name in names]
    project = str(folder.resolve().parent.parent)
    if any(evaluator.kind == "python" for evaluator in chosen) and project not in sys.path:
        sys.path.append(project)
    if chained:
        waves(chosen)
    for evaluator in chosen:
        try:
            evaluator.prepare()
        except ConfigError as error:
            raise ConfigError(f"{places[evaluator.name]}: {error}") from error
    return chosen if judge_model is None else [evaluator.bound(judge_model) for evaluator in chosen]


class SpecPlace(NamedTuple):
    """Where an evaluator is written: its file, and the rubric's file where it names one, with how many name it too."""

    file: Path
    rubric: Path | None
    others: int = 0


def place_of(folder: Path, name: str) -> SpecPlace:
    """Where the evaluator `name` is written in `folder`. Raises ConfigError where it is not."""
    specs = [(path, spec) for path in sorted({*folder.glob("*.yaml"), *folder.glob("*.yml")}) for spec in _specs(path)]
    named = [word for _, spec in specs for word in _rubrics_named(spec)]
    for path, spec in specs:
        if spec.get("name") == name:
            word = next(iter(_rubrics_named(spec)), None)
            if word is None:
                return SpecPlace(path, None)
            return SpecPlace(path, folder.parent / "rubrics" / f"{word}.yaml", named.count(word) - 1)
    raise ConfigError(f"no evaluator is called '{name}' in {folder}")


def _rubrics_named(spec: dict[str, Any]) -> list[str]:
    members = spec.get("members")
    holders = [spec, *(one for one in (members if isinstance(members, list) else []) if isinstance(one, dict))]
    words = (one.get("rubric") for one in holders)
    return [word for word in words if isinstance(word, str) and _NAME.fullmatch(word) is not None]


def evaluators_of_file(file: Path, project: Path) -> list[Evaluator]:
    """The evaluators of one file, wherever it lies; rubrics are the project's. Raises ConfigError."""
    if str(project.resolve()) not in sys.path:
        sys.path.append(str(project.resolve()))
    rubrics = project / "config" / "rubrics"
    found = [_evaluator(spec, f"{file}: evaluator {n}", rubrics) for n, spec in enumerate(_specs(file), start=1)]
    for evaluator in found:
        evaluator.prepare()
    return found


def schema_text() -> str:
    """`json_schema` as the text of its file."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def json_schema() -> dict[str, Any]:
    """The JSON schema of an evaluator file, for editors: one spec or a list of them."""
    classes = kinds()
    mapping, shared = models_json_schema([(cls, "validation") for cls in classes.values()])
    definitions: dict[str, Any] = shared.get("$defs", {})
    references = []
    for kind, cls in classes.items():
        reference = mapping[cls, "validation"]["$ref"]
        definition = definitions[reference.rpartition("/")[2]]
        definition["properties"] = {"kind": {"const": kind}, **definition["properties"]}
        definition["required"] = ["kind", *definition.get("required", [])]
        references.append({"$ref": reference})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "burnish evaluators",
        "anyOf": [{"$ref": "#/$defs/spec"}, {"type": "array", "items": {"$ref": "#/$defs/spec"}}],
        "$defs": {**definitions, "spec": {"oneOf": references}},
    }


def _specs(path: Path) -> Iterator[dict[str, Any]]:
    document = _read(path)
    for spec in document if isinstance(document, list) else [] if document is None else [document]:
        if not isinstance(spec, dict) or not all(isinstance(key, str) for key in spec):
            raise ConfigError(f"{path}: an evaluator is a mapping with kind and name, not {type(spec).__name__}")
        yield spec


def _evaluator(spec: dict[str, Any], where: str, rubrics: Path) -> Evaluator:
    fields = dict(spec)
    kind = fields.pop("kind", None)
    if not isinstance(kind, str):
        raise ConfigError(f"{where}: no kind; write, for example, kind: exact_match")
    try:
        cls = evaluator_class(kind)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    if issubclass(cls, Judge | Pairwise | Panel):
        fields = _with_rubric(cls, fields, where, rubrics)
    return _validated(cls, fields, f"{where} ('{spec.get('name', kind)}')")


def _with_rubric(cls: type[Evaluator], fields: dict[str, Any], where: str, rubrics: Path) -> dict[str, Any]:
    """The spec with the rubrics that it and the members of a panel name in their places; what it says itself wins."""
    members = fields.get("members")
    if isinstance(members, list):
        named = [_rubric_of(item, where, rubrics) if isinstance(item, dict) else item for item in members]
        fields = {**fields, "members": named}
    whole = _rubric_of(fields, where, rubrics)
    form = set() if issubclass(cls, Judge) else {"scale", "anchors", "criteria"}
    return {key: value for key, value in whole.items() if key not in form - fields.keys()}


def _rubric_of(fields: dict[str, Any], where: str, rubrics: Path) -> dict[str, Any]:
    name = fields.get("rubric")
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        return fields
    path = rubrics / f"{name}.yaml"
    if not path.is_file():
        known = sorted(item.stem for item in rubrics.glob("*.yaml"))
        raise ConfigError(f"{where}: no rubric '{name}': {path} does not exist; {_nearest(name, known)}")
    document = _read(path)
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: a rubric is a mapping with the key rubric")
    rubric = _validated(Rubric, document, str(path))
    return {**rubric.model_dump(exclude_defaults=True), **{k: v for k, v in fields.items() if k != "rubric"}}


def _named(name: str, found: dict[str, Evaluator], folder: Path) -> Evaluator:
    if name not in found:
        raise ConfigError(f"no evaluator is called '{name}' in {folder}; {_nearest(name, sorted(found))}")
    return found[name]


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(known) or 'none'}"


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error


def _validated(cls: type[M], fields: dict[str, Any], where: str) -> M:
    try:
        return cls.model_validate(fields)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_explain(cls, error)}") from error


def _explain(cls: type[BaseModel], error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        location = ".".join(map(str, item["loc"]))
        if item["type"] == "extra_forbidden":
            known = _keys(cls, item["loc"][:-1])
            lines.append(f"unknown key '{location}'; {_nearest(str(item['loc'][-1]), known)}")
        else:
            lines.append(f"{location}: {item['msg']}" if location else str(item["msg"]))
    return "; ".join(lines)


def _keys(cls: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """The keys allowed at a place: those of the model, or of the model nested there."""
    for part in location:
        field = cls.model_fields.get(str(part))
        nested = _models(field.annotation) if field is not None else []
        cls = nested[0] if nested else cls
    return [field.alias or name for name, field in cls.model_fields.items()] + ["kind"] * issubclass(cls, Evaluator)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
