"""candour mandates, proceedings, holds: who looks at the record, and under what right?"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import typer

from services.cli.facts import (
    Code,
    OfAgency,
    On,
    Reference,
    Since,
    Told,
    Until,
    interval,
    occurred,
    period,
    tell,
)
from services.cli.options import As, Connection, Format, command
from services.cli.things import print_things

mandates: Final = typer.Typer(no_args_is_help=True, help="Bodies that may look into something.")
proceedings: Final = typer.Typer(no_args_is_help=True, help="Inquiries, complaints, court cases.")
holds: Final = typer.Typer(no_args_is_help=True, help="Legal holds: what must not be erased.")

_SCOPE: Final = {"body": "body", "agencies": "agencies", "technologies": "technologies"}
Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="What to call it here.")]
Known: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="As list prints it.")]
Body: TypeAlias = Annotated[str, typer.Option("--body", help="Which body, office or court.")]
Agencies: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--agency", metavar="NAME", help="Bounds its scope; may be repeated."),
]
Technologies: TypeAlias = Annotated[
    list[str] | None, typer.Option("--technology", metavar="NAME", help="As --agency.")
]


@command(mandates, "list")
def list_mandates(at: Connection, agency: OfAgency = None, form: As = Format.TABLE) -> None:
    """List the mandates."""
    columns = {**_SCOPE, "from": "valid.earliest", "to": "valid.latest", "basis": "basis"}
    print_things(at, "mandates", columns, form, agency=agency)


@command(mandates, "grant")
def grant_mandate(
    at: Connection,
    told: Told,
    name: Name,
    body: Body,
    since: Since = None,
    until: Until = None,
    basis: Annotated[str | None, typer.Option(help="The statute, order or appointment.")] = None,
    agency: Agencies = None,
    technology: Technologies = None,
) -> None:
    """Say that a body may look into something."""
    from ledger.events import MandateGranted
    from ledger.names import resource_name

    valid = interval(since, until)
    tell(
        at,
        told,
        lambda t: MandateGranted(
            mandate=resource_name("mandates", name),
            body=body,
            valid=valid,
            basis=basis,
            agencies=t.all("agencies", agency),
            technologies=t.all("technologies", technology),
        ),
    )


@command(mandates, "end")
def end_mandate(at: Connection, told: Told, name: Known, on: On = None, code: Code = None) -> None:
    """Say that a mandate ended, before its time or by it."""
    from ledger.events import MandateEnded

    tell(
        at,
        told,
        lambda t: MandateEnded(
            mandate=t.name("mandates", name), effective=occurred(on, "--on"), code=code
        ),
    )


@command(proceedings, "list")
def list_proceedings(at: Connection, agency: OfAgency = None, form: As = Format.TABLE) -> None:
    """List the proceedings."""
    columns = {**_SCOPE, "kind": "kind", "reference": "reference", "outcome": "last.outcome"}
    print_things(at, "proceedings", columns, form, agency=agency)


@command(proceedings, "open")
def open_proceeding(
    at: Connection,
    told: Told,
    name: Name,
    body: Body,
    kind: Annotated[str | None, typer.Option(help="As inquiry, complaint, trial.")] = None,
    on: On = None,
    agency: Agencies = None,
    technology: Technologies = None,
    reference: Reference = None,
) -> None:
    """Say that an inquiry, investigation, complaint or court case began."""
    from ledger.events import ProceedingOpened
    from ledger.names import resource_name

    tell(
        at,
        told,
        lambda t: ProceedingOpened(
            proceeding=resource_name("proceedings", name),
            body=body,
            kind=kind,
            opened=occurred(on, "--on"),
            agencies=t.all("agencies", agency),
            technologies=t.all("technologies", technology),
            reference=reference,
        ),
    )


@command(proceedings, "close")
def close_proceeding(
    at: Connection,
    told: Told,
    name: Known,
    on: On = None,
    outcome: Annotated[str | None, typer.Option(help="What came of it, as a code.")] = None,
    reference: Reference = None,
) -> None:
    """Say that it ended."""
    from ledger.events import ProceedingClosed

    tell(
        at,
        told,
        lambda t: ProceedingClosed(
            proceeding=t.name("proceedings", name),
            closed=occurred(on, "--on"),
            outcome=outcome,
            reference=reference,
        ),
    )


@command(holds, "list")
def list_holds(at: Connection, agency: OfAgency = None, form: As = Format.TABLE) -> None:
    """List the legal holds."""
    columns = {**_SCOPE, "from": "period.earliest", "to": "period.latest"}
    print_things(at, "legalHolds", columns, form, agency=agency, more=("proceeding",))


@command(holds, "set")
def set_hold(
    at: Connection,
    told: Told,
    name: Name,
    body: Body,
    agency: Agencies = None,
    technology: Technologies = None,
    since: Since = None,
    until: Until = None,
    proceeding: Annotated[str | None, typer.Option(metavar="NAME", help="For which one.")] = None,
) -> None:
    """Say that nothing within a scope may be erased; all of the flags bound it together."""
    from ledger.events import LegalHoldSet
    from ledger.names import resource_name

    span = period(since, until)
    tell(
        at,
        told,
        lambda t: LegalHoldSet(
            legal_hold=resource_name("legalHolds", name),
            body=body,
            agencies=t.all("agencies", agency),
            technologies=t.all("technologies", technology),
            period=span,
            proceeding=None if proceeding is None else t.name("proceedings", proceeding),
        ),
    )


@command(holds, "lift")
def lift_hold(at: Connection, told: Told, name: Known, on: On = None, code: Code = None) -> None:
    """Say that the hold is over."""
    from ledger.events import LegalHoldLifted

    tell(
        at,
        told,
        lambda t: LegalHoldLifted(
            legal_hold=t.name("legalHolds", name), effective=occurred(on, "--on"), code=code
        ),
    )
