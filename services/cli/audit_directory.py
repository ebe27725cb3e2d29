"""candour audit --directory: is every listing true, and is every checkpoint listed?

    data directory, database ──► the directory, and every ledger that is there
         ──ledger.store.audit_directory──► report ──► exit status 0 | 1 | 2

Keys come from the data directory (`<ledger>.vkey`), never from the database that is audited.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli import directory
from services.cli.audit_telling import MetricsFile, tell
from services.cli.failures import CommandFailed
from services.cli.options import As, Format, command
from services.cli.output import print_object, print_rows, say
from services.cli.placed import RoutesFile, said_once
from services.cli.stores import existing_store, progress_bars

if TYPE_CHECKING:
    from ledger.store.audit_directory import AuditedLedger, DirectoryReport
    from ledger.tlog import VerifierKey
    from services.runtime.settings import Settings

app: Final = directory.app  # two modules, one group
DIFFERENT: Final = 1
COULD_NOT_RUN: Final = 2
_LEDGERS: Final = {
    "ledger": "origin",
    "listed": "listed",
    "newest size": "newest",
    "differences": "differences",
}
_FINDINGS: Final = {
    "ledger": "origin",
    "what": "what",
    "where": "where",
    "difference": "sentence",
}


@command(app, "audit")
def audit_command(
    data: Annotated[
        Path, typer.Option(envvar="CANDOUR_DATA", file_okay=False, help="As of `candour serve`.")
    ] = Path("candour-data"),
    database_url: Annotated[
        str | None, typer.Option(envvar="CANDOUR_DATABASE_URL", metavar="URL", help="Likewise.")
    ] = None,
    directory_at: Annotated[
        str | None, typer.Option(envvar="CANDOUR_DIRECTORY_AT", metavar="DIR|URL", help="Likewise.")
    ] = None,
    routes: RoutesFile = None,
    metrics_file: MetricsFile = None,
    form: As = Format.TABLE,
) -> None:
    """Hold every ledger to what the directory lists of it, and the other way round.

    It reads all entries of every ledger, and nothing of their views: `candour audit --ledger NAME`
    does. Exit status: 0 good, 1 a difference was found, 2 the audit could not run.
    """
    run(data, database_url, directory_at, form, metrics_file, routes)


def run(
    data: Path,
    database_url: str | None,
    directory_at: str | None,
    form: Format,
    metrics_file: Path | None = None,
    routes: Path | None = None,
) -> None:
    """As the command, which `candour audit --directory` is as well. Raises typer.Exit."""
    from ledger.directory import DIRECTORY
    from services.runtime.routes import read_routes
    from services.runtime.settings import Settings

    said_once(routes, database_url)
    settings = Settings(
        data=data,
        database_url=database_url or None,
        routes=None if routes is None else read_routes(routes),
        directory_at=directory_at or None,
    )
    try:
        report = _audit(settings)
    except Exception as error:
        said = str(error).rstrip(".") or type(error).__name__
        raise CommandFailed(f"The audit could not run: {said}", exit_code=COULD_NOT_RUN) from error
    _print(report, form)
    status = 0 if report.good else DIFFERENT
    found = [item["what"] for item in report.to_object()["findings"]]
    tell(DIRECTORY, found, metrics_file, status)
    raise typer.Exit(status)


def _audit(settings: Settings) -> DirectoryReport:
    from ledger.store.audit_directory import audit_directory
    from services.runtime.hosting import ledger_names, now_us

    own = settings.of_directory()
    with ExitStack() as stack:
        store = stack.enter_context(existing_store(own))
        key = _key(own)
        names = ledger_names(settings) if settings.routes is None else settings.routes.ledgers
        ledgers = [_opened(settings.of(name), stack) for name in names]
        progress = stack.enter_context(progress_bars())
        origin = store.meta()["origin"] if key is None else key.name
        return audit_directory(
            store, ledgers, origin=origin, key=key, now_us=now_us(), progress=progress
        )


def _opened(settings: Settings, stack: ExitStack) -> AuditedLedger:
    """A ledger under the name that its key has; its database may say what it likes."""
    from ledger.store.audit_directory import AuditedLedger

    store = stack.enter_context(existing_store(settings))
    key = _key(settings)
    origin = store.meta().get("origin", settings.ledger) if key is None else key.name
    return AuditedLedger(settings.ledger, origin, store, key)


def _key(settings: Settings) -> VerifierKey | None:
    from ledger.tlog import VerifierKey

    path = settings.data / f"{settings.ledger}.vkey"
    return VerifierKey.parse(path.read_text("utf-8").strip()) if path.exists() else None


def _print(report: DirectoryReport, form: Format) -> None:
    found = report.to_object()
    if form is Format.JSON:
        print_object(found, form)
    elif form is Format.CSV:
        print_rows(found["findings"], _FINDINGS, form)
    else:
        print_rows(found["ledgers"], _LEDGERS, form)
        if found["findings"]:
            print()
            print_rows(found["findings"], _FINDINGS, form)
        for text in found["equivocations"]:
            print("\nTwo checkpoints that convict the key that signed both:\n")
            print(text)
        print("\nnot checked:")
        for item in found["not_checked"]:
            print(f"  - {item}")
    sys.stdout.flush()
    say(f"{found['verdict']}: {found['tree_size']} entries of the directory audited.")
