"""Traces by hand, in OpenTelemetry's GenAI words.

Spans go to whatever tracer provider the process has: the one `start` sets, or one set before by whoever runs the agent.
Without OpenTelemetry every span here is a stand-in that does nothing, and the agent works the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_provider: Any = None


class Span:
    """What the agent needs of a span: attributes and the trace's id."""

    def __init__(self, span: Any = None) -> None:
        self._span = span
        recording = span is not None and span.is_recording()
        self.trace_id: str | None = format(span.get_span_context().trace_id, "032x") if recording else None

    def set(self, key: str, value: Any) -> None:
        """Set an attribute; None means there is nothing to record."""
        if self._span is not None and value is not None:
            self._span.set_attribute(key, value)


def start() -> bool:
    """Send spans from here on, if the environment names an endpoint; True when it does and the packages are there."""
    global _provider
    if _provider is not None:
        return True
    if not any(os.environ.get(f"OTEL_EXPORTER_OTLP_{kind}ENDPOINT") for kind in ("", "TRACES_")):
        return False
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace import set_tracer_provider
    except ImportError:
        return False
    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "support_desk")})
    _provider = TracerProvider(resource=resource)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    set_tracer_provider(_provider)
    return True


def stop() -> None:
    """Send what is still waiting."""
    global _provider
    if _provider is not None:
        _provider.shutdown()
        _provider = None


@contextmanager
def span(name: str, attributes: Mapping[str, Any], *, client: bool = False) -> Iterator[Span]:
    """A span around a block; an exception marks it as failed and passes through."""
    try:
        from opentelemetry.trace import SpanKind, Status, StatusCode, get_tracer
    except ImportError:
        yield Span()
        return
    kind = SpanKind.CLIENT if client else SpanKind.INTERNAL
    known = {key: value for key, value in attributes.items() if value is not None}
    with get_tracer("support_desk").start_as_current_span(
        name, kind=kind, attributes=known, set_status_on_exception=False
    ) as inner:
        try:
            yield Span(inner)
        except Exception as error:
            inner.set_attribute("error.type", type(error).__name__)
            inner.set_status(Status(StatusCode.ERROR, str(error)))
            raise


def messages(*turns: tuple[str, str]) -> str:
    """Turns of (role, text) as GenAI's message attributes want them: a JSON string."""
    return json.dumps(
        [{"role": role, "parts": [{"type": "text", "content": text}]} for role, text in turns], ensure_ascii=False
    )
