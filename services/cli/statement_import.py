"""candour statement import FILE: what transparency portals say, as statements to be judged.

FILE ──ledger/ingest/portal_statements──► statements ──BatchRecord──► recorded | said before | refused
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.failures import CommandFailed
from services.cli.options import As, Connection, Format, Wait, Waiting, command
from services.cli.output import print_object, say
from services.cli.statement import app as app


@command(app, "import")
def import_(
    at: Connection,
    path: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="CSV.")],
    technology: Annotated[
        str, typer.Option(metavar="NAME", help="What the statistics count searches of.")
    ],
    faces: Annotated[
        str, typer.Option(metavar="NAME", help="What policies say is not detected.")
    ] = "technologies/face-recognition",
    agency: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of this agency alone; else of all.")
    ] = None,
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Record what agencies' transparency portals say: statistics of searches, and policies.

    Agencies that no register knows are registered. `candour statement list` judges what was said.
    """
    from ledger.errors import Malformed
    from ledger.ingest.portal_statements import statements_of
    from ledger.limits import MAX_RECORD_FILE_BYTES
    from ledger.names import resource_name
    from services.cli.client import Client
    from services.cli.names import Names
    from services.cli.record import Told, batches, send
    from services.cli.record_file import items_of
    from services.cli.registering import Registering

    data = path.read_bytes() if path.stat().st_size <= MAX_RECORD_FILE_BYTES else b""
    if not data:
        raise CommandFailed(
            f"{path} is blank or longer than {MAX_RECORD_FILE_BYTES} bytes", "Split it"
        )
    of = {
        "technology": resource_name("technologies", technology),
        "faces": resource_name("technologies", faces),
    }
    only = None if agency is None else resource_name("agencies", agency)
    try:
        rows = list(statements_of(data, **of))
    except Malformed as error:
        raise CommandFailed(
            f"{path} {error.reason}", "docs/guides/oversight.md has both layouts"
        ) from None
    silent = [row for row in rows if row.statement is None]
    said = [
        (row.agency, row.statement)
        for row in rows
        if row.statement is not None and only in (None, row.statement.scope.agency)
    ]
    told_as = [
        {"topic": fact.TOPIC, "event": fact.to_object(), "capture": "backfill"} for _, fact in said
    ]
    items = list(items_of(told_as))
    with Client(at) as client:
        registered: list[str] = []
        registering = Registering(client, Names(client), registered)
        for given, fact in said:
            assert fact.scope.agency is not None
            registering.agency(fact.scope.agency, given)
        told = Told(items)
        for batch in batches(item for item in items if item.message is not None):
            told.take(batch, send(client, batch, wait, check=False))
            say(f"{told.done} of {len(items)} statements.")
    print_object(
        {
            "rows": len(rows),
            "statements": len(items),
            "recorded": told.recorded,
            "said before": told.before,
            "refused": len(told.refused),
            "rows that say nothing": sum(row.reason == "says nothing of it" for row in silent),
            "rows that cannot be read": sum(row.reason != "says nothing of it" for row in silent),
            "agencies registered": len(registered),
        },
        form,
    )
    if told.refused:
        first = told.refused[0]
        raise CommandFailed(f"{len(told.refused)} statements were refused", f"{first['reason']}")
