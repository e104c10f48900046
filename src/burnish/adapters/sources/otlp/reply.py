"""The answer to an export request, in the encoding that the request came in."""

import json

from burnish.adapters.sources.otlp.body import JSON_TYPES, media_type

__all__ = ["encode_response"]


def encode_response(rejected: int, message: str, content_type: str) -> bytes:
    """An ExportTraceServiceResponse: empty for full success, else with `rejected` spans and a message."""
    if media_type(content_type) in JSON_TYPES:
        partial = {"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": message}}
        return json.dumps(partial if rejected or message else {}).encode()
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    response = ExportTraceServiceResponse()
    if rejected or message:
        response.partial_success.rejected_spans = rejected
        response.partial_success.error_message = message
    encoded: bytes = response.SerializeToString()
    return encoded
