"""How did the newest audit end? Said by the audit itself, since no server of the ledger sees it.

    findings ──by claim──► a file for node_exporter's textfile collector   (--metrics-file)
                      └──► OTLP, where a collector is named                (OTEL_EXPORTER_OTLP_…)

Gauges, not counters: an audit is a process of a minute, and what counts is what it found last. Each
claim is said, with 0 where nothing differs, so that an alert ends when the ledger is good again.

Source: Prometheus text format 0.0.4; docs/adr/0037.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from services.runtime.collectors import is_disabled, names_collector
from services.runtime.metric_names import AUDITED, BY_NAME, CLAIMS, prometheus_names

COMPLETED: Final = "candour.audit.completed"
FINDINGS: Final = "candour.audit.findings"
_OF_VIEWS: Final = "view"
AUDIT_CLAIMS: Final = tuple(sorted({*CLAIMS, *AUDITED.values(), _OF_VIEWS}))


def by_claim(differing: Iterable[str]) -> Mapping[str, int]:
    """How many findings each claim has; `differing` is the `what` of each."""
    counted = Counter(AUDITED.get(what, _OF_VIEWS) for what in differing)
    return {claim: counted[claim] for claim in AUDIT_CLAIMS}


def tell_audit(
    ledger: str, differing: Iterable[str], ended_s: float, metrics_file: Path | None
) -> None:
    """Say how an audit ended, to whoever watches.

    Args:
        ledger: Its name.
        differing: The `what` of each finding.
        ended_s: Unix time.
        metrics_file: Replaced as a whole, readable for everybody: it holds counts alone.
    Raises:
        OSError: The file cannot be written.
        Malformed: The collector is to be spoken to otherwise than over HTTP.
    """
    found = by_claim(differing)
    if metrics_file is not None:
        _replace(metrics_file, "".join(_lines(ledger, found, ended_s)))
    if not is_disabled() and names_collector("METRICS"):
        _export(ledger, found, ended_s)


def _escaped(value: str) -> str:
    """As a label's value may say it."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _lines(ledger: str, found: Mapping[str, int], ended_s: float) -> Iterator[str]:
    ledger = _escaped(ledger)
    for name, values in (
        (COMPLETED, [(f'{{ledger="{ledger}"}}', f"{ended_s:.3f}")]),
        (
            FINDINGS,
            [(f'{{ledger="{ledger}",claim="{claim}"}}', str(n)) for claim, n in found.items()],
        ),
    ):
        metric = BY_NAME[name]
        (series,) = prometheus_names(metric)
        yield f"# HELP {series} {metric.description}\n# TYPE {series} {metric.kind.value}\n"
        yield from (f"{series}{labels} {value}\n" for labels, value in values)


def _replace(path: Path, text: str) -> None:
    """A reader sees the old file or the new one, never half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, "utf-8")
        draft.chmod(0o644)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _export(ledger: str, found: Mapping[str, int], ended_s: float) -> None:
    from opentelemetry.metrics import Observation

    from services.runtime.telemetry import open_telemetry

    telemetry = open_telemetry("candour-audit")
    of_ledger = {"ledger": ledger}
    telemetry.instruments.observe(COMPLETED, lambda: [Observation(ended_s, of_ledger)])
    telemetry.instruments.observe(
        FINDINGS, lambda: [Observation(n, {**of_ledger, "claim": c}) for c, n in found.items()]
    )
    telemetry.close()  # sends what there is
