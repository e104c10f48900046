"""Change one key of a YAML file and leave every other character as it is: comments, order and quoting are people's.

A judge lives in `config/evaluators/*.yaml` and, where its rubric is named by one word, in `config/rubrics/<word>.yaml`.
The place of a key is found by the parser's own marks, and what was written is read back and compared before it is used.
"""

from typing import Any

import yaml

from burnish.errors import EditError

__all__ = ["with_key"]


def with_key(text: str, name: str | None, key: str, value: Any) -> str:
    """The text with `key` set to `value` in the spec called `name`, or at the top of a file of one mapping (None).

    Raises EditError where the spec is not there, is not written in block form, or does not read back as wanted.
    """
    before = _load(text)
    node = _mapping(text, name)
    if node.flow_style:
        raise EditError(f"{_called(name)} is written in one line with braces; write it with a key a line")
    column = node.start_mark.column
    entry = next(((k, v) for k, v in node.value if k.value == key), None)
    block = _block(key, value, column)
    if entry is not None:
        start = _line_start(text, entry[0].start_mark.index) + column
        end = _end(text, node, entry[1])
        changed = text[:start] + block + text[end:]
    else:
        values = {k.value: v for k, v in node.value}
        after = next((values[one] for one in ("rubric", "name") if one in values), node.value[0][1])
        end = _end(text, node, after)
        lead = "" if text[:end].endswith("\n") else "\n"
        changed = f"{text[:end]}{lead}{' ' * column}{block}{text[end:]}"
    _compare(before, _load(changed), name, key, value)
    return changed


def _mapping(text: str, name: str | None) -> yaml.MappingNode:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    nodes = root.value if isinstance(root, yaml.SequenceNode) else [root]
    for node in nodes:
        if not isinstance(node, yaml.MappingNode):
            continue
        named = [v.value for k, v in node.value if k.value == "name"]
        if name is None or name in named:
            return node
    raise EditError(f"{_called(name)} is not in the file any more; look whether it was renamed")


def _block(key: str, value: Any, column: int) -> str:
    """The key with its value, its further lines indented to stand in a mapping at `column`."""
    dumped = yaml.dump({key: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    lines = dumped.splitlines()
    return "\n".join([lines[0], *((" " * column + line) if line else "" for line in lines[1:])]) + "\n"


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are read, and lists indented below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _end(text: str, node: yaml.MappingNode, value: yaml.Node) -> int:
    """Where the lines of a value end: before the next key, or after its own last line of text."""
    after = [k.start_mark.index for k, _ in node.value if k.start_mark.index >= value.end_mark.index]
    limit = _line_start(text, min(after)) if after else len(text)
    end = text.find("\n", max(value.start_mark.index, value.end_mark.index - 1))
    end = limit if end == -1 else min(end + 1, limit)
    # A block scalar's mark lies behind the empty lines and comments that follow it; those stay people's.
    return max(end, _line_start(text, value.start_mark.index))


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _load(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise EditError(f"the changed file would be no YAML any more: {error}") from error


def _compare(before: Any, after: Any, name: str | None, key: str, value: Any) -> None:
    wanted = [dict(one) for one in (before if isinstance(before, list) else [before]) if isinstance(one, dict)]
    for one in wanted:
        if name is None or one.get("name") == name:
            one[key] = value
            break
    found = [one for one in (after if isinstance(after, list) else [after]) if isinstance(one, dict)]
    if found != wanted:
        raise EditError(
            f"'{key}' of {_called(name)} cannot be written without changing something else; edit it by hand"
        )


def _called(name: str | None) -> str:
    return "the file's mapping" if name is None else f"the evaluator '{name}'"
