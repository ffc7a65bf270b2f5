"""Spans in OpenTelemetry's own protocol, OTLP: as lines of JSON, or sent to a collector over HTTP."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from sandboxes.errors import InfraError, InputError

_AT_ONCE = 512  # spans in a request: below 1 MiB, where a collector takes 4
_IDS = ("traceId", "spanId", "parentSpanId")
_PATH = "/v1/traces"


def json_lines(spans: Sequence[ReadableSpan]) -> Iterator[str]:
    """Each is an ExportTraceServiceRequest, as OTLP's file exporters write them."""
    for batch in _batches(spans):
        request = MessageToDict(encode_spans(batch), use_integers_for_enums=True)
        for part in _parts_with_ids(request):
            # OTLP has ids in hexadecimal, other than JSON of protocol buffers in general.
            part.update({name: base64.b64decode(part[name]).hex() for name in _IDS if name in part})
        yield json.dumps(request, separators=(",", ":"))


def send(spans: Sequence[ReadableSpan], endpoint: str) -> None:
    """POST them to an OTLP/HTTP endpoint; the `OTEL_EXPORTER_OTLP_…` variables apply, as for headers.

    Raises InputError for what is no such URL, InfraError where the spans are not taken within the time.
    """
    url = _url(endpoint)
    exporter: SpanExporter = OTLPSpanExporter(endpoint=url)
    try:
        for batch in _batches(spans):
            with _heard() as said:
                result = exporter.export(batch)
            if result is not SpanExportResult.SUCCESS:
                raise InfraError(f"{url} did not take the spans: {' '.join(said[-2:])}")
    finally:
        exporter.shutdown()


def _url(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise InputError(f"--endpoint: {endpoint!r} is no URL such as http://localhost:4318{_PATH}")
    return urlunsplit(parts._replace(path=_PATH)) if parts.path in ("", "/") else endpoint


def _batches(spans: Sequence[ReadableSpan]) -> Iterator[Sequence[ReadableSpan]]:
    for start in range(0, len(spans), _AT_ONCE):
        yield spans[start : start + _AT_ONCE]


def _parts_with_ids(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                yield span
                yield from span.get("links", ())


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What the exporter logs: the only word of what went wrong each time, and that it gave up."""
    listener, logger = _Listener(), logging.getLogger("opentelemetry")
    logger.addHandler(listener)
    try:
        yield listener.said
    finally:
        logger.removeHandler(listener)
