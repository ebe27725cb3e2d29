"""candour authorizations: under what authority? The register of warrants, orders and policies."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import typer

from services.cli.facts import Told, interval, moment, tell
from services.cli.options import As, AsOf, Connection, Format, command
from services.cli.output import print_rows, say

app: Final = typer.Typer(no_args_is_help=True, help="Warrants, orders, consents and policies.")

_COLUMNS: Final = {
    "name": "name",
    "agency": "agency",
    "kind": "kind",
    "number": "identifier",
    "from": "valid.earliest",
    "to": "valid.latest",
}
_MORE: Final = (
    *("granted_at", "granting_officer", "granting_rank", "instrument", "instrument_version"),
    *("urgency_used", "technologies", "units", "offence_classes"),
)

Protected: TypeAlias = Annotated[str | None, typer.Option(help="Kept as a protected value.")]


@command(app, "list")
def list_authorizations(at: Connection, form: As = Format.TABLE) -> None:
    """List the registered authorizations."""
    from services.cli.registers import print_register

    print_register(at, "authorizations", form)


@command(app, "in-force")
def in_force(
    at: Connection,
    instant: Annotated[
        str,
        typer.Option("--at", metavar="WHEN", help="An RFC 3339 time; a date: its midnight, UTC."),
    ],
    agency: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this one.")] = None,
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """List the authorizations whose validity holds an instant."""
    from services.cli import conditions
    from services.cli.client import Client
    from services.cli.names import Names
    from services.cli.objects import authorization_object
    from services.pb.candour.v1.query_pb2 import ListAuthorizationsInForceRequest
    from services.runtime.value_messages import write_time

    moment = conditions.time_of(instant, "--at")
    with Client(at) as client:
        size = client.head_size()
        request = ListAuthorizationsInForceRequest(
            parent=client.parent,
            instant=write_time(moment),
            agency="" if agency is None else Names(client).find("agencies", agency).name,
            as_of=conditions.as_of(as_of, size),
            min_tree_size=size,
        )
        pages = client.pages(client.query.ListAuthorizationsInForce, request)
        rows = (authorization_object(item) for page in pages for item in page.authorizations)
        print_rows(rows, _COLUMNS, form, more=_MORE)
    say(f"In force at {moment}.")


@command(app, "grant")
def grant(
    at: Connection,
    told: Told,
    given: Annotated[
        str, typer.Argument(metavar="NAME", help="A name for it, or authorizations/…")
    ],
    agency: Annotated[str, typer.Option(metavar="NAME", help="To whom it was granted.")],
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="warrant, order, statute, consent, policy, other")
    ],
    since: Annotated[
        str | None, typer.Option("--from", metavar="WHEN", help="It holds from here on.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", metavar="WHEN", help="… to here; a date holds its whole day."),
    ] = None,
    identifier: Annotated[str | None, typer.Option(help="The number on the paper.")] = None,
    granted_at: Annotated[str | None, typer.Option(metavar="WHEN")] = None,
    granting_officer: Protected = None,
    granting_rank: Annotated[str | None, typer.Option()] = None,
    instrument: Annotated[
        str | None, typer.Option(help="The legal instrument: a title, or one of the register.")
    ] = None,
    instrument_version: Annotated[str | None, typer.Option(help="… and its version.")] = None,
    urgency_used: Annotated[bool | None, typer.Option("--urgent/--not-urgent")] = None,
    urgency_reason: Protected = None,
    self_authorised: Annotated[
        bool | None,
        typer.Option(
            "--self-authorised/--not-self-authorised", help="Whoever granted it acted under it."
        ),
    ] = None,
    technology: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Bounds its scope; may be repeated.")
    ] = None,
    unit: Annotated[list[str] | None, typer.Option(help="As --technology.")] = None,
    offence_class: Annotated[list[str] | None, typer.Option(help="As --technology.")] = None,
    condition: Annotated[list[str] | None, typer.Option(help="In words; may be repeated.")] = None,
    subjects: Protected = None,
    places: Protected = None,
) -> None:
    """Enter an authorization into the register."""
    from ledger.events import AuthorizationGranted
    from ledger.names import resource_name

    valid, moment_granted = interval(since, until), moment(granted_at, "--granted-at")
    tell(
        at,
        told,
        lambda t: AuthorizationGranted(
            authorization=resource_name("authorizations", given),
            agency=t.name("agencies", agency),
            kind=kind,
            valid=valid,
            identifier=identifier,
            granted_at=moment_granted,
            granting_rank=granting_rank,
            instrument=instrument,
            instrument_version=instrument_version,
            urgency_used=urgency_used,
            self_authorisation=self_authorised,
            technologies=t.all("technologies", technology),
            units=tuple(unit or ()),
            offence_classes=tuple(offence_class or ()),
            conditions=tuple(condition) if condition else None,
        ),
        protected={
            "granting_officer": granting_officer,
            "urgency_reason": urgency_reason,
            "subjects": subjects,
            "places": places,
        },
    )
