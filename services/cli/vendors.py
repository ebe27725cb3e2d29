"""candour incidents, candour holdings: what is known of vendors, and of what an agency has of them?

A holding with no source behind it is a sign of uses that nobody reports: it is counted, out loud,
in whatever a "no" covers.
"""

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
    Reference,
    Since,
    Told,
    Unit,
    Until,
    fresh_name,
    occurred,
    period,
    tell,
)
from services.cli.options import As, Connection, Format, command
from services.cli.output import print_rows, say
from services.cli.things import print_things, thing_object, things

incidents: Final = typer.Typer(no_args_is_help=True, help="What happened at a vendor.")
holdings: Final = typer.Typer(
    no_args_is_help=True, help="Units, licences, trials, invoices and accounts of an agency."
)

_INCIDENTS: Final = {
    "vendor": "vendor",
    "kind": "kind",
    "technologies": "technologies",
    "occurred": "occurred",
    "aware": "became_aware",
}
_HOLDINGS: Final = {
    "agency": "agency",
    "kind": "kind",
    "technology": "technology",
    "vendor": "vendor",
    "unit": "unit",
    "source": "last.source",
}
Holding: TypeAlias = Annotated[
    str, typer.Argument(metavar="HOLDING", help="holdings/… as list prints it.")
]


@command(incidents, "list")
def list_incidents(at: Connection, agency: OfAgency = None, form: As = Format.TABLE) -> None:
    """List what happened at vendors."""
    print_things(at, "incidents", _INCIDENTS, form, agency=agency, more=("source_url",))


@command(incidents, "report")
def report_incident(
    at: Connection,
    told: Told,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it here.")],
    vendor: Annotated[str, typer.Option(help="At whom it happened.")],
    kind: Annotated[
        str, typer.Option(help="breach, outage, data_error, unlawful_collection, other")
    ],
    technology: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Which are concerned; may be repeated.")
    ] = None,
    on: On = None,
    aware: Annotated[
        str | None, typer.Option("--aware", metavar="WHEN", help="When the agency learnt of it.")
    ] = None,
    agency: Annotated[str | None, typer.Option(metavar="NAME", help="Which agency learnt.")] = None,
    url: Annotated[str | None, typer.Option(help="Where it was reported.")] = None,
) -> None:
    """Say what happened at a vendor. Uses of its technologies before then may be exposed."""
    from ledger.events import VendorIncidentReported
    from ledger.names import resource_name

    tell(
        at,
        told,
        lambda t: VendorIncidentReported(
            incident=resource_name("incidents", name),
            vendor=vendor,
            kind=kind,
            technologies=t.all("technologies", technology),
            occurred=occurred(on, "--on"),
            became_aware=occurred(aware, "--aware"),
            agency=t.agency(agency),
            source_url=url,
        ),
    )


@command(holdings, "list")
def list_holdings(
    at: Connection,
    unconnected: Annotated[
        bool, typer.Option("--unconnected", help="Only those with no source behind them.")
    ] = False,
    agency: OfAgency = None,
    technology: OfTechnology = None,
    form: As = Format.TABLE,
) -> None:
    """List what agencies hold; those with no source behind them are counted for each agency."""
    from services.cli.client import Client
    from services.cli.facts import Teller

    with Client(at) as client:
        teller = Teller(client)
        found = things(
            client,
            "holdings",
            agency=teller.agency(agency),
            technology=teller.technology(technology),
            state="unconnected" if unconnected else "",
        )
        rows = [thing_object(thing) for thing in found]
    columns = {**_HOLDINGS, "state": "state", "leaf": "leaf_index", "name": "name"}
    print_rows(rows, columns, form, more=("period", "seats", "reference", "recorded_at"))
    alone: dict[str, int] = {}
    for row in rows:
        alone[row["agency"]] = alone.get(row["agency"], 0) + (row["state"] == "unconnected")
    for held_by, count in sorted(alone.items()):
        if count:
            say(f"{held_by}: {count} with no source behind {'it' if count == 1 else 'them'}.")


@command(holdings, "add")
def add_holding(
    at: Connection,
    told: Told,
    agency: Agency,
    kind: Annotated[str, typer.Option(help="unit, licence, trial, invoice, account")],
    technology: OfTechnology = None,
    vendor: Annotated[str | None, typer.Option(help="From whom.")] = None,
    unit: Unit = None,
    since: Since = None,
    until: Until = None,
    seats: Annotated[int | None, typer.Option(min=0, help="How many may use it.")] = None,
    reference: Reference = None,
    name: Names = None,
) -> None:
    """Say that an agency has something of a technology, by whatever paper shows it."""
    from ledger.events import HoldingRecorded

    span = period(since, until)
    tell(
        at,
        told,
        lambda t: HoldingRecorded(
            holding=fresh_name("holdings", name, agency, technology or vendor, kind),
            agency=t.name("agencies", agency),
            kind=kind,
            technology=t.technology(technology),
            vendor=vendor,
            unit=unit,
            period=span,
            seats=seats,
            reference=reference,
        ),
    )


@command(holdings, "connect")
def connect_holding(
    at: Connection,
    told: Told,
    holding: Holding,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="That reports what is done with it.")
    ],
    on: On = None,
) -> None:
    """Say that a source of the register reports what is done with it."""
    from ledger.events import HoldingConnected

    tell(
        at,
        told,
        lambda t: HoldingConnected(
            holding=t.name("holdings", holding),
            source=t.name("sources", source),
            effective=occurred(on, "--on"),
        ),
    )


@command(holdings, "end")
def end_holding(
    at: Connection, told: Told, holding: Holding, on: On = None, code: Code = None
) -> None:
    """Say that the agency has it no longer."""
    from ledger.events import HoldingEnded

    tell(
        at,
        told,
        lambda t: HoldingEnded(
            holding=t.name("holdings", holding), effective=occurred(on, "--on"), code=code
        ),
    )
