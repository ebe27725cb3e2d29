"""Is a collector named, for which signal, and can we speak to it? OpenTelemetry's own variables.

    OTEL_EXPORTER_OTLP_ENDPOINT, …_TRACES_ENDPOINT, …_METRICS_ENDPOINT   where
    OTEL_TRACES_EXPORTER=none, OTEL_METRICS_EXPORTER=none                that signal is not sent
    OTEL_SDK_DISABLED=true                                               nothing is sent or kept

Apart from telemetry.py, which loads more, so that a projector without a collector stays small.

Source: opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from ledger.errors import Malformed

_SPOKEN: Final = ("", "http/protobuf")


def is_disabled(environment: Mapping[str, str] | None = None) -> bool:
    """True where no telemetry is wanted at all."""
    said = os.environ if environment is None else environment
    return said.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def names_collector(signal: str, environment: Mapping[str, str] | None = None) -> bool:
    """True where a collector is named for a signal.

    Args:
        signal: TRACES or METRICS.
        environment: As os.environ.
    Raises:
        Malformed: It is to be spoken to otherwise than over HTTP.
    """
    said = os.environ if environment is None else environment
    if is_disabled(said) or said.get(f"OTEL_{signal}_EXPORTER", "otlp").strip() != "otlp":
        return False
    kinds = (f"{signal}_", "")
    if not any(said.get(f"OTEL_EXPORTER_OTLP_{kind}ENDPOINT", "").strip() for kind in kinds):
        return False
    for kind in kinds:
        name = f"OTEL_EXPORTER_OTLP_{kind}PROTOCOL"
        if said.get(name, "").strip() not in _SPOKEN:
            raise Malformed(name, "must be http/protobuf; a collector takes it on port 4318")
    return True
