"""The answer to an export request, in the encoding that the request came in."""

import json

from burnish.adapters.sources.otlp.body import JSON_TYPES, media_type

__all__ = ["encode_response"]


def encode_response(rejected: int, message: str, content_type: str, *, logs: bool = False) -> bytes:
    """An ExportTraceServiceResponse, or with `logs` an ExportLogsServiceResponse.

    Empty for full success, else with the number of `rejected` spans or log records and a message.
    """
    if media_type(content_type) in JSON_TYPES:
        counted = "rejectedLogRecords" if logs else "rejectedSpans"
        partial = {"partialSuccess": {counted: str(rejected), "errorMessage": message}}
        return json.dumps(partial if rejected or message else {}).encode()
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    if logs:
        answer = ExportLogsServiceResponse()
        if rejected or message:
            answer.partial_success.rejected_log_records = rejected
            answer.partial_success.error_message = message
        return bytes(answer.SerializeToString())
    response = ExportTraceServiceResponse()
    if rejected or message:
        response.partial_success.rejected_spans = rejected
        response.partial_success.error_message = message
    encoded: bytes = response.SerializeToString()
    return encoded
