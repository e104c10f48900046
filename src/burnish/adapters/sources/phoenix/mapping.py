"""A span as Phoenix's REST API shows it, to the raw span that the OTLP mapper reads.

Phoenix keeps attributes nested and flattens them for the API: what came as a JSON text or a map comes back as one
attribute a leaf (`tool.parameters.order`), which is put together again here. It drops the resource's attributes and
adds OpenInference's names to what came as OTel GenAI.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from burnish.adapters.sources.base import Problem
from burnish.adapters.sources.fields import fit_to_keep, text_in
from burnish.adapters.sources.jsontext import clean_text, parse_structure
from burnish.adapters.sources.otlp import RawSpan
from burnish.adapters.sources.otlp.raw import ERROR, OK, Attributes, RawEvent, checked_span
from burnish.domain.base import Json

__all__ = ["raw_spans"]

_HEX = re.compile(r"[0-9a-f]*")
_STATUS = {"OK": OK, "ERROR": ERROR}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Attributes that Phoenix reads as JSON when a span comes in.
_OBJECTS = ("tool.parameters.", "metadata.", "llm.prompt_template.variables.")
_DERIVED = {"id": "gen_ai.response.id", "model": "gen_ai.response.model"}

Item = dict[str, Any]


def raw_spans(items: Iterable[Json]) -> tuple[list[RawSpan], list[Problem]]:
    """Spans of one page, and a problem for each that cannot be used."""
    spans: list[RawSpan] = []
    problems: list[Problem] = []
    for item in items:
        try:
            if not isinstance(item, dict):
                raise TypeError("is not an object")
            spans.append(checked_span(_raw(item)))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            named = item.get("id") if isinstance(item, dict) else None
            reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            problems.append(Problem(where=f"span {named or '(no id)'} in Phoenix", reason=reason[:300]))
    return spans, problems


def _raw(item: Item) -> RawSpan:
    context = item["context"]
    end = item.get("end_time")
    return RawSpan(
        trace_id=_identifier(context["trace_id"]),
        span_id=_identifier(context["span_id"]),
        parent_id=_identifier(item.get("parent_id") or "") or None,
        name=clean_text(item.get("name") or ""),
        start_ns=_nanoseconds(item["start_time"]),
        end_ns=_nanoseconds(end) if end else 0,
        status=_STATUS.get(item.get("status_code") or "", 0),
        status_message=clean_text(item.get("status_message") or ""),
        attributes=_attributes(item),
        events=[
            RawEvent(text_in(event, "name") or "", fit_to_keep(event.get("attributes") or {}))
            for event in item.get("events") or ()
        ],
    )


def _identifier(text: str) -> str:
    lowered = text.lower()
    if _HEX.fullmatch(lowered) is None:
        raise ValueError(f"id '{text[:48]}' is not hex")
    return lowered


def _nanoseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def _attributes(item: Item) -> Attributes:
    attributes = fit_to_keep(item.get("attributes") or {})
    kind = item.get("span_kind")
    if isinstance(kind, str) and kind != "UNKNOWN":
        attributes["openinference.span.kind"] = kind
    for prefix in _OBJECTS:
        leaves = [name for name in attributes if name.startswith(prefix)]
        if leaves:
            nested: dict[str, Json] = {}
            for name in leaves:
                _put(nested, name[len(prefix) :].split("."), attributes.pop(name))
            attributes.setdefault(prefix[:-1], _listed(nested))
    if "gen_ai.response.id" in attributes or "gen_ai.response.model" in attributes:
        _drop_derived(attributes)
    return attributes


def _drop_derived(attributes: Attributes) -> None:
    """Phoenix gives a GenAI call an output that only repeats the answer's id and model; it is no output."""
    output = attributes.get("output.value")
    told = parse_structure(output) if isinstance(output, str) else None
    if (
        isinstance(told, dict)
        and told
        and all(name in _DERIVED and attributes.get(_DERIVED[name]) == value for name, value in told.items())
    ):
        del attributes["output.value"]


def _put(into: dict[str, Json], path: list[str], value: Json) -> None:
    for step in path[:-1]:
        below = into.setdefault(step, {})
        if not isinstance(below, dict):
            into[".".join(path)] = value
            return
        into = below
    into[path[-1]] = value


def _listed(value: Json) -> Json:
    """Objects whose names are 0, 1, 2 … were lists of objects."""
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(item) for name, item in value.items()}
    if inner and list(inner) == [str(number) for number in range(len(inner))]:
        return [*inner.values()]
    return inner
