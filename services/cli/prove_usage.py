"""candour prove count, candour prove absence: how often, proven complete, zero included.

ProveUsage ──chunks──► BUNDLE ──► candour-verify --min-tree-size N

Exit status of `absence`: 0 where the count is zero, 1 where it is not. The bundle is there
either way, and candour-verify says whether it holds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from services.cli.options import As, AsOf, Connection, Format, command
from services.cli.output import print_object, print_rows, say
from services.cli.prove import Older, check_command, older_of, write_whole
from services.cli.prove import app as app

USED: Final = 1
_NAMES: Final = {
    "count": "count",
    "undated": "undated",
    "withdrawn": "withdrawn",
    "as": "technology",
}
_Agency = Annotated[str, typer.Option("--agency", metavar="NAME", help="Name or id.")]
_Technology = Annotated[str, typer.Option("--technology", metavar="NAME", help="Name or id.")]
_From = Annotated[str, typer.Option("--from", metavar="DAY", help="First UTC day, YYYY-MM-DD.")]
_To = Annotated[str, typer.Option("--to", metavar="DAY", help="Last UTC day, inclusive.")]
_Out = Annotated[Path, typer.Option("--out", dir_okay=False, help="Where the bundle goes.")]


@command(app, "count")
def prove_count(
    at: Connection,
    agency: _Agency,
    technology: _Technology,
    since: _From,
    until: _To,
    out: _Out,
    as_of: AsOf = None,
    older: Older = None,
    form: As = Format.TABLE,
) -> None:
    """Prove how often an agency used a technology, under all its names on record."""
    _prove(at, agency, technology, since, until, out, as_of, older, form, absence=False)


@command(app, "absence")
def prove_absence(
    at: Connection,
    agency: _Agency,
    technology: _Technology,
    since: _From,
    until: _To,
    out: _Out,
    as_of: AsOf = None,
    older: Older = None,
    form: As = Format.TABLE,
) -> None:
    """Prove that an agency did not use a technology; exit status 1 where it did.

    Uses under every name on record count, and the bundle lists all that the agency did use,
    under whatever name.
    """
    answer = _prove(at, agency, technology, since, until, out, as_of, older, form, absence=True)
    if answer["count"]:
        say(f"Not absent: {answer['count']} uses are on record.")
        raise typer.Exit(USED)
    possible = answer["undated"] + answer["unattributed"]
    if possible:
        say(f"No use is on record for certain, and {possible} may be: undated, or not attributed.")


def _prove(
    at: Connection,
    agency: str,
    technology: str,
    since: str,
    until: str,
    out: Path,
    as_of: str | None,
    older: str | None,
    form: Format,
    *,
    absence: bool,
) -> dict[str, Any]:
    from ledger.canonical_json import decode
    from services.cli import conditions
    from services.cli.client import Client
    from services.cli.names import Names
    from services.pb.candour.v1.proofs_pb2 import ProveUsageRequest

    for flag, day in (("--from", since), ("--to", until)):
        conditions.day_of(day, flag)
    before = older_of(older)
    with Client(at) as client:
        names = Names(client)
        request = ProveUsageRequest(
            parent=client.parent,
            agency=names.find("agencies", agency).name,
            technology=names.find("technologies", technology).name,
            first_day=since,
            last_day=until,
            absence=absence,
            older=before,
        )
        if as_of is not None:  # without it, all that the ledger holds when it is asked
            request.as_of.CopyFrom(conditions.as_of(as_of, 0))
        chunks = client.stream(client.proofs.ProveUsage, request)
        data = write_whole(out, (part.chunk for part in chunks))
    found = decode(data, what="bundle")
    size, answer = found["question"]["tree_size"], found["answer"]
    numbers = ("count", "undated", "unattributed", "withdrawn", "withdrawn_possibly")
    told = {"bundle": str(out), **{name: answer[name] for name in numbers}}
    told |= {"tree_size": size, "bytes": len(data), "by_name": answer["by_name"]}
    print_object(told, form, leave_out=("by_name",))
    if form is Format.TABLE and len(answer["by_name"]) > 1:
        print()
        print_rows(answer["by_name"], _NAMES, form)
    silent = [row["source"] for row in answer["sources"] if "heard_in_period" not in row]
    if silent:
        say(f"Silent in the period: {', '.join(silent)}.")
    say(f"Check it: {check_command(out, older, '--min-tree-size', size)}")
    return dict(answer)
