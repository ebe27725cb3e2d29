"""candour ledgers move: another PostgreSQL for a ledger that is served. Run again, it goes on.

routes or --from, --to ──copy, seal, compare, hand over──► the new place ──► the routing table
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.failures import CommandFailed
from services.cli.options import As, Format
from services.cli.output import print_object, say
from services.cli.stores import progress_bars

if TYPE_CHECKING:
    from services.runtime.routes import Routes

_TO: Final = "CANDOUR_MOVE_TO"
_SAID: Final = {
    "copy": "copying; the ledger is served as ever",
    "audit": "auditing the copy",
    "seal": "stopping it: callers are told to come again",
    "the rest": "copying what came meanwhile",
    "compare": "comparing all there is",
    "hand over": "handing over: from here on there is no way back",
}


def move(
    ledger: Annotated[str, typer.Argument(metavar="NAME", help="Which ledger; or `directory`.")],
    to: Annotated[
        str | None,
        typer.Option(
            envvar=_TO,
            metavar="URL",
            help="Where to: a database without that ledger. Prefer the environment, a command line"
            " can be read by others.",
        ),
    ] = None,
    routes: Annotated[
        Path | None,
        typer.Option(
            envvar="CANDOUR_ROUTES",
            dir_okay=False,
            help="The routing table: says where it is now, and is changed in the end.",
        ),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            envvar="CANDOUR_DATABASE_URL", metavar="URL", help="Where it is now, without a table."
        ),
    ] = None,
    abort: Annotated[
        bool,
        typer.Option("--abort", help="Let it go on where it is. Until it is handed over."),
    ] = False,
    form: As = Format.TABLE,
) -> None:
    """Move a ledger to another PostgreSQL. It is copied while it is served, then stops for seconds."""
    from services.runtime.routes import read_routes, shown

    table = None if routes is None else read_routes(routes)
    source = database_url if table is None else _source(table, ledger, to)
    if not source:
        raise CommandFailed("Where it is now is not said", "Give --routes, or --database-url")
    if abort:
        _abort(ledger, source, form)
        return
    if not to:
        raise CommandFailed("Where to is not said", f"Give --to, or set {_TO}")
    switched = None if table is None else _switched(table, ledger, to)
    from services.moving.moving import Moving
    from services.moving.moving import move as move_it

    with progress_bars() as progress:
        moved = move_it(
            Moving(
                ledger=ledger,
                source_url=source,
                target_url=to,
                source_name=shown(source),
                target_name=shown(to),
                say=lambda step: say(_SAID[step]) if step in _SAID else None,
                progress=progress,
            )
        )
    if table is not None and switched is not None:
        _switch(table.path, switched)
    told = {
        "ledger": ledger,
        "place": shown(to),
        "tree_size": moved.tree_size,
        "root": moved.root.hex(),
        "stopped_s": round(moved.stopped_us / 1e6, 1),
    }
    print_object(told, form)
    where = "" if table is None else f" {table.path} says so already;"
    say(
        f"It lives there now;{where} give every front-end the new route and start it again. The old"
        " place refuses whatever comes; take its schema away once nobody needs it."
    )


def _source(table: Routes, ledger: str, to: str | None) -> str:
    route = table.of(ledger)
    if to in (route.database, route.session):
        raise CommandFailed(
            f"{table.path} says that {ledger} lives there already",
            "To end a move whose table was changed by hand, give --database-url for the old place",
        )
    return route.session


def _abort(ledger: str, source: str, form: Format) -> None:
    from services.moving.moving import abort

    mark = abort(source, ledger)
    print_object({"ledger": ledger, "to": mark.to, "sealed_at": mark.sealed_at}, form)
    say("It goes on where it is, within seconds. The copy stays; the next move goes on with it.")


def _switched(table: Routes, ledger: str, to: str) -> str:
    """What the table will say; asked before anything is stopped."""
    if not os.access(table.path.resolve().parent, os.W_OK):
        raise CommandFailed(
            f"{table.path} cannot be changed from here",
            "Give --database-url for the old place, and change the route yourself afterwards",
        )
    return table.with_route(ledger, to)


def _switch(table: Path, text: str) -> None:
    """The file is whole at every moment; its mode stays."""
    path = table.resolve()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, path.stat().st_mode & 0o777)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
