"""candour audit --metrics-file: who watches the ledger, and was not there, hears how its audit ended.

findings ──services.runtime.audited──► a file for node_exporter, a collector
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from services.cli.failures import CommandFailed

_COULD_NOT_RUN: Final = 2
MetricsFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        envvar="CANDOUR_AUDIT_METRICS_FILE",
        dir_okay=False,
        help="Replaced by the result as metrics, for node_exporter's textfile collector: *.prom.",
    ),
]


def tell(ledger: str, differing: list[str], metrics_file: Path | None, status: int) -> None:
    """Say it where it is asked for.

    Raises:
        CommandFailed: It cannot be said; the audit's own result is printed by then, and a
            difference that it found is still the exit status.
    """
    from ledger.errors import CandourError
    from services.runtime.audited import tell_audit

    try:
        tell_audit(ledger, differing, time.time(), metrics_file)
    except (OSError, CandourError) as error:
        raise CommandFailed(
            f"The result could not be told: {error}",
            "Look at --metrics-file and OTEL_EXPORTER_OTLP_ENDPOINT",
            exit_code=status or _COULD_NOT_RUN,
        ) from None
