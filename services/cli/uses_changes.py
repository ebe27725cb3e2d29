"""candour uses withdraw | same-as | link: corrections, each a new entry; nothing is edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from services.cli.options import As, Connection, Format, Wait, Waiting, command
from services.cli.output import print_object
from services.cli.uses import app as app
from services.cli.uses import use_name

if TYPE_CHECKING:
    from services.pb.candour.v1.common_pb2 import Receipt

Use: TypeAlias = Annotated[str, typer.Argument(metavar="USE", help="toolUses/… as list prints it.")]


@command(app, "withdraw")
def withdraw(
    at: Connection,
    name: Use,
    reason: Annotated[str, typer.Option(help="Why, in words; kept as a protected value.")],
    code: Annotated[str | None, typer.Option(help="Why, as a code.")] = None,
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Take back one report: it stays in the log and counts no longer."""
    from services.cli.client import Client
    from services.pb.candour.v1.ingest_pb2 import WithdrawToolUseRequest

    with Client(at) as client:
        request = WithdrawToolUseRequest(
            name=client.full_name(use_name(name)),
            reason=reason,
            code=code or "",
            wait_for=wait.wire,
        )
        _print(client.call(client.ingest.WithdrawToolUse, request).receipt, form)


@command(app, "same-as")
def same_as(
    at: Connection,
    name: Use,
    other: Annotated[
        str, typer.Argument(metavar="OTHER", help="The report that goes on counting.")
    ],
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Say that USE tells of a search that OTHER already holds: USE counts no longer."""
    from services.cli.client import Client
    from services.pb.candour.v1.ingest_pb2 import MarkToolUseSameAsRequest

    with Client(at) as client:
        request = MarkToolUseSameAsRequest(
            name=client.full_name(use_name(name)), same_as=use_name(other), wait_for=wait.wire
        )
        _print(client.call(client.ingest.MarkToolUseSameAs, request).receipt, form)


@command(app, "link")
def link(
    at: Connection,
    name: Use,
    authorization: Annotated[
        str, typer.Argument(metavar="AUTHORIZATION", help="Name, id or number; need not be known.")
    ],
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Link an authorization to a use that was already reported."""
    from services.cli.client import Client
    from services.cli.names import Names
    from services.pb.candour.v1.registry_pb2 import LinkAuthorizationRequest

    with Client(at) as client:
        request = LinkAuthorizationRequest(
            name=client.full_name(use_name(name)),
            authorization=Names(client).find("authorizations", authorization).name,
            wait_for=wait.wire,
        )
        _print(client.call(client.registry.LinkAuthorization, request).receipt, form)


def _print(receipt: Receipt, form: Format) -> None:
    from services.cli.objects import receipt_object

    print_object(receipt_object(receipt), form)
