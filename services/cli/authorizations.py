"""candour authorizations: under what authority? The register of warrants, orders and policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.options import As, AsOf, Connection, Format, command
from services.cli.output import print_object, print_rows, say

if TYPE_CHECKING:
    from services.pb.candour.v1.registry_pb2 import AuthorizationKind

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
    granting_officer: Annotated[str | None, typer.Option(help="Kept as a protected value.")] = None,
    granting_rank: Annotated[str | None, typer.Option()] = None,
    instrument: Annotated[str | None, typer.Option(help="The legal instrument.")] = None,
    instrument_version: Annotated[str | None, typer.Option(help="… and its version.")] = None,
    urgency_used: Annotated[bool | None, typer.Option("--urgent/--not-urgent")] = None,
    technology: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Bounds its scope; may be repeated.")
    ] = None,
    unit: Annotated[list[str] | None, typer.Option(help="As --technology.")] = None,
    offence_class: Annotated[list[str] | None, typer.Option(help="As --technology.")] = None,
    form: As = Format.TABLE,
) -> None:
    """Enter an authorization into the register."""
    from ledger.names import resource_name
    from services.cli import conditions
    from services.cli.client import Client
    from services.cli.names import Names
    from services.cli.objects import receipt_object
    from services.pb.candour.v1 import common_pb2, registry_pb2
    from services.runtime.value_messages import write_time

    def moment(text: str | None, flag: str, *, at_end: bool = False) -> str | None:
        return None if text is None else conditions.time_of(text, flag, at_end=at_end)

    valid = common_pb2.Interval(
        earliest=write_time(moment(since, "--from")),
        latest=write_time(moment(until, "--to", at_end=True)),
    )
    with Client(at) as client:
        names = Names(client)
        authorization = registry_pb2.Authorization(
            name=resource_name("authorizations", given),
            agency=names.find("agencies", agency).name,
            kind=_kind(kind),
            valid=valid,
            identifier=identifier or "",
            granted_at=write_time(moment(granted_at, "--granted-at")),
            granting_officer=granting_officer or "",
            granting_rank=granting_rank or "",
            instrument=instrument or "",
            instrument_version=instrument_version or "",
            urgency_used=urgency_used,
            technologies=[names.find("technologies", item).name for item in technology or ()],
            units=unit or (),
            offence_classes=offence_class or (),
        )
        request = registry_pb2.GrantAuthorizationRequest(
            parent=client.parent, authorization=authorization
        )
        answer = client.call(client.registry.GrantAuthorization, request)
    print_object(receipt_object(answer.receipt), form)


def _kind(given: str) -> AuthorizationKind.ValueType:
    from ledger.errors import Malformed
    from ledger.events.register import AUTHORIZATION_KINDS
    from services.pb.candour.v1.registry_pb2 import AuthorizationKind

    if given not in AUTHORIZATION_KINDS:
        raise Malformed("--kind", f"must be one of {', '.join(AUTHORIZATION_KINDS)}")
    return AuthorizationKind.Value(f"AUTHORIZATION_KIND_{given.upper()}")
