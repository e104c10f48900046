"""OTLP traces, protobuf or JSON, in any of the conventions that agents are instrumented with.

A body becomes `RawSpan`s whatever its encoding, and one mapper turns those into spans of the domain: OTel GenAI old
and new, OpenLLMetry, OpenInference, the Vercel AI SDK and Pydantic AI. Message content that an instrumentation sends
as log records (POST /v1/logs) becomes content of the span it names.
"""

from burnish.adapters.sources.otlp.body import DecodedRequest, decode_body
from burnish.adapters.sources.otlp.raw import RawSpan
from burnish.adapters.sources.otlp.reply import encode_response
from burnish.adapters.sources.otlp.spans import map_span
from burnish.adapters.sources.otlp.traces import spans_from_body, spans_to_traces

__all__ = [
    "DecodedRequest",
    "RawSpan",
    "decode_body",
    "encode_response",
    "map_span",
    "spans_from_body",
    "spans_to_traces",
]
