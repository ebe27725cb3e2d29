"""Who takes in what a process exports? A collector that keeps all of it, over real OTLP/HTTP.

    exporters ──POST /v1/traces, /v1/metrics (protobuf)──► Collector ──► spans, metrics, bytes

`metrics_of` reads the other way out, /metrics, with Prometheus' own parser.
"""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families

_WAIT_S: Final = 60.0
_ANSWERS: Final[dict[str, Any]] = {
    "/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
    "/v1/metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse),
}


@dataclass
class Collector:
    """Everything that came, in order. Use it as a context manager."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    spans: list[tuple[str, Span]] = field(default_factory=list)  # with the service's name
    metrics: dict[str, Metric] = field(default_factory=dict)  # the newest of each name
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """Makes a process export all that it has, soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_TRACES_SAMPLER_ARG": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
        }

    def take(self, request: Any, body: bytes) -> None:
        self.bodies.append(body)
        if isinstance(request, ExportTraceServiceRequest):
            for one in request.resource_spans:
                said = {pair.key: pair.value.string_value for pair in one.resource.attributes}
                for scope in one.scope_spans:
                    self.spans += [(said["service.name"], span) for span in scope.spans]
            return
        for of_resource in request.resource_metrics:
            for scope in of_resource.scope_metrics:
                self.metrics.update({metric.name: metric for metric in scope.metrics})

    def await_spans(self, name: str, when: Callable[[Span], bool] = lambda _: True) -> list[Span]:
        """The spans of this name for which `when` is true, once there is one."""
        deadline = time.monotonic() + _WAIT_S
        while time.monotonic() < deadline:
            found = [span for _, span in list(self.spans) if span.name == name and when(span)]
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"no span {name}, but {sorted({s.name for _, s in self.spans})}")


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            kind, answer = _ANSWERS[self.path]
            assert "application/x-protobuf" == self.headers["Content-Type"]
            collector.take(kind.FromString(body), body)
            said = answer().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  likewise
            """Say nothing."""

    return Handler


def attributes_of(span: Span) -> dict[str, str | int]:
    """What a span says of itself."""
    return {
        pair.key: getattr(pair.value, str(pair.value.WhichOneof("value")))
        for pair in span.attributes
    }


def metrics_of(text: bytes | str) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """Of /metrics: each series by its name, then by its labels."""
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    text = text.decode() if isinstance(text, bytes) else text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = frozenset(sample.labels.items())
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def value_of(text: bytes | str, name: str, labels: Mapping[str, str]) -> float | None:
    """One metric of /metrics; None where there is none."""
    return metrics_of(text).get(name, {}).get(frozenset(labels.items()))
