"""candour audit --url, --parquet: is a ledger, seen from outside, what its key signed?

    tiles (directory, server) ──processes──┐
    Parquet ──DuckDB, Spark────────────────┴─► report ──► exit status 0 | 1 | 2

Needs what is public and a trust file, and nothing of the operator's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.failures import USAGE, CommandFailed
from services.cli.stores import progress_bars

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.audit.report import AuditReport
    from ledger.audit.trusted import Trust
    from ledger.tlog import VerifierKey
    from services.audit.parquet_audit import Engine


class EngineName(StrEnum):
    """What hashes and sorts Parquet."""

    DUCKDB = "duckdb"
    SPARK = "spark"


@dataclass(frozen=True, kw_only=True)
class Outside:
    """An audit of what is public."""

    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL|DIR",
            help="From outside: a log's prefix (…/ledgers/<ledger>), or a directory of tiles.",
        ),
    ] = None
    parquet: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="From outside: what `candour export parquet` wrote."),
    ] = None
    engine: Annotated[EngineName, typer.Option(help="What audits Parquet.")] = EngineName.DUCKDB
    spark_master: Annotated[str, typer.Option(metavar="MASTER", help="Of --engine spark.")] = (
        "local[*]"
    )
    trust: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="From outside: the ledger's trust file, not from the ledger itself.",
        ),
    ] = None
    older: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="A checkpoint that you kept: does the log add to it?"),
    ] = None
    state: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="With --url: keeps what is done, to go on from there."),
    ] = None
    jobs: Annotated[
        int, typer.Option(min=0, max=64, help="Processes or threads; 0: one a core.")
    ] = 0

    @property
    def is_wanted(self) -> bool:
        """True where one is asked for. Raises CommandFailed where only its options are."""
        wanted = self.url is not None or self.parquet is not None
        if not wanted and (self.trust, self.older, self.state) != (None, None, None):
            raise CommandFailed(
                "--trust, --older and --state are of an audit from outside",
                "Say of what, with --url or --parquet",
                exit_code=USAGE,
            )
        if self.state is not None and self.parquet is not None:
            raise CommandFailed("--state is of an audit of tiles", exit_code=USAGE)
        return wanted


def run_outside(wanted: Outside, vkey: Path | None) -> AuditReport:
    """Audit as the command line says.

    Raises:
        CommandFailed: The command line is wrong, or it was broken off.
        CandourError, OSError: It could not run.
    """
    from services.audit.tiles import TileAudit, cores

    if wanted.url is not None and wanted.parquet is not None:
        raise CommandFailed("--url and --parquet are two audits; give one", exit_code=USAGE)
    trust = trust_of(wanted.trust, vkey)
    older = None if wanted.older is None else wanted.older.read_bytes()
    jobs = wanted.jobs or cores()
    with progress_bars() as progress:
        try:
            if wanted.url is not None:
                from services.audit.sources import source_of

                source = source_of(wanted.url)
                return TileAudit(source, trust, older, wanted.state, jobs, progress).run()
            from services.audit.parquet_audit import ParquetAudit

            assert wanted.parquet is not None, "one of the two is wanted"
            return ParquetAudit(wanted.parquet, trust, _engine(wanted, jobs), older, progress).run()
        except KeyboardInterrupt:
            advice = (
                "Go on with the same --state" if wanted.state else "--state FILE keeps what is done"
            )
            raise CommandFailed("Broken off", advice, exit_code=USAGE) from None


def trust_of(trust: Path | None, vkey: Path | None) -> Trust:
    """Whom the command line says to believe. Raises CommandFailed where it says nothing."""
    from ledger.tlog import parse_trust_policy

    if trust is not None:
        return parse_trust_policy(trust.read_bytes())
    return vkey_of(vkey)


def vkey_of(vkey: Path | None) -> VerifierKey:
    """The key in a file. Raises CommandFailed where none is named."""
    from ledger.tlog import VerifierKey

    if vkey is None:
        raise CommandFailed(
            "What is seen from outside needs the ledger's trust file or key, got by another way than"
            " the ledger itself",
            "Give --trust FILE or --vkey FILE",
            exit_code=USAGE,
        )
    return VerifierKey.parse(vkey.read_text("utf-8").strip())


def _engine(wanted: Outside, jobs: int) -> Callable[[], Engine]:
    if wanted.engine is EngineName.DUCKDB:
        from services.audit.duckdb_engine import DuckDb

        return lambda: DuckDb(threads=jobs)
    from services.audit.spark_engine import Spark

    return lambda: Spark(wanted.spark_master)
