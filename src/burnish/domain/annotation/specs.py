"""Queues from `config/queues.yaml`: a list, each with the rubric it names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from burnish.domain.annotation.queues import Queue
from burnish.domain.annotation.rules import RULES
from burnish.domain.evaluators.judge import Rubric
from burnish.domain.nearest import nearest
from burnish.errors import ConfigError, NotFoundError

__all__ = ["json_schema", "load_queue", "load_queues"]


def load_queues(project: Path, agent: str | None = None) -> list[Queue]:
    """The queues of `config/queues.yaml` in their order (of one agent with `agent`); none where there is no file.

    Raises ConfigError naming queue and key, with the nearest known one: bad YAML, an unknown key, kind of rule, agent
    or rubric, a name given twice.
    """
    path = project / "config" / "queues.yaml"
    if not path.is_file():
        return []
    found: dict[str, Queue] = {}
    agents = sorted(item.stem for item in (project / "config" / "agents").glob("*.toml"))
    for number, spec in enumerate(_specs(path), start=1):
        where = f"{path}: queue {number}" + (f" ('{spec['name']}')" if "name" in spec else "")
        queue = _validated(spec, where)
        if queue.name in found:
            raise ConfigError(f"{where}: the name '{queue.name}' is taken by an earlier queue; rename one")
        unknown = [name for name in queue.agents if name not in agents]
        if unknown:
            raise ConfigError(f"{where}: no agent '{unknown[0]}' in config/agents; {nearest(unknown[0], agents)}")
        found[queue.name] = _with_rubric(queue, where, project / "config" / "rubrics")
    return [queue for queue in found.values() if agent is None or queue.takes(agent)]


def load_queue(project: Path, name: str) -> Queue:
    """One queue by its name. Raises NotFoundError with the nearest one."""
    queues = {queue.name: queue for queue in load_queues(project)}
    if name not in queues:
        raise NotFoundError(f"no queue '{name}' in config/queues.yaml; {nearest(name, list(queues))}")
    return queues[name]


def json_schema() -> dict[str, Any]:
    """The JSON schema of `config/queues.yaml`, for editors."""
    schema = TypeAdapter(list[Queue]).json_schema()
    for definition in schema.get("$defs", {}).values():
        if "kind" in definition.get("properties", {}):
            definition["required"] = sorted({"kind", *definition.get("required", [])})
    queue = schema["$defs"]["Queue"]["properties"]
    del queue["instructions"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "burnish queues", **schema}


def _specs(path: Path) -> list[dict[str, Any]]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    if document is None:
        return []
    if not isinstance(document, list) or not all(isinstance(spec, dict) for spec in document):
        raise ConfigError(f"{path}: this is a list of queues, each with a name: start each with `- name: …`")
    return document


def _with_rubric(queue: Queue, where: str, folder: Path) -> Queue:
    if queue.rubric is None:
        return queue
    path = folder / f"{queue.rubric}.yaml"
    known = sorted(item.stem for item in folder.glob("*.yaml"))
    if queue.rubric not in known:
        raise ConfigError(f"{where}: no rubric '{queue.rubric}': {path} does not exist; {nearest(queue.rubric, known)}")
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        rubric = Rubric.model_validate(document)
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return queue.model_copy(update={"instructions": rubric})


def _validated(spec: dict[str, Any], where: str) -> Queue:
    if "instructions" in spec:
        raise ConfigError(f"{where}: unknown key 'instructions'; did you mean 'rubric'?")
    try:
        return Queue.model_validate(spec)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors(include_url=False):
        location = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            known = _known(item["loc"][:-1])
            lines.append(f"unknown key '{location}'; {nearest(str(item['loc'][-1]), known)}")
        elif item["type"] in ("union_tag_invalid", "union_tag_not_found"):
            kind = item["input"].get("kind") if isinstance(item["input"], dict) else None
            lines.append(f"{location}: no rule of kind '{kind}'; {nearest(str(kind), list(RULES))}")
        else:
            lines.append(f"{location}: {item['msg'].removeprefix('Value error, ')}")
    return "; ".join(lines)


def _known(location: Sequence[Any]) -> list[str]:
    """The keys allowed at a place of a queue; inside `fill` they are those of the rule's kind."""
    if location and location[0] == "fill":
        rule = RULES.get(str(location[2])) if len(location) > 2 else None
        return list(rule.model_fields) if rule is not None else ["kind"]
    model: type[BaseModel] = Queue
    for part in location:
        field = model.model_fields.get(str(part))
        nested = [] if field is None else [t for t in (field.annotation, *get_args(field.annotation)) if _is_model(t)]
        model = nested[0] if nested else model
    return [name for name in model.model_fields if name != "instructions"]


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)
