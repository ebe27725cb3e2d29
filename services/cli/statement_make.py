"""candour statement make: what is said now goes past the record first; what was said before does not.

now     ──MakeStatement──► refused, in words | recorded, with its coverage ──--out──► proof of zero
--made  ──Record──► recorded as it was said, as history
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.facts import (
    Names,
    OfTechnology,
    Since,
    Teller,
    Told,
    Unit,
    Until,
    fresh_name,
    occurred,
    period,
    print_receipt,
    record,
)
from services.cli.failures import USAGE, CommandFailed
from services.cli.options import Connection, command
from services.cli.output import say
from services.cli.statement import app as app

if TYPE_CHECKING:
    from ledger.events import StatementMade
    from services.cli.client import Client


@command(app, "make")
def make(
    at: Connection,
    told: Told,
    agency: Annotated[str, typer.Option(metavar="NAME", help="For whom it is said.")],
    denies: Annotated[bool, typer.Option("--denies", help="It says no.")] = False,
    confirms: Annotated[bool, typer.Option("--confirms", help="It says yes.")] = False,
    partial: Annotated[bool, typer.Option("--partial", help="It says yes, in part.")] = False,
    declines: Annotated[bool, typer.Option("--declines", help="It says neither.")] = False,
    technology: OfTechnology = None,
    unit: Unit = None,
    since: Since = None,
    until: Until = None,
    made: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN", help="When it was said, where that is not now: a date will do."
        ),
    ] = None,
    quote: Annotated[str | None, typer.Option(help="In what words; they are public.")] = None,
    audience: Annotated[str | None, typer.Option(help="To whom, as newspaper.")] = None,
    role: Annotated[str | None, typer.Option(help="Who spoke: a role, never a name.")] = None,
    url: Annotated[str | None, typer.Option(help="Where it can be read.")] = None,
    sha256: Annotated[str | None, typer.Option(help="Of what was read there, in hex.")] = None,
    asked: Annotated[int | None, typer.Option(min=0, help="How many units were asked …")] = None,
    of: Annotated[int | None, typer.Option(min=0, help="… of how many.")] = None,
    qualified: Annotated[
        bool, typer.Option("--qualified", help="Deny with the gaps named, where coverage is thin.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Record a denial that the record contradicts.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", dir_okay=False, help="Write the proof of zero of a denial here."),
    ] = None,
    name: Names = None,
) -> None:
    """Make a statement. Without --made it is made now, and a denial is held against the record.

    Exit status 1: the record contradicts the denial, or does not cover it; nothing was recorded.
    """
    from ledger.events import StatementMade
    from ledger.events.statements import Coverage, Scope
    from services.cli.client import Client

    polarity = _polarity(denies=denies, confirms=confirms, partial=partial, declines=declines)
    _check(made, polarity, asked, of, out, (technology, since, until))
    span, said_at = period(since, until), occurred(made, "--made")
    with Client(at) as client:
        teller = Teller(client)
        fact = StatementMade(
            statement=fresh_name("statements", name, agency, technology),
            polarity=polarity,
            scope=Scope(
                agency=teller.agency(agency),
                technology=teller.technology(technology),
                period=span,
                unit=unit,
            ),
            made=said_at,
            speaker_role=role,
            audience=audience,
            quote=quote,
            source_url=url,
            source_sha256=sha256,
            coverage=None if asked is None else Coverage(asked=asked, of=of),
        )
        if made is not None:
            print_receipt(record(client, fact, told), told.form)
            return
        left_open = _say_now(client, fact, told, qualified=qualified, anyway=anyway)
        if out is not None:
            _prove_zero(client, fact, since or "", until or "", out)
    for words in left_open:
        say(f"qualified: {words}")


def _say_now(
    client: Client, fact: StatementMade, told: Told, *, qualified: bool, anyway: bool
) -> list[str]:
    """Make it, print the receipt; what it leaves open, in words. Raises CommandFailed."""
    from ledger.domain.fact_checks import check_fact
    from services.pb.candour.v1 import record_pb2
    from services.runtime.fact_messages import write_fact

    request = record_pb2.MakeStatementRequest(
        parent=client.parent,
        statement=write_fact(check_fact(fact)).statement_made,
        qualified=qualified,
        anyway=anyway,
        wait_for=told.wait.wire,
    )
    answer = client.call(client.record.MakeStatement, request)
    print_receipt(answer.receipt, told.form)
    coverage = answer.statement.coverage
    say(
        f"{answer.receipt.name}: as of tree size {coverage.tree_size}, {coverage.count} uses in"
        f" scope for certain, {coverage.possible} more possibly."
    )
    return list(answer.open)


def _prove_zero(client: Client, fact: StatementMade, since: str, until: str, out: Path) -> None:
    """Write the bundle that shows no use in scope is on record. Raises CommandFailed."""
    from ledger.canonical_json import decode
    from services.cli.prove import check_command, write_whole
    from services.pb.candour.v1 import proofs_pb2

    request = proofs_pb2.ProveUsageRequest(
        parent=client.parent,
        agency=fact.scope.agency or "",
        technology=fact.scope.technology or "",
        first_day=since,
        last_day=until,
        absence=True,
    )
    chunks = client.stream(client.proofs.ProveUsage, request)
    data = write_whole(out, (part.chunk for part in chunks))
    found: Any = decode(data, what="bundle")
    size, count = found["question"]["tree_size"], found["answer"]["count"]
    said = "no use is on record" if not count else f"{count} uses are on record"
    say(f"{out}: {said}, of the first {size} entries.")
    say(f"Check it: {check_command(out, None, '--min-tree-size', size)}")


def _polarity(**given: bool) -> str:
    chosen = [name for name, wanted in given.items() if wanted]
    if len(chosen) != 1:
        raise CommandFailed(
            "Say one of --denies, --confirms, --partial, --declines", exit_code=USAGE
        )
    return chosen[0]


def _check(
    made: str | None,
    polarity: str,
    asked: int | None,
    of: int | None,
    out: Path | None,
    bounds: tuple[str | None, ...],
) -> None:
    """Do the flags go together? Raises CommandFailed, Malformed."""
    from services.cli import conditions

    if (asked is None) != (of is None) or (asked or 0) > (of or 0):
        raise CommandFailed("--asked N goes with --of M, N at most", exit_code=USAGE)
    if out is None:
        return
    if made is not None or polarity != "denies":
        raise CommandFailed("--out is for a denial that is made now", exit_code=USAGE)
    technology, since, until = bounds
    if technology is None or since is None or until is None:
        raise CommandFailed(
            "--out proves that a technology was not used in a time",
            "Say --technology, --from and --to, as days",
            exit_code=USAGE,
        )
    for flag, day in (("--from", since), ("--to", until)):
        conditions.day_of(day, flag)
