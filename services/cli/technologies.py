"""candour technologies assess | approve | trial | suspend | resume | retire: the life of a technology.

What names an agency speaks of that agency's use of it; what names none speaks of everybody's.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import typer

from services.cli.facts import (
    OfAgency,
    On,
    Reference,
    Told,
    moment,
    occurred,
    tell,
)
from services.cli.options import Connection, command
from services.cli.registers import technologies

app: Final = technologies

trial: Final = typer.Typer(no_args_is_help=True, help="An agency tries a technology out.")
app.add_typer(trial, name="trial")

Technology: TypeAlias = Annotated[
    str, typer.Argument(metavar="TECHNOLOGY", help="A registered one: its name or id.")
]
TrialOf: TypeAlias = Annotated[str, typer.Option("--agency", metavar="NAME", help="Which agency.")]
Cause: TypeAlias = Annotated[str | None, typer.Option("--cause", help="Why, as a code.")]
UntilDay: TypeAlias = Annotated[
    str | None,
    typer.Option("--until", metavar="WHEN", help="It holds to here; a date holds its whole day."),
]


@command(app, "assess")
def assess(
    at: Connection,
    told: Told,
    technology: Technology,
    kind: Annotated[
        str,
        typer.Option(
            help="privacy_impact, fundamental_rights, data_protection, security, accuracy, other"
        ),
    ],
    agency: OfAgency = None,
    on: On = None,
    assessed_by: Annotated[str | None, typer.Option("--by", help="A body, not a person.")] = None,
    outcome: Annotated[
        str | None, typer.Option(help="accepted, accepted_with_conditions, rejected, pending")
    ] = None,
    reference: Reference = None,
    sha256: Annotated[str | None, typer.Option(help="Of the document, in hex.")] = None,
) -> None:
    """Say that somebody assessed it: a privacy impact assessment, say."""
    from ledger.events import TechnologyAssessed

    tell(
        at,
        told,
        lambda t: TechnologyAssessed(
            technology=t.name("technologies", technology),
            kind=kind,
            agency=t.agency(agency),
            effective=occurred(on, "--on"),
            assessed_by=assessed_by,
            outcome=outcome,
            reference=reference,
            document_sha256=sha256,
        ),
    )


@command(app, "approve")
def approve(
    at: Connection,
    told: Told,
    technology: Technology,
    approved_by: Annotated[str, typer.Option("--by", help="The body that allows it.")],
    agency: OfAgency = None,
    on: On = None,
    until: UntilDay = None,
    condition: Annotated[list[str] | None, typer.Option(help="In words; may be repeated.")] = None,
    unit: Annotated[list[str] | None, typer.Option(help="Bounds it; may be repeated.")] = None,
    purpose: Annotated[list[str] | None, typer.Option(help="As --unit.")] = None,
    retention_days: Annotated[
        int | None, typer.Option(min=0, help="How far back its data may reach.")
    ] = None,
    reference: Reference = None,
) -> None:
    """Say that a body allowed its use, perhaps under conditions and until a day."""
    from ledger.events import TechnologyApproved

    tell(
        at,
        told,
        lambda t: TechnologyApproved(
            technology=t.name("technologies", technology),
            approved_by=approved_by,
            agency=t.agency(agency),
            effective=occurred(on, "--on"),
            until=moment(until, "--until", at_end=True),
            conditions=tuple(condition or ()),
            units=tuple(unit or ()),
            purposes=tuple(purpose or ()),
            retention_days=retention_days,
            reference=reference,
        ),
    )


@command(trial, "start")
def start_trial(
    at: Connection,
    told: Told,
    technology: Technology,
    agency: TrialOf,
    on: On = None,
    approved_by: Annotated[
        str | None, typer.Option("--by", help="Who agreed; left out where nobody is known to have.")
    ] = None,
    until: UntilDay = None,
    reference: Reference = None,
) -> None:
    """Say that an agency began to try it out."""
    from ledger.events import TrialStarted

    tell(
        at,
        told,
        lambda t: TrialStarted(
            technology=t.name("technologies", technology),
            agency=t.name("agencies", agency),
            effective=occurred(on, "--on"),
            approved_by=approved_by,
            until=moment(until, "--until", at_end=True),
            reference=reference,
        ),
    )


@command(trial, "end")
def end_trial(
    at: Connection,
    told: Told,
    technology: Technology,
    agency: TrialOf,
    on: On = None,
    outcome: Annotated[str | None, typer.Option(help="What came of it, as a code.")] = None,
) -> None:
    """Say that the trial is over."""
    from ledger.events import TrialEnded

    tell(
        at,
        told,
        lambda t: TrialEnded(
            technology=t.name("technologies", technology),
            agency=t.name("agencies", agency),
            effective=occurred(on, "--on"),
            outcome=outcome,
        ),
    )


@command(app, "suspend")
def suspend(
    at: Connection,
    told: Told,
    technology: Technology,
    agency: OfAgency = None,
    on: On = None,
    cause: Cause = None,
    incident: Annotated[
        str | None, typer.Option(metavar="NAME", help="An incident of the register.")
    ] = None,
) -> None:
    """Say that its use was stopped for now."""
    from ledger.events import TechnologySuspended

    tell(
        at,
        told,
        lambda t: TechnologySuspended(
            technology=t.name("technologies", technology),
            agency=t.agency(agency),
            effective=occurred(on, "--on"),
            cause=cause,
            incident=None if incident is None else t.name("incidents", incident),
        ),
    )


@command(app, "resume")
def resume(
    at: Connection,
    told: Told,
    technology: Technology,
    agency: OfAgency = None,
    on: On = None,
    cause: Cause = None,
) -> None:
    """Say that the suspension was lifted: it is what it was before."""
    from ledger.events import TechnologyResumed

    tell(
        at,
        told,
        lambda t: TechnologyResumed(
            technology=t.name("technologies", technology),
            agency=t.agency(agency),
            effective=occurred(on, "--on"),
            cause=cause,
        ),
    )


@command(app, "retire")
def retire(
    at: Connection, told: Told, technology: Technology, agency: OfAgency = None, on: On = None
) -> None:
    """Say that it is not used any more. That is an end: nothing more can be told of it."""
    from ledger.events import TechnologyRetired

    tell(
        at,
        told,
        lambda t: TechnologyRetired(
            technology=t.name("technologies", technology),
            agency=t.agency(agency),
            effective=occurred(on, "--on"),
        ),
    )
