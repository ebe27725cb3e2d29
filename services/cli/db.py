"""candour db: how far is the schema of a ledger's database, and what brings it along?

Settings ──► status: steps taken and pending │ migrate --dry-run: the SQL, what it locks │ migrate

They work on the database itself, beside servers that go on writing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli.failures import CommandFailed
from services.cli.options import As, Format, command
from services.cli.output import print_rows, say
from services.cli.stores import progress_bars

if TYPE_CHECKING:
    from services.runtime.settings import Settings

app: Final = typer.Typer(
    no_args_is_help=True, help="The schema of a ledger's database: how far it is, and migrations."
)
PENDING: Final = 1
_STATUS: Final = {"ledger": "ledger", "no.": "number", "step": "name", "state": "state", "": "why"}
_DONE: Final = {"ledger": "ledger", "no.": "number", "step": "name"}
_PLAN: Final = {"ledger": "ledger", "part": "part", "step": "name", "locks": "locks", "sql": "sql"}


@dataclass(frozen=True, kw_only=True)
class Where:
    """Which ledgers."""

    data: Annotated[
        Path, typer.Option(envvar="CANDOUR_DATA", file_okay=False, help="As of `candour serve`.")
    ] = Path("candour-data")
    database_url: Annotated[
        str | None,
        typer.Option(
            "--database-url",
            "--database",
            envvar="CANDOUR_DATABASE_URL",
            metavar="URL",
            help="Likewise; as the role that owns the ledger's schema.",
        ),
    ] = None
    routes: Annotated[
        Path | None,
        typer.Option(envvar="CANDOUR_ROUTES", dir_okay=False, help="Likewise, for many places."),
    ] = None
    ledger: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="One ledger; by default all that are there, the directory too.",
            show_default=False,
        ),
    ] = None


@command(app, "status")
def status(where: Where, form: As = Format.TABLE) -> None:
    """List the steps of each ledger's schema: taken, pending, or held until they are named.

    Exit status: 0 nothing is pending, 1 something is.
    """
    from ledger.store.schemas import steps_of
    from services.runtime.schema import look_at

    rows, expanding = [], False
    for settings in _ledgers(where):
        found = look_at(settings)
        expanding |= found.expanding
        for step in steps_of(postgres=settings.session_url is not None):
            taken = step.number <= found.version
            state = (
                "taken" if taken else f"held: --to {step.number}" if step.contract else "pending"
            )
            rows.append(_row(settings, step.number, step.name, state=state, why=step.why))
        if found.version > found.newest:
            rows.append(_row(settings, found.version, "of a newer release", state="taken", why=""))
    print_rows(rows, _STATUS, form)
    if expanding:
        say(
            "Steps are pending: `candour db migrate --dry-run` shows them, `candour db migrate` does."
        )
        raise typer.Exit(PENDING)


@command(app, "migrate")
def migrate(
    where: Where,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the SQL and what it locks; change nothing.")
    ] = False,
    to: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Up to this step. By default it stops before one that takes away what front-ends"
            " of the last release need.",
            show_default=False,
        ),
    ] = None,
    form: As = Format.TABLE,
) -> None:
    """Take the pending steps, while servers go on writing. Broken off, it goes on where it was.

    Several at once take turns. Take a backup first.
    """
    from services.runtime.schema import look_at, planned
    from services.runtime.schema import migrate as bring

    if dry_run:
        _show(where, to, form)
        return
    done: list[dict[str, Any]] = []
    settings_of = _ledgers(where)
    try:
        with progress_bars() as progress:
            for settings in settings_of:
                if planned(settings, to=to):
                    say(f"ledger {settings.ledger}: schema {look_at(settings).version}")
                for step in bring(settings, to=to, progress=progress):
                    done.append(_row(settings, step.number, step.name))
                    say(f"ledger {settings.ledger}: step {step.number}, {step.name}: done")
    finally:
        print_rows(done, _DONE, form)
    held = [one for settings in settings_of for one in look_at(settings).pending if one.contract]
    if held and to is None:
        say(
            f"Step {held[0].number}, {held[0].name}, waits: once no front-end of the last release"
            f" runs, `candour db migrate --to {held[0].number}`."
        )
    if not done:
        say("There was nothing to do.")


def _show(where: Where, to: int | None, form: Format) -> None:
    from services.runtime.schema import planned

    rows = []
    for settings in _ledgers(where):
        for step, parts in planned(settings, to=to):
            for number, (part, sql) in enumerate(parts, 1):
                at = f"{step.number}.{number}"
                more = {"part": at, "locks": part.locks, "again": part.batches, "sql": sql}
                rows.append(_row(settings, step.number, step.name, **more))
    if form is not Format.TABLE:
        print_rows(rows, _PLAN, form, more=("again",))
        return
    for row in rows:
        print(f"-- ledger {row['ledger']}, {row['part']} {row['name']}; locks {row['locks']}")
        if row["again"]:
            print("-- and so on, to the last entry that stood there before")
        print(row["sql"], end="\n\n")
    say("Nothing was changed." if rows else "There is nothing to do.")


def _row(settings: Settings, number: int, name: str, **more: object) -> dict[str, Any]:
    return {"ledger": settings.ledger, "number": number, "name": name, **more}


def _ledgers(where: Where) -> list[Settings]:
    """Of each ledger that is meant. Raises CommandFailed where there is none."""
    from ledger.directory import DIRECTORY
    from services.runtime.hosting import ledger_names
    from services.runtime.routes import read_routes
    from services.runtime.settings import Settings

    table = None if where.routes is None else read_routes(where.routes)
    base = Settings(data=where.data, database_url=where.database_url or None, routes=table)
    if where.ledger is not None:
        return [base.of(where.ledger)]
    if table is not None:
        names = [*table.ledgers, *([DIRECTORY] if table.directory is not None else [])]
    else:
        names = ledger_names(base, directory=True)
    if not names:
        raise CommandFailed("There is no ledger there", "Say where with --data or --database-url")
    return [base.of(name) for name in names]
