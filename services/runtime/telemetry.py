"""Where does a process say how it is doing? At /metrics, and at a collector if one is named.

    OTEL_EXPORTER_OTLP_ENDPOINT ──► OTLP/HTTP: metrics every OTEL_METRIC_EXPORT_INTERVAL, spans by
                                    the batch, TRACE_RATIO of them or OTEL_TRACES_SAMPLER_ARG
    without it                  ──► metrics at /metrics alone, and no spans at no cost

The variables are OpenTelemetry's own, each signal's included; OTEL_SDK_DISABLED=true turns all of
it off. One set of providers a process, handed on and never global.

Source: opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from ledger.errors import Malformed
from ledger.limits import TELEMETRY_CLOSE_S, TELEMETRY_EXPORT_S, TRACE_RATIO
from services.runtime.collectors import is_disabled, names_collector
from services.runtime.metrics import Instruments
from services.runtime.tracing import OFF, Tracing

if TYPE_CHECKING:  # the SDK takes 15 MB and 0.2 s: only who serves, or exports, loads it
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.resources import Resource

_log: Final = logging.getLogger("candour.telemetry")
_SCOPE: Final = "candour"


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What a process counts with and traces with.

    Members:
        render: The metrics as Prometheus reads them; None where nothing is kept.
    """

    instruments: Instruments
    tracing: Tracing = OFF
    render: Callable[[], bytes] | None = None
    _closing: list[Callable[[], None]] = field(default_factory=list)

    def close(self) -> None:
        """Send what is left, for TELEMETRY_CLOSE_S at most. Blocking."""
        # Of its own, a daemon: a collector that hangs must not keep the process from ending.
        threads = [threading.Thread(target=end, daemon=True) for end in self._closing]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TELEMETRY_CLOSE_S)


SILENT: Final[Telemetry] = Telemetry(Instruments())


def open_telemetry(
    service: str,
    environment: Mapping[str, str] | None = None,
    *,
    metrics: bool = True,
) -> Telemetry:
    """The telemetry that the environment asks for.

    Args:
        service: Name of what runs, unless OTEL_SERVICE_NAME says otherwise.
        environment: As os.environ; OpenTelemetry's exporters read os.environ itself.
        metrics: False for spans alone: nobody asks a child for its metrics.
    Raises:
        Malformed: OTEL_EXPORTER_OTLP_PROTOCOL or OTEL_TRACES_SAMPLER_ARG cannot be followed.
    """
    said = os.environ if environment is None else environment
    if is_disabled(said):
        return SILENT
    spans = names_collector("TRACES", said)
    if not metrics and not spans:
        return SILENT
    resource = _resource(service)
    closing: list[Callable[[], None]] = []
    instruments, render = SILENT.instruments, None
    if metrics:
        instruments, render = _metrics(resource, said, closing)
    tracing = _tracing(resource, said, closing) if spans else OFF
    return Telemetry(instruments, tracing, render, closing)


def _resource(service: str) -> Resource:
    from opentelemetry.sdk.resources import Resource

    own: dict[str, str | int] = {
        "service.name": service,
        "service.instance.id": str(uuid.uuid4()),
        "service.version": _version(),
    }
    return Resource.create(own)  # with OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME


def _version() -> str:
    try:
        return version("candour-ledger")
    except PackageNotFoundError:  # run from its sources
        return "unknown"


def _metrics(
    resource: Resource, said: Mapping[str, str], closing: list[Callable[[], None]]
) -> tuple[Instruments, Callable[[], bytes]]:
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    shown = PrometheusMetricReader(registry=registry, scope_info_enabled=False)
    readers: list[MetricReader] = [shown]
    if names_collector("METRICS", said):
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        readers.append(
            PeriodicExportingMetricReader(
                OTLPMetricExporter(timeout=TELEMETRY_EXPORT_S),
            )
        )
    provider = MeterProvider(
        readers,
        resource,
        shutdown_on_exit=False,
        exemplar_filter=AlwaysOffExemplarFilter(),  # a span's id for each metric is no use here
    )
    closing.append(provider.shutdown)
    reading = threading.Lock()  # the reader keeps what it collected until it is rendered

    def render() -> bytes:
        with reading:
            return generate_latest(registry)

    return Instruments(provider.get_meter(_SCOPE)), render


def _tracing(
    resource: Resource, said: Mapping[str, str], closing: list[Callable[[], None]]
) -> Tracing:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

    sampler = None  # the provider reads OTEL_TRACES_SAMPLER itself
    if not said.get("OTEL_TRACES_SAMPLER", "").strip():
        sampler = ParentBasedTraceIdRatio(_ratio(said))
    provider = TracerProvider(sampler, resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(timeout=TELEMETRY_EXPORT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    closing.append(provider.shutdown)
    return Tracing(provider.get_tracer(_SCOPE))


def _ratio(said: Mapping[str, str]) -> float:
    name = "OTEL_TRACES_SAMPLER_ARG"
    text = said.get(name, "").strip()
    if not text:
        return TRACE_RATIO
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise Malformed(name, "must be a share from 0 to 1")
    return ratio
