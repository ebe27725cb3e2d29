"""candour ledgers: which are there, how large, what is published, where do they live, where to next?

list            a server is asked           list --routes FILE   the databases are asked
move NAME       to another PostgreSQL       move NAME --abort    it stays where it is
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli import ledgers_move
from services.cli.options import As, Connection, Format, command
from services.cli.output import print_rows

if TYPE_CHECKING:
    from services.pb.candour.v1.proofs_pb2 import Ledger

app: Final = typer.Typer(no_args_is_help=True, help="The ledgers of a deployment.")
command(app, "move")(ledgers_move.move)
_COLUMNS: Final = {
    "ledger": "ledger",
    "origin": "origin",
    "size": "tree_size",
    "published": "published",
    "listed": "listed",
    "directory": "directory",
}
_PLACED: Final = {
    "ledger": "ledger",
    "place": "place",
    "state": "state",
    "size": "tree_size",
    "root": "root",
    "published": "published",
}


@command(app, "list")
def list_ledgers(
    at: Connection,
    routes: Annotated[
        Path | None,
        typer.Option(
            "--routes",
            dir_okay=False,
            help="Ask the databases that this table names, and no server: where each ledger lives,"
            " and how large it is there.",
        ),
    ] = None,
    form: As = Format.TABLE,
) -> None:
    """List them: name, origin, size, what is published, and what the directory lists of it."""
    if routes is not None:
        from services.moving.placed import placed

        print_rows(placed(routes), _PLACED, form, more=("origin",))
        return
    from services.cli.client import Client
    from services.pb.candour.v1.proofs_pb2 import ListLedgersRequest

    with Client(at) as client:
        found = client.call(client.proofs.ListLedgers, ListLedgersRequest()).ledgers
    print_rows(map(_row, found), _COLUMNS, form, more=("vkey", "checkpoint"))


def _row(item: Ledger) -> dict[str, Any]:
    published = item.checkpoint != ""
    return {
        "ledger": item.name.removeprefix("ledgers/"),
        "origin": item.origin,
        "tree_size": item.tree_size,
        "published": item.checkpoint_tree_size if published else None,
        "listed": item.listed_tree_size if item.HasField("listed_tree_size") else None,
        "directory": item.directory or None,
        "vkey": item.vkey,
        "checkpoint": item.checkpoint or None,
    }
