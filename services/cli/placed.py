"""Where does a ledger live, for a command that works on its database? A URL, or the routing table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from services.cli.failures import CommandFailed

RoutesFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--routes",
        envvar="CANDOUR_ROUTES",
        dir_okay=False,
        help="Which ledger lives in which PostgreSQL: a TOML file, in place of --database-url.",
    ),
]


def said_once(routes: Path | None, database_url: str | None) -> None:
    """Raises CommandFailed where both say where ledgers live."""
    if routes is not None and database_url:
        raise CommandFailed(
            "Where the ledgers live is said twice",
            "Give --routes (CANDOUR_ROUTES) or --database-url (CANDOUR_DATABASE_URL), not both",
        )


def session_url(routes: Path | None, database_url: str | None, ledger: str) -> str | None:
    """The URL for what takes long or needs a session of its own; None for SQLite.

    Raises:
        CommandFailed, RoutesRefused
    """
    said_once(routes, database_url)
    if routes is None:
        return database_url or None
    from services.runtime.routes import read_routes

    return read_routes(routes).of(ledger).session
