"""candour statement correct | list | show: what was said in public, and how it was put right."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

import typer

from services.cli.facts import OfAgency, OfTechnology, On, Told, occurred, tell
from services.cli.options import As, AsOf, Connection, Format, command
from services.cli.output import print_object, print_rows, say
from services.cli.things import print_things, told_object

app: Final = typer.Typer(no_args_is_help=True, help="Statements, held against the record.")

Statement: TypeAlias = Annotated[
    str, typer.Argument(metavar="STATEMENT", help="statements/… as list prints it.")
]
_LIST: Final = {
    "says": "polarity",
    "agency": "scope.agency",
    "technology": "scope.technology",
    "from": "scope.period.earliest",
    "to": "scope.period.latest",
    "made": "made",
    "role": "speaker_role",
}
_HISTORY: Final = {
    "leaf": "leaf_index",
    "recorded": "recorded_at",
    "by": "reporter",
    "what": "topic",
}


@command(app, "correct")
def correct(
    at: Connection,
    told: Told,
    statement: Statement,
    on: On = None,
    by: Annotated[
        str | None, typer.Option(metavar="STATEMENT", help="The one that puts it right, if any.")
    ] = None,
    quote: Annotated[str | None, typer.Option(help="In what words.")] = None,
    url: Annotated[str | None, typer.Option(help="Where it can be read.")] = None,
) -> None:
    """Say that it was taken back or put right. What was said stays in the log."""
    from ledger.events import StatementCorrected

    tell(
        at,
        told,
        lambda t: StatementCorrected(
            statement=t.name("statements", statement),
            corrected=occurred(on, "--on"),
            by_statement=None if by is None else t.name("statements", by),
            quote=quote,
            source_url=url,
        ),
    )


@command(app, "list")
def list_statements(
    at: Connection,
    agency: OfAgency = None,
    technology: OfTechnology = None,
    form: As = Format.TABLE,
) -> None:
    """List the statements, of an agency or about a technology."""
    more = ("quote", "audience", "source_url", "coverage")
    print_things(at, "statements", _LIST, form, agency=agency, technology=technology, more=more)


@command(app, "show")
def show(at: Connection, statement: Statement, as_of: AsOf = None, form: As = Format.TABLE) -> None:
    """Show one statement, what stood behind it, and each entry that tells of it."""
    from services.cli import conditions
    from services.cli.client import Client
    from services.cli.facts import Teller
    from services.pb.candour.v1 import record_pb2

    with Client(at) as client:
        name = Teller(client).name("statements", statement)
        request = record_pb2.ListHistoryRequest(
            name=client.full_name(name), as_of=conditions.as_of(as_of, client.head_size())
        )
        entries: list[dict[str, Any]] = []
        state, tree_size = "", 0
        for page in client.pages(client.record.ListHistory, request):
            entries += map(told_object, page.entries)
            state, tree_size = page.states.get("", ""), page.tree_size
    found: dict[str, Any] = {
        **entries[0]["event"],
        "name": name,
        "state": state,
        "recorded_at": entries[0]["recorded_at"],
        "tree_size": tree_size,
        "history": entries,
    }
    print_object(found, form, leave_out=("history", "statement"))
    if form is Format.TABLE:
        print()
        print_rows(entries, _HISTORY, form)
        if state == "corrected":
            say("It was corrected: see the last entry.")
