"""Does a process export when a collector is named, and only then? Its environment decides."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ledger.errors import Malformed
from ledger.limits import TELEMETRY_CLOSE_S
from services.runtime.collectors import names_collector
from services.runtime.telemetry import SILENT, open_telemetry

AT = "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("traces", "metrics", "environment"),
    [
        (False, False, {}),
        (False, False, {"OTEL_EXPORTER_OTLP_ENDPOINT": " "}),
        (True, True, {"OTEL_EXPORTER_OTLP_ENDPOINT": AT}),
        (True, False, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": AT}),
        (False, True, {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": AT}),
        (False, True, {"OTEL_EXPORTER_OTLP_ENDPOINT": AT, "OTEL_TRACES_EXPORTER": "none"}),
        (False, False, {"OTEL_EXPORTER_OTLP_ENDPOINT": AT, "OTEL_SDK_DISABLED": "TRUE"}),
    ],
)
def test_the_environment_names_the_collector(
    traces: bool, metrics: bool, environment: dict[str, str]
) -> None:
    """OpenTelemetry's variables, each signal by itself."""
    assert traces == names_collector("TRACES", environment)
    assert metrics == names_collector("METRICS", environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ("OTEL_TRACES_SAMPLER_ARG", "often"),
    ],
)
def test_what_cannot_be_followed_is_refused(name: str, value: str) -> None:
    """A setting that we do not obey is named, and not passed over."""
    with pytest.raises(Malformed) as refused:
        open_telemetry("test", {"OTEL_EXPORTER_OTLP_ENDPOINT": AT, name: value})
    assert name == refused.value.field


def test_without_a_collector_no_span_is_made() -> None:
    """Metrics are kept, for /metrics; spans are off, and a child has neither."""
    telemetry = open_telemetry("test", {})

    assert telemetry.render is not None
    assert not telemetry.tracing.on
    assert SILENT is open_telemetry("test", {}, metrics=False)
    assert SILENT is open_telemetry("test", {"OTEL_SDK_DISABLED": "true"})


def test_a_collector_that_hangs_keeps_nobody_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing is over within TELEMETRY_CLOSE_S for each of the two, whatever it does."""
    telemetry = open_telemetry("test", {})
    closing: Any = telemetry._closing
    closing.append(lambda: time.sleep(60))
    started = time.monotonic()
    telemetry.close()

    assert time.monotonic() - started < 2 * TELEMETRY_CLOSE_S + 5
