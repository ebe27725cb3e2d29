"""candour uses show: one use, and each entry that made it what it is."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from services.cli.options import As, AsOf, Connection, Format, command
from services.cli.output import print_object, print_rows
from services.cli.uses import app as app
from services.cli.uses import use_name

_HISTORY: Final = {"leaf": "leaf_index", "recorded": "recorded_at", "what": "topic"}


@command(app, "show")
def show(
    at: Connection,
    name: Annotated[str, typer.Argument(metavar="USE", help="toolUses/… as list prints it.")],
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """Show one use, protected values included, and each entry that made it so."""
    from services.cli import conditions
    from services.cli.client import Client
    from services.cli.objects import use_object
    from services.pb.candour.v1 import query_pb2

    with Client(at) as client:
        size = client.head_size()
        request = query_pb2.GetToolUseRequest(
            name=client.full_name(use_name(name)),
            as_of=conditions.as_of(as_of, size),
            min_tree_size=size,
        )
        answer = client.call(client.query.GetToolUse, request)
    history = [
        {
            "leaf_index": item.leaf_index,
            "topic": item.topic,
            "recorded_at": item.recorded_at,
            "entry": item.entry.decode(),
        }
        for item in answer.history
    ]
    found: dict[str, Any] = use_object(answer.tool_use)
    found |= {"tree_size": answer.tree_size, "history": history}
    print_object(found, form, leave_out=("history", "definite"))
    if form is Format.TABLE:
        print()
        print_rows(history, _HISTORY, form)
