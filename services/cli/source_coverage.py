"""candour sources expect | heartbeat | nil-return | gap: how far can silence be relied on?"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import typer

from services.cli.facts import (
    Names,
    OfTechnology,
    Since,
    Told,
    Unit,
    Until,
    fresh_name,
    interval,
    moment,
    tell,
)
from services.cli.failures import USAGE, CommandFailed
from services.cli.options import Connection, command
from services.cli.registers import sources

app: Final = sources

Source: TypeAlias = Annotated[
    str, typer.Argument(metavar="SOURCE", help="A registered one: its name or id.")
]
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@command(app, "expect")
def expect(
    at: Connection,
    told: Told,
    source: Source,
    every: Annotated[
        str,
        typer.Option(metavar="TIME", help="As 3600, 60m, 24h or 7d: longer silence is a finding."),
    ],
) -> None:
    """Say how often a source is to be heard from."""
    from ledger.events import HeartbeatExpected

    every_s = seconds_of(every)
    tell(at, told, lambda t: HeartbeatExpected(source=t.name("sources", source), every_s=every_s))


@command(app, "heartbeat")
def heartbeat(
    at: Connection,
    told: Told,
    source: Source,
    when: Annotated[
        str | None, typer.Option("--at", metavar="WHEN", help="When it was alive; now by default.")
    ] = None,
    sequence: Annotated[
        int | None, typer.Option(min=0, help="The last number it has given out; 0: none yet.")
    ] = None,
) -> None:
    """Say that a source was alive, whether or not it had anything to report."""
    from ledger.events import HeartbeatReceived
    from ledger.times import full_text_of_us
    from services.runtime.hosting import now_us

    at_text = moment(when, "--at") or full_text_of_us(now_us())
    tell(
        at,
        told,
        lambda t: HeartbeatReceived(
            source=t.name("sources", source), at=at_text, sequence=sequence
        ),
    )


@command(app, "nil-return")
def nil_return(
    at: Connection,
    told: Told,
    agency: Annotated[str, typer.Option(metavar="NAME", help="Who attests that there was none.")],
    since: Annotated[str, typer.Option("--from", metavar="WHEN", help="First day or moment.")],
    until: Annotated[
        str, typer.Option("--to", metavar="WHEN", help="Last; a date holds its whole day.")
    ],
    technology: OfTechnology = None,
    unit: Unit = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="Of this source.")] = None,
    role: Annotated[str | None, typer.Option(help="Of whoever attests.")] = None,
    attested_by: Annotated[
        str | None, typer.Option("--by", help="Who attests; kept as a protected value.")
    ] = None,
    name: Names = None,
) -> None:
    """Attest that there was no use in a period. Without --technology: of none at all."""
    from ledger.events import NilReturnAttested

    period = interval(since, until)
    tell(
        at,
        told,
        lambda t: NilReturnAttested(
            nil_return=fresh_name("nilReturns", name, agency, since, until),
            agency=t.name("agencies", agency),
            period=period,
            unit=unit,
            technology=t.technology(technology),
            source=None if source is None else t.name("sources", source),
            attested_role=role,
        ),
        protected={"attested_by": attested_by},
    )


@command(app, "gap")
def gap(
    at: Connection,
    told: Told,
    source: Source,
    since: Since = None,
    until: Until = None,
    cause: Annotated[str | None, typer.Option(help="Why, as a code.")] = None,
    first_sequence: Annotated[
        int | None, typer.Option(min=0, help="First number that is missing.")
    ] = None,
    last_sequence: Annotated[int | None, typer.Option(min=0, help="Last one.")] = None,
) -> None:
    """Declare that uses of a period may be missing from what a source reports."""
    from ledger.events import CoverageGapDeclared

    period = interval(since, until)
    tell(
        at,
        told,
        lambda t: CoverageGapDeclared(
            source=t.name("sources", source),
            period=period,
            cause=cause,
            first_sequence=first_sequence,
            last_sequence=last_sequence,
        ),
    )


def seconds_of(text: str) -> int:
    """`90`, `60m`, `24h` or `7d` in seconds. Raises CommandFailed."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS_S else (text, "s")
    if not (number.isascii() and number.isdigit()) or not 0 < int(number) < 10**9:
        raise CommandFailed(
            f"--every {text} is no time", "Say it as 3600, 60m, 24h or 7d", exit_code=USAGE
        )
    return int(number) * _UNITS_S[unit]
