"""candour instruments, candour approvals: under which law, and who may act?"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import typer

from services.cli.facts import (
    Agency,
    Code,
    Names,
    OfAgency,
    OfTechnology,
    On,
    Since,
    Told,
    Unit,
    Until,
    fresh_name,
    interval,
    occurred,
    tell,
)
from services.cli.options import As, Connection, Format, command
from services.cli.things import print_things

instruments: Final = typer.Typer(
    no_args_is_help=True, help="Statutes, regulations, policies, codes of practice."
)
approvals: Final = typer.Typer(no_args_is_help=True, help="Who may use a technology.")

_INSTRUMENTS: Final = {"called": "called", "where": "jurisdiction", "version": "last.version"}
_APPROVALS: Final = {
    "agency": "agency",
    "technology": "technology",
    "unit": "unit",
    "from": "valid.earliest",
    "to": "valid.latest",
    "by": "approved_by",
}
Url: TypeAlias = Annotated[str | None, typer.Option("--url", help="Where it can be read.")]


@command(instruments, "list")
def list_instruments(at: Connection, form: As = Format.TABLE) -> None:
    """List the legal instruments, each with the version told last."""
    print_things(at, "instruments", _INSTRUMENTS, form, more=("citation",))


@command(instruments, "add")
def add_instrument(
    at: Connection,
    told: Told,
    given: Annotated[str, typer.Argument(metavar="NAME", help="Its short title, or instruments/…")],
    title: Annotated[str | None, typer.Option(help="Its title, where NAME is an id.")] = None,
    jurisdiction: Annotated[str | None, typer.Option(help="As CA-NS.")] = None,
    citation: Annotated[str | None, typer.Option(help="As it is cited.")] = None,
) -> None:
    """Enter a legal instrument into the register."""
    from ledger.events import LegalInstrumentRegistered
    from ledger.names import resource_name
    from services.cli.registering import display_name

    tell(
        at,
        told,
        lambda _t: LegalInstrumentRegistered(
            instrument=resource_name("instruments", given),
            name=title or display_name(given),
            jurisdiction=jurisdiction,
            citation=citation,
        ),
    )


@command(instruments, "version")
def add_version(
    at: Connection,
    told: Told,
    instrument: Annotated[str, typer.Argument(metavar="INSTRUMENT", help="Its name or id.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As 2018-04.")],
    since: Since = None,
    until: Until = None,
    sha256: Annotated[
        str | None, typer.Option(help="Of its text, in hex: fixes its words.")
    ] = None,
    url: Url = None,
) -> None:
    """Say which version of it was in force, and when."""
    from ledger.events import LegalInstrumentVersioned

    in_force = interval(since, until)
    tell(
        at,
        told,
        lambda t: LegalInstrumentVersioned(
            instrument=t.name("instruments", instrument),
            version=version,
            in_force=in_force,
            text_sha256=sha256,
            url=url,
        ),
    )


@command(approvals, "list")
def list_approvals(
    at: Connection,
    agency: OfAgency = None,
    technology: OfTechnology = None,
    form: As = Format.TABLE,
) -> None:
    """List the approvals. Whom they are of is protected, and not shown here."""
    print_things(at, "approvals", _APPROVALS, form, agency=agency, technology=technology)


@command(approvals, "add")
def add_approval(
    at: Connection,
    told: Told,
    performer: Annotated[
        str,
        typer.Argument(metavar="WHO", help="As the source calls them: a user id, first of all."),
    ],
    agency: Agency,
    technology: OfTechnology = None,
    unit: Unit = None,
    since: Since = None,
    until: Until = None,
    approved_by: Annotated[str | None, typer.Option("--by", help="A body or office.")] = None,
    name: Names = None,
) -> None:
    """Say that somebody may use a technology for an agency; without --technology: any.

    Who is a protected value. Where an agency has approvals for a technology, whoever else uses
    it is not on the list.
    """
    from ledger.events import PerformerApproved
    from services.pb.candour.v1.common_pb2 import Performer

    valid = interval(since, until)
    tell(
        at,
        told,
        lambda t: PerformerApproved(
            approval=fresh_name("approvals", name, agency, technology),
            agency=t.name("agencies", agency),
            valid=valid,
            technology=t.technology(technology),
            unit=unit,
            approved_by=approved_by,
        ),
        performer=Performer(user_id=performer),
    )


@command(approvals, "end")
def end_approval(
    at: Connection,
    told: Told,
    approval: Annotated[
        str, typer.Argument(metavar="APPROVAL", help="approvals/… as list prints it.")
    ],
    on: On = None,
    code: Code = None,
) -> None:
    """Say that an approval holds no longer."""
    from ledger.events import PerformerApprovalEnded

    tell(
        at,
        told,
        lambda t: PerformerApprovalEnded(
            approval=t.name("approvals", approval), effective=occurred(on, "--on"), code=code
        ),
    )
