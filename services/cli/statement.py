"""candour statement correct | list | show: what was said in public, and how it was put right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from services.cli.facts import OfAgency, OfTechnology, On, Told, occurred, tell
from services.cli.options import As, AsOf, Connection, Format, command
from services.cli.output import print_object, print_rows, say
from services.cli.things import thing_object, things, told_object

if TYPE_CHECKING:
    from services.cli.client import Client

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
    "verdicts": "codes",
}
_VERDICTS: Final = {
    "verdict": "code",
    "certain": "certain",
    "lag (s)": "lag_s",
    "capture": "capture",
    "entries": "leaf_indexes",
}
_QUESTION: Final = 3  # which statements the record contradicts
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
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """List the statements, of an agency or about a technology, each with what the record says of it."""
    from services.cli import conditions
    from services.cli.client import Client
    from services.cli.facts import Teller

    with Client(at) as client:
        teller = Teller(client)
        point = conditions.as_of(as_of, client.head_size())
        named = teller.agency(agency)
        found = list(
            things(
                client,
                "statements",
                agency=named,
                technology=teller.technology(technology),
                as_of=point,
            )
        )
        verdicts = verdicts_of(client, point, agency=named) if found else {}
    rows = [thing_object(thing) | verdicts.get(thing.name, {}) for thing in found]
    more = ("quote", "audience", "source_url", "coverage", "recorded_at")
    print_rows(rows, {**_LIST, "state": "state", "name": "name"}, form, more=more)


@command(app, "show")
def show(at: Connection, statement: Statement, as_of: AsOf = None, form: As = Format.TABLE) -> None:
    """Show one statement, what stood behind it, and what the record says of it."""
    from services.cli import conditions
    from services.cli.client import Client
    from services.cli.facts import Teller
    from services.pb.candour.v1 import record_pb2

    with Client(at) as client:
        name = Teller(client).name("statements", statement)
        point = conditions.as_of(as_of, client.head_size())
        request = record_pb2.ListHistoryRequest(name=client.full_name(name), as_of=point)
        entries: list[dict[str, Any]] = []
        state, tree_size = "", 0
        for page in client.pages(client.record.ListHistory, request):
            entries += map(told_object, page.entries)
            state, tree_size = page.states.get("", ""), page.tree_size
        verdicts = verdicts_of(client, point, statement=name).get(name, {})
    found: dict[str, Any] = {
        **entries[0]["event"],
        "name": name,
        "state": state,
        "recorded_at": entries[0]["recorded_at"],
        **verdicts,
        "tree_size": tree_size,
        "history": entries,
    }
    print_object(found, form, leave_out=("history", "statement", "verdicts"))
    if form is Format.TABLE:
        print()
        print_rows(verdicts.get("verdicts", []), _VERDICTS, form)
        print()
        print_rows(entries, _HISTORY, form)
        say(
            f"As of tree size {tree_size}. `candour ask 3 --statement {name}` says it with evidence."
        )


def verdicts_of(
    client: Client, as_of: Any, *, agency: str | None = None, statement: str | None = None
) -> dict[str, dict[str, Any]]:
    """What the record says of statements, by name: `codes`, and `verdicts` one by one.

    Raises:
        CommandFailed: The ledger does not answer.
    """
    from services.pb.candour.v1 import oversight_pb2

    request = oversight_pb2.AskRequest(
        parent=client.parent,
        question=_QUESTION,
        parameters=oversight_pb2.Parameters(agency=agency or "", statement=statement or ""),
        as_of=as_of,
    )
    found: dict[str, dict[str, Any]] = {}
    for page in client.pages(client.oversight.Ask, request):
        for one in json.loads(page.answer_json)["statements"]:
            found[one["name"]] = {"codes": one["codes"], "verdicts": one["verdicts"]}
    return found
