"""candour authorizations renew | vary | revoke: how an authority changed after it was granted."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from services.cli.authorizations import app as app
from services.cli.facts import Code, On, Since, Told, Until, interval, moment, occurred, tell
from services.cli.options import Connection, command

Authorization: TypeAlias = Annotated[
    str, typer.Argument(metavar="AUTHORIZATION", help="Its name, id or number.")
]
Rank: TypeAlias = Annotated[str | None, typer.Option("--granting-rank")]
Officer: TypeAlias = Annotated[
    str | None, typer.Option("--granting-officer", help="Kept as a protected value.")
]


@command(app, "renew")
def renew(
    at: Connection,
    told: Told,
    authorization: Authorization,
    since: Since = None,
    until: Until = None,
    granted_at: Annotated[str | None, typer.Option(metavar="WHEN")] = None,
    granting_officer: Officer = None,
    granting_rank: Rank = None,
) -> None:
    """Say that it is valid for a further interval."""
    from ledger.events import AuthorizationRenewed

    valid, granted = interval(since, until), moment(granted_at, "--granted-at")
    tell(
        at,
        told,
        lambda t: AuthorizationRenewed(
            authorization=t.name("authorizations", authorization),
            valid=valid,
            granted_at=granted,
            granting_rank=granting_rank,
        ),
        protected={"granting_officer": granting_officer},
    )


@command(app, "vary")
def vary(
    at: Connection,
    told: Told,
    authorization: Authorization,
    on: On = None,
    technology: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Bounds its scope; may be repeated.")
    ] = None,
    unit: Annotated[list[str] | None, typer.Option(help="As --technology.")] = None,
    offence_class: Annotated[list[str] | None, typer.Option(help="As --technology.")] = None,
    condition: Annotated[list[str] | None, typer.Option(help="In words; may be repeated.")] = None,
    granting_rank: Rank = None,
) -> None:
    """Give it another scope. All of the scope stands here: what is left out is unbounded."""
    from ledger.events import AuthorizationVaried

    tell(
        at,
        told,
        lambda t: AuthorizationVaried(
            authorization=t.name("authorizations", authorization),
            effective=occurred(on, "--on"),
            technologies=t.all("technologies", technology),
            units=tuple(unit or ()),
            offence_classes=tuple(offence_class or ()),
            conditions=tuple(condition or ()),
            granting_rank=granting_rank,
        ),
    )


@command(app, "revoke")
def revoke(
    at: Connection,
    told: Told,
    authorization: Authorization,
    on: On = None,
    code: Code = None,
    reason: Annotated[
        str | None, typer.Option(help="Why, in words; kept as a protected value.")
    ] = None,
) -> None:
    """Say that it is valid no longer. That is an end: nothing more can be told of it."""
    from ledger.events import AuthorizationRevoked

    tell(
        at,
        told,
        lambda t: AuthorizationRevoked(
            authorization=t.name("authorizations", authorization),
            effective=occurred(on, "--on"),
            code=code,
        ),
        protected={"reason": reason},
    )
