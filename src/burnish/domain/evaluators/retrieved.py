"""What an agent had before it when it answered: retrieved documents, tool results, the input."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from burnish.domain.base import Json
from burnish.domain.evaluators.base import EvaluationContext
from burnish.domain.traces import SpanKind
from burnish.domain.trajectories import text_of

__all__ = ["Document", "Sources", "documents_of", "sources_of"]

Sources = Literal["retrieved", "tools", "both"]
_IDS = ("id", "document_id", "doc_id", "document.id", "source", "url", "uri", "path", "title", "name")
_TEXTS = ("content", "page_content", "text", "document.content", "body", "snippet")
_MANY = ("documents", "results", "items", "matches", "hits", "chunks", "nodes")


class Document(NamedTuple):
    """A text the agent had, and the names it may be cited by."""

    text: str
    names: tuple[str, ...] = ()


def sources_of(context: EvaluationContext, sources: Sources) -> list[Document]:
    """The documents in the order they came: outputs of retriever spans, results of tools, or both."""
    found: list[Document] = []
    for span in context.trace.spans:
        if sources != "tools" and span.kind in (SpanKind.RETRIEVER, SpanKind.RERANKER):
            found += documents_of(span.output)
    if sources != "retrieved":
        for use in context.tool_uses:
            found += documents_of(use.result)
    return found


def documents_of(value: Json) -> Iterator[Document]:
    """The documents in what a retriever or a tool gave back, whatever the shape."""
    if value is None:
        return
    if isinstance(value, dict):
        inner = next((value[key] for key in _MANY if isinstance(value.get(key), list)), None)
        if inner is not None:
            yield from documents_of(inner)
            return
        yield _document(value)
    elif isinstance(value, list):
        for item in value:
            yield from documents_of(item)
    else:
        yield Document(text_of(value))


def _document(value: dict[str, Json]) -> Document:
    text = next((value[key] for key in _TEXTS if isinstance(value.get(key), str)), None)
    inner = value.get("metadata")
    metadata = inner if isinstance(inner, dict) else {}
    names = [place[key] for place in (value, metadata) for key in _IDS if isinstance(place.get(key), str | int)]
    return Document(text if isinstance(text, str) else text_of(value), tuple(dict.fromkeys(map(str, names))))
