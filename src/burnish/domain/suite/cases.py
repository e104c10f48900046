"""Case files: YAML lists or JSON lines under `evals/`, read by people in reviews and by the gate in CI."""

import difflib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import yaml
from pydantic import Field, ValidationError

from burnish.domain.base import Json, Value
from burnish.domain.datasets import Example
from burnish.errors import InputError

__all__ = ["SUFFIXES", "Case", "not_yet_in", "read_cases", "write_cases"]

SUFFIXES = (".yaml", ".yml", ".jsonl")
TOO_DEEP = "lists and mappings are nested too deeply"
PROBLEM_LIMIT = 20  # a file that is wrong throughout says so once, not a thousand times


class Case(Value):
    """One input with what is expected of the output, or criteria it must meet.

    `must_pass`: a change that breaks this case fails, whatever it gains elsewhere. `metadata` says where the case came
    from (proposal, cluster, split) and is read by nobody.
    """

    id: str = Field(min_length=1, max_length=200)
    input: Json
    expected: Json = None
    criteria: tuple[str, ...] = ()
    must_pass: bool = False
    metadata: dict[str, Json] = {}

    @property
    def example(self) -> Example:
        """The case as targets and evaluators take it."""
        return Example(id=self.id, input=self.input, expected=self.expected, criteria=self.criteria)


class _Found(NamedTuple):
    path: str
    line: int
    value: Any

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"


def read_cases(files: Mapping[str, str]) -> tuple[Case, ...]:
    """The cases of files given as path → text, in the order of paths. Files that are neither YAML nor JSONL are none.

    Raises InputError that names file, line and case of everything wrong: no list, an unknown key, an id that occurs
    twice, text that is no YAML or JSON.
    """
    problems: list[str] = []
    cases: dict[str, tuple[Case, str]] = {}
    for path in sorted(files):
        if not path.endswith(SUFFIXES):
            continue
        try:
            found = list(_json_lines(path, files[path]) if path.endswith(".jsonl") else _yaml_items(path, files[path]))
        except InputError as error:
            problems.append(str(error))
            continue
        for item in found:
            try:
                case = _case(item)
            except InputError as error:
                problems.append(str(error))
                continue
            if case.id in cases:
                problems.append(
                    f"{item.place}: case '{case.id}' is there already, in {cases[case.id][1]}; remove one of the two "
                    "or give one another id"
                )
            else:
                cases[case.id] = case, item.place
    if problems:
        more = len(problems) - PROBLEM_LIMIT
        tail = [f"and {more} more problems"] if more > 0 else []
        raise InputError("\n".join([*problems[:PROBLEM_LIMIT], *tail]))
    return tuple(case for case, _ in cases.values())


def not_yet_in(known: Iterable[Case], cases: Sequence[Case]) -> list[Case]:
    """Those of `cases` whose ids `known` lacks, each once: accepting a case twice adds nothing."""
    seen = {case.id for case in known}
    return [case for case in {case.id: case for case in cases}.values() if case.id not in seen]


def write_cases(cases: Sequence[Case]) -> str:
    """Cases as items of a YAML list, fit to be put at the end of such a file. Empty fields are left out."""
    return "\n".join(
        yaml.dump(
            [case.model_dump(mode="json", exclude_defaults=True)],
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            width=100,
        )
        for case in cases
    )


def _case(item: _Found) -> Case:
    value = item.value
    if not isinstance(value, dict):
        raise InputError(f"{item.place}: a case is a mapping with id and input, not {_kind(value)}")
    name = f" case '{value['id']}':" if "id" in value else ""
    if "split" in value:  # what burnish wrote before cases had metadata
        metadata = value.get("metadata") or {}
        value = {key: found for key, found in value.items() if key != "split"}
        if isinstance(metadata, dict):
            value["metadata"] = {**metadata, "split": item.value["split"]}
    try:
        case = Case.model_validate(value)
    except ValidationError as error:
        said = "; ".join(_explain(one) for one in error.errors(include_url=False))
        raise InputError(f"{item.place}:{name} {said}") from error
    for field in ("input", "expected", "metadata"):
        if not _finite(getattr(case, field)):
            raise InputError(f"{item.place}:{name} {field}: JSON has no such number (NaN, infinity); write it as text")
    return case


def _explain(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"] if not str(part).startswith(("json", "nullable")))
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), list(Case.model_fields), n=1)
        return f"unknown key '{where}'" + (f"; did you mean '{near[0]}'?" if near else "")
    if error["type"] == "missing":
        return f"'{where}' is missing"
    return f"{where}: {error['msg']}"


def _finite(value: Json) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(_finite(one) for one in inner)


def _json_lines(path: str, text: str) -> Iterator[_Found]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield _Found(path, number, json.loads(line))
            except ValueError as error:
                raise InputError(f"{path}:{number}: not JSON: {error}") from error
            except RecursionError as error:
                raise InputError(f"{path}:{number}: {TOO_DEEP}") from error


def _yaml_items(path: str, text: str) -> Iterator[_Found]:
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return
        if not isinstance(node, yaml.SequenceNode):
            raise InputError(
                f"{path}:{node.start_mark.line + 1}: a case file is a list of cases ('- id: …'); files that are no "
                "cases belong in another folder"
            )
        for item in node.value:
            yield _Found(path, item.start_mark.line + 1, loader.construct_object(item, deep=True))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise InputError(f"{path}:{line}: {error.problem or error}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(f"{path}:{line}: U+{ord(text[error.position]):04X} cannot stand in YAML; escape it") from error
    except RecursionError as error:
        raise InputError(f"{path}:1: {TOO_DEEP}") from error


class _Loader(yaml.SafeLoader):
    """JSON's values in YAML's clothes: dates stay text, a key counts once, and nothing is repeated by reference."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(
                None, None, "write the value out instead of an alias", event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # PyYAML trusts that a value is what its tag or its first characters promise (`0b_`, `!!bool x`).
            said = f"'{node.value}' is no {node.tag.rpartition(':')[2]}; write text in quotes"
            raise yaml.constructor.ConstructorError(None, None, said, node.start_mark) from error

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[Any] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key.value}' occurs twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """Text of several lines as a block, so that a reviewer reads it as it was said.

    YAML reads Unicode's other line ends as a newline or a space, unless they are escaped in double quotes.
    """


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = '"' if any(end in value for end in "\x85\u2028\u2029") else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _kind(value: Any) -> str:
    return {list: "a list", str: "a text", type(None): "nothing"}.get(type(value), f"a {type(value).__name__}")
