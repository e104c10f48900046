"""What proposals are made from: cases out of train and visible failing traces, never out of dev or held-out."""

import json
import re
from collections.abc import Iterable, Sequence

from burnish.domain.base import Json, Value, content_hash

__all__ = ["Case", "Evidence", "Group", "as_text", "diverse", "fenced", "group_by_label", "labels_in"]

MAX_LABEL = 80


class Case(Value):
    """One failing or corrected run of the agent, with what people and judges said of it."""

    trace_id: str | None = None
    example_id: str | None = None
    input: Json
    output: Json = None
    expected: Json = None
    comments: tuple[str, ...] = ()


class Group(Value):
    """Cases that belong together: corrected to one label, or members of one failure cluster."""

    key: str
    name: str
    cases: tuple[Case, ...]
    cluster_ids: tuple[str, ...] = ()


class Evidence(Value):
    """Everything the proposer may look at, grouped both ways; either may be empty."""

    labels: tuple[Group, ...] = ()
    clusters: tuple[Group, ...] = ()


def labels_in(expected: Json) -> tuple[str, ...]:
    """Short one-line strings in an expected output, which may be a label: the string itself, or the leaves of JSON."""
    if isinstance(expected, str):
        text = expected.strip()
        if text.startswith(("{", "[")):
            try:
                return labels_in(json.loads(text))
            except ValueError:
                return ()
        return (text,) if text and len(text) <= MAX_LABEL and "\n" not in text else ()
    leaves: Iterable[Json] = ()
    if isinstance(expected, dict):
        leaves = expected.values()
    elif isinstance(expected, list):
        leaves = expected
    return tuple(dict.fromkeys(label for leaf in leaves for label in labels_in(leaf)))


def group_by_label(cases: Iterable[Case], known: Iterable[str]) -> tuple[Group, ...]:
    """Cases by the label of `known` that is expected of them, largest group first."""
    wanted = set(known)
    groups: dict[str, list[Case]] = {}
    for case in cases:
        for label in labels_in(case.expected):
            if label in wanted:
                groups.setdefault(label, []).append(case)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(Group(key=label, name=label, cases=tuple(found)) for label, found in ordered)


def as_text(value: Json, limit: int = 400) -> str:
    """A value as one line of text of at most `limit` characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def diverse(cases: Sequence[Case], count: int) -> tuple[Case, ...]:
    """At most `count` cases whose inputs share few words: each next one is the farthest from those chosen."""
    words = [frozenset(re.findall(r"\w+", as_text(case.input).lower())) for case in cases]
    if not cases:
        return ()
    chosen = [0]
    nearest = [_overlap(words[0], other) for other in words]
    while len(chosen) < min(count, len(cases)):
        best = min((i for i in range(len(cases)) if i not in chosen), key=lambda i: (nearest[i], i))
        chosen.append(best)
        nearest = [max(near, _overlap(words[best], other)) for near, other in zip(nearest, words, strict=True)]
    return tuple(cases[index] for index in chosen)


def fenced(lines: Iterable[str]) -> str:
    """Lines between delimiters that the lines cannot contain, for text that is data and not instructions.

    The delimiter depends on the content alone, so that equal questions stay equal and share a cached answer.
    """
    body = "\n".join(lines)
    mark = content_hash(body, length=8)
    while mark in body:
        mark += "x"
    return f"<data-{mark}>\n{body}\n</data-{mark}>"


def _overlap(left: frozenset[str], right: frozenset[str]) -> float:
    union = len(left | right)
    return len(left & right) / union if union else 1.0
