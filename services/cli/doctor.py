"""candour doctor: is this deployment well? In words, with what to do next.

Settings ──► Patient ──looks──► rows ──► exit status 0 good │ 1 look at it │ 2 bad
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from services.cli.options import As, Format
from services.cli.output import print_rows, say
from services.cli.placed import RoutesFile, session_url

_COLUMNS: Final = {"check": "name", "": "outcome", "found": "says", "do": "do"}


def doctor(
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
    grpc: Annotated[
        str, typer.Option(envvar="CANDOUR_GRPC", metavar="HOST:PORT", help="As of `candour serve`.")
    ] = "127.0.0.1:50051",
    http: Annotated[
        str, typer.Option(envvar="CANDOUR_HTTP", metavar="HOST:PORT", help="Likewise.")
    ] = "127.0.0.1:8080",
    witness_policy: Annotated[
        Path | None,
        typer.Option(envvar="CANDOUR_WITNESS_POLICY", dir_okay=False, help="Likewise."),
    ] = None,
    backups: Annotated[
        Path | None,
        typer.Option(
            envvar="CANDOUR_BACKUPS", file_okay=False, help="Where `candour backup` puts them."
        ),
    ] = None,
    form: As = Format.TABLE,
) -> None:
    """Examine a deployment, its server up or down. Nothing is changed.

    Exit status: 0 good, or not to be told; 1 something to look at; 2 something is bad.
    """
    from services.backup.manifest import newest_backup
    from services.doctor.examine import examine
    from services.doctor.examined import Outcome, exit_status
    from services.doctor.patient import Patient
    from services.runtime.settings import Settings

    settings = Settings(
        data=data,
        database_url=session_url(routes, database_url, ledger),
        ledger=ledger,
        grpc=grpc,
        http=http,
        witness_policy=witness_policy,
    )

    def last_backup(origin: str | None) -> tuple[str, int, Path] | None:
        found = None if backups is None else newest_backup(backups, origin)
        return None if found is None else (found[1].made_at, found[1].tree_size, found[0])

    patient = Patient(settings, backups)
    try:
        looks = list(examine(patient, last_backup))
    finally:
        patient.close()
    print_rows((asdict(look) for look in looks), _COLUMNS, form)
    counts = {kind: sum(look.outcome is kind for look in looks) for kind in Outcome}
    say(", ".join(f"{count} {kind.value}" for kind, count in counts.items() if count))
    raise typer.Exit(exit_status(looks))
