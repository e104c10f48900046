"""A trace as MLflow's REST API shows it, to raw spans that the OTLP mapper reads.

MLflow gives spans in OTLP's JSON form, with JSON texts in attributes turned into structures. To a span that came in
over OTLP it adds names of its own beside those of the convention; a span of its own SDK has only its own.
"""

from collections.abc import Mapping
from typing import Any

from burnish.adapters.sources.base import Problem
from burnish.adapters.sources.fields import fit_to_keep, text_in
from burnish.adapters.sources.jsontext import parse_structure
from burnish.adapters.sources.otlp import RawSpan, names
from burnish.adapters.sources.otlp.json_body import read_request
from burnish.adapters.sources.otlp.raw import Attributes
from burnish.domain.base import Json

__all__ = ["raw_spans", "told_of_trace"]

_TYPES = {
    "LLM": "LLM",
    "CHAT_MODEL": "LLM",
    "AGENT": "AGENT",
    "TOOL": "TOOL",
    "CHAIN": "CHAIN",
    "WORKFLOW": "CHAIN",
    "TASK": "CHAIN",
    "PARSER": "CHAIN",
    "MEMORY": "CHAIN",
    "RETRIEVER": "RETRIEVER",
    "EMBEDDING": "EMBEDDING",
    "RERANKER": "RERANKER",
    "GUARDRAIL": "GUARDRAIL",
    "EVALUATOR": "EVALUATOR",
}
_CONVENTIONS = ("gen_ai.", "llm.", "openinference.", "traceloop.", "ai.", "embedding.", "retrieval.")
_COST = "llm.cost.total"  # may come out of MLflow's own estimate
# What `_translate` reads or drops, and does not look at where a span says it in a convention's names.
_COPIES = (
    *("mlflow.traceRequestId", "mlflow.spanType", "mlflow.spanInputs", "mlflow.spanOutputs"),
    *("mlflow.chat.tokenUsage", "mlflow.llm.model", "mlflow.llm.provider"),
)
_TOKENS = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_input_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_creation_input_tokens": "gen_ai.usage.cache_write.input_tokens",
}
_FACTS = {
    "mlflow.trace.session": "session.id",
    "mlflow.trace.user": "user.id",
    "mlflow.source.git.commit": "service.version",
}
_LANGCHAIN_ROLES = ("human", "ai", "system", "tool")


def raw_spans(trace: Mapping[str, Any]) -> tuple[list[RawSpan], list[Problem]]:
    """The spans of one trace as `MlflowApi` gives it, under MLflow's own id, and a problem for each unusable one."""
    info = trace["trace_info"]
    trace_id = info["trace_id"]
    given = trace.get("spans") or []
    shown = [_without_copies(span) for span in given] if isinstance(given, list) else given
    spans, _, found = read_request({"resourceSpans": [{"scopeSpans": [{"spans": shown}]}]})
    facts = _facts(info)
    for span in spans:
        span.trace_id, span.resource = trace_id, facts
        _translate(span.attributes)
    problems = [Problem(where=f"{problem.where} of {trace_id} in MLflow", reason=problem.reason) for problem in found]
    return spans, problems


def told_of_trace(info: Mapping[str, Any]) -> dict[str, Json]:
    """What users noted on the trace: tags and metadata that are not MLflow's own."""
    noted = {**info["trace_metadata"], **info["tags"]}
    return fit_to_keep({key: value for key, value in noted.items() if not key.startswith("mlflow.")})


def _facts(info: Mapping[str, Any]) -> Attributes:
    """What identifies the trace, under the names by which the mapper finds it."""
    told = info["trace_metadata"]
    facts: Attributes = {name: told[key] for key, name in _FACTS.items() if told.get(key)}
    prompts = parse_structure(text_in(info["tags"], "mlflow.linkedPrompts") or "")
    if isinstance(prompts, list) and prompts and isinstance(first := prompts[0], dict):
        facts["prompt.name"], facts["prompt.version"] = first.get("name"), first.get("version")
    return facts


def _without_copies(span: Json) -> Json:
    """A span without what MLflow says of it once more beside a convention: reading it costs as much as all the rest."""
    pairs = span.get("attributes") if isinstance(span, dict) else None
    if not isinstance(span, dict) or not isinstance(pairs, list):
        return span
    named = [(pair.get("key") if isinstance(pair, dict) else None, pair) for pair in pairs]
    if not any(isinstance(name, str) and _is_of_convention(name) for name, _ in named):
        return span
    return {**span, "attributes": [pair for name, pair in named if name not in _COPIES]}


def _is_of_convention(name: str) -> bool:
    return name.startswith(_CONVENTIONS) and name != _COST


def _translate(attributes: Attributes) -> None:
    """Say in the conventions' names what MLflow says in its own; what a convention said already counts."""
    attributes.pop("mlflow.traceRequestId", None)
    cost = attributes.pop("mlflow.llm.cost", None)
    if isinstance(cost, dict) and cost.get("total_cost") is not None:
        attributes.setdefault(_COST, cost["total_cost"])
    kind = _TYPES.get(str(attributes.pop("mlflow.spanType", "")))
    asked, answered = attributes.pop("mlflow.spanInputs", None), attributes.pop("mlflow.spanOutputs", None)
    tokens = attributes.pop("mlflow.chat.tokenUsage", None)
    model, provider = attributes.pop("mlflow.llm.model", None), attributes.pop("mlflow.llm.provider", None)
    if any(_is_of_convention(name) for name in attributes):
        return
    if kind is not None:
        attributes["openinference.span.kind"] = kind
    if kind == "LLM":
        _set_messages(attributes, "input", asked)
        _set_messages(attributes, "output", answered)
    else:
        attributes.setdefault("input.value", asked)
        attributes.setdefault("output.value", answered)
    if isinstance(tokens, dict):
        attributes |= {_TOKENS[name]: count for name, count in tokens.items() if name in _TOKENS}
    if model is not None:
        attributes[names.MODEL[0]] = model
    if provider is not None:
        attributes["gen_ai.provider.name"] = provider


def _set_messages(attributes: Attributes, side: str, payload: Json) -> None:
    """The conversation in a model call's request or answer; the rest of the request stays an attribute."""
    if payload is None:
        return
    messages: Json = payload
    if isinstance(payload, dict):
        place = next((name for name in ("messages", "input", "generations") if payload.get(name)), None)
        if place is not None:
            messages = payload[place]
            rest = {name: value for name, value in payload.items() if name != place}
            if rest:
                attributes[f"mlflow.span{side.title()}s"] = rest
        elif side == "input" and "prompt" not in payload:
            attributes.setdefault("input.value", payload)
            return
    attributes[f"gen_ai.{side}.messages"] = _roles_named(messages)


def _roles_named(value: Json) -> Json:
    """LangChain's messages say their role as `type`, and its answers wrap them."""
    if isinstance(value, list):
        flat: list[Json] = []
        for item in value:
            named = _roles_named(item)
            flat.extend(named) if isinstance(item, list) and isinstance(named, list) else flat.append(named)
        return flat
    if isinstance(value, dict):
        if isinstance(value.get("message"), dict) and "text" in value:
            return _roles_named(value["message"])
        if "role" not in value and value.get("type") in _LANGCHAIN_ROLES:
            return {**{name: item for name, item in value.items() if name != "type"}, "role": value["type"]}
    return value
