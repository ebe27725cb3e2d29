"""candour ledgers: which ledgers does a server have, how large are they, and what is published?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import typer

from services.cli.options import As, Connection, Format, command
from services.cli.output import print_rows

if TYPE_CHECKING:
    from services.pb.candour.v1.proofs_pb2 import Ledger

app: Final = typer.Typer(no_args_is_help=True, help="The ledgers of a server.")
_COLUMNS: Final = {
    "ledger": "ledger",
    "origin": "origin",
    "size": "tree_size",
    "published": "published",
    "listed": "listed",
    "directory": "directory",
}


@command(app, "list")
def list_ledgers(at: Connection, form: As = Format.TABLE) -> None:
    """List them: name, origin, size, what is published, and what the directory lists of it."""
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
