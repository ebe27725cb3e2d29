"""candour audit: does everything in the database follow from the entries?

    Settings ──open──► store, views, vkey ──ledger.store.audit──► report ──► exit status 0 | 1

Anything that keeps the audit from running ends in 2, so that 1 always means a difference.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli import audit_directory
from services.cli.audit_outside import Outside, run_outside
from services.cli.audit_telling import MetricsFile, tell
from services.cli.failures import CommandFailed
from services.cli.options import As, Format
from services.cli.output import print_object, print_rows, say
from services.cli.placed import RoutesFile, session_url
from services.cli.stores import existing_store, progress_bars

if TYPE_CHECKING:
    from ledger.store.audit import AuditReport
    from ledger.tlog import VerifierKey
    from services.runtime.settings import Settings

DIFFERENT: Final = 1
COULD_NOT_RUN: Final = 2
_CHECKS: Final = {"no.": "number", "check": "name", "outcome": "outcome", "": "detail"}
_FINDINGS: Final = {"what": "what", "where": "where", "difference": "sentence"}


def audit(
    data: Annotated[
        Path, typer.Option(envvar="CANDOUR_DATA", file_okay=False, help="As of `candour serve`.")
    ] = Path("candour-data"),
    database_url: Annotated[
        str | None, typer.Option(envvar="CANDOUR_DATABASE_URL", metavar="URL", help="Likewise.")
    ] = None,
    routes: RoutesFile = None,
    ledger: Annotated[
        str, typer.Option(envvar="CANDOUR_LEDGER", metavar="NAME", help="Which ledger.")
    ] = "main",
    vkey: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="The checkpoint key you trust; by default the data directory's."
        ),
    ] = None,
    directory: Annotated[
        bool,
        typer.Option(
            "--directory",
            help="Audit the directory, and every ledger against it: `candour directory audit`.",
        ),
    ] = False,
    outside: Outside = Outside(),  # noqa: B008  nothing in it can change
    metrics_file: MetricsFile = None,
    form: As = Format.TABLE,
) -> None:
    """Make every leaf, tile, head and view anew from the entries, and compare.

    With --url or --parquet from outside: only what is public is read, and a trust file.

    Exit status: 0 good, 1 a difference was found, 2 the audit could not run.
    """
    from services.runtime.settings import Settings

    if directory:
        at = os.environ.get("CANDOUR_DIRECTORY_AT")
        audit_directory.run(data, database_url, at, form, metrics_file, routes)
    url = session_url(routes, database_url, ledger)
    settings = Settings(data=data, database_url=url, ledger=ledger)
    try:
        if outside.is_wanted:
            report = run_outside(outside, vkey)
        else:
            report = _run(settings, vkey or data / f"{ledger}.vkey", given=vkey is not None)
    except CommandFailed as failed:
        raise CommandFailed(failed.sentence, failed.advice, exit_code=COULD_NOT_RUN) from failed
    except Exception as error:
        said = str(error).rstrip(".") or type(error).__name__
        raise CommandFailed(f"The audit could not run: {said}", exit_code=COULD_NOT_RUN) from error
    _print(report, form)
    status = 0 if report.good else DIFFERENT
    tell(ledger, [item.what for item in report.findings], metrics_file, status)
    raise typer.Exit(status)


def _run(settings: Settings, vkey: Path, *, given: bool) -> AuditReport:
    from ledger.directory import DIRECTORY
    from ledger.limits import STORE_LONG_S
    from ledger.store.audit import audit_ledger
    from services.runtime.views import open_views, views_path

    with existing_store(settings) as store:
        key = _key(vkey) if given or vkey.exists() else None
        there = settings.database_url is not None or views_path(settings).exists()
        there = there and settings.ledger != DIRECTORY  # it has no views, and gets none here
        views = open_views(settings, make=False, silent_s=STORE_LONG_S) if there else None
        try:
            with progress_bars() as progress:
                return audit_ledger(
                    store,
                    views,
                    vkey=key,
                    origin=None if key is None else key.name,
                    progress=progress,
                )
        finally:
            if views is not None:
                views.dispose()


def _key(path: Path) -> VerifierKey:
    from ledger.errors import Malformed
    from ledger.tlog import VerifierKey

    try:
        return VerifierKey.parse(path.read_text("utf-8").strip())
    except (Malformed, UnicodeDecodeError) as error:
        raise CommandFailed(f"{path} is no vkey: {error}") from None


def _print(report: AuditReport, form: Format) -> None:
    found = report.to_object()
    if form is Format.JSON:
        print_object(found, form)
        return
    if form is Format.CSV:
        print_rows(found["findings"], _FINDINGS, form)
    else:
        if "checks" in found:
            print_rows(found["checks"], _CHECKS, form)
            print()
        print_object(found, form, leave_out=("checks", "findings", "not_checked"))
        if found["findings"]:
            print()
            print_rows(found["findings"], _FINDINGS, form)
        print("\nnot checked:")
        for item in found["not_checked"]:
            print(f"  - {item}")
    sys.stdout.flush()
    say(f"{found['verdict']}: {report.tree_size} entries audited.")
