"""candour reconcile: does a vendor's or partner's log agree with this ledger?

FILE, --observer, --agency ──compare──► summary, report ──tell──► discrepancies in the ledger
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli.options import As, Connection, Format
from services.cli.output import print_object, say

if TYPE_CHECKING:
    from services.cli.client import Client
    from services.cli.names import Names
    from services.cli.observed_file import Question

# As MAX_TOLD_DISCREPANCIES; a default is printed by --help, which imports nothing of ledger.
_MOST: Final = 10_000


def reconcile(
    at: Connection,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The log, CSV.")
    ],
    observer: Annotated[str, typer.Option(metavar="NAME", help="Whose log it is.")],
    agency: Annotated[str, typer.Option(metavar="NAME", help="Whose uses are compared.")],
    technology: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What the log is about; aliases are one. Default: any."),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The column map; by default as the header."),
    ] = None,
    column_map: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE.toml", help="A column map of your own."),
    ] = None,
    window: Annotated[
        str,
        typer.Option(metavar="5m", help="How far apart times of one search may lie: 30s, 5m, 1h."),
    ] = "5m",
    zone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE", help="IANA zone of times that name none, instead of the map's."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="WHEN", help="Compare from here; default: as the file."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="WHEN", help="As --from; a date is a whole day.")
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD", help="Do not compare this field; may be repeated."),
    ] = None,
    id_column: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Where raw rows of the ledger may hold their ids."),
    ] = None,
    max_discrepancies: Annotated[
        int,
        typer.Option(min=0, help="How many to tell the ledger at most; --out has all of them."),
    ] = _MOST,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Compare, and tell the ledger nothing.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every discrepancy there, as JSON.")
    ] = None,
    form: As = Format.TABLE,
) -> None:
    """Compare another observer's log with the uses of an agency, and record where they differ.

    The same file again changes nothing. What was missing here and has been reported since is
    resolved. A blank or masked field is no difference.
    """
    from services.cli import reconcile_flags as flags
    from services.cli.client import Client
    from services.cli.names import Names
    from services.cli.observed_file import Question

    with Client(at) as client:
        names = Names(client)
        question = Question(
            file=file,
            observer=observer.strip(),
            agency=names.find("agencies", agency).name,
            technology=None if technology is None else names.find("technologies", technology).name,
            layout=flags.layout_of_flags(layout, column_map, zone, file),
            window_us=flags.window_us(window),
            since_us=flags.moment_us(since, "--from"),
            until_us=flags.moment_us(until, "--to"),
            ignored=flags.ignored(ignore or []),
            id_columns=tuple(id_column or ()),
        )
        _run(client, names, question, max_discrepancies, dry_run, out, form)


def _run(
    client: Client,
    names: Names,
    question: Question,
    most: int,
    dry_run: bool,
    out: Path | None,
    form: Format,
) -> None:
    from ledger.observers.naming import Names as DiscrepancyNames
    from services.cli.discrepancy_plan import known_of, plan
    from services.cli.reconcile_report import progress, summary_object, write_report
    from services.cli.reconciling import compare
    from services.cli.telling import Told, tell

    with progress() as watch:
        compared = compare(client, names, question, watch)
        called = DiscrepancyNames(compared.release.side, compared.digests)
        known = known_of(client, question.observer, compared.tree_size)
        planned = plan(compared, known, called, most)
        told: Told | None = None if dry_run else tell(client, compared, planned, watch)
    summary = summary_object(compared)
    summary["unread_entries"] = known.unread
    if told is None:
        summary |= {"dry_run": True, "would_tell": len(planned.new)}
        summary |= {"told_before": planned.told_before, "would_resolve": len(planned.resolved)}
        summary |= {"not_told": planned.not_told}
    else:
        summary |= {"observation": told.observation, "told": told.told}
        summary |= {"told_before": told.told_before, "resolved": len(told.resolved)}
        summary |= {"not_told": told.not_told, "told_tree_size": told.tree_size}
    if out is not None:
        write_report(out, compared, called, summary)
    print_object(summary, form)
    _say_what_matters(summary, planned.not_told, out)


def _say_what_matters(summary: dict[str, Any], not_told: int, out: Path | None) -> None:
    if summary.get("dry_run"):
        say("Dry run: the ledger was told nothing.")
    if not_told:
        where = f"{out} has all of them" if out else "--out FILE writes all of them down"
        say(
            f"{not_told} more discrepancies were NOT told to the ledger, which has the counts;"
            f" {where}, --max-discrepancies N tells more."
        )
    unclear = summary["unclear"]
    if unclear["here"] or unclear["there"]:
        say(
            f"{unclear['there']} sightings and {unclear['here']} uses lie so close together in time"
            " that nothing tells them apart: they are neither matched nor missing."
            " A smaller --window may help."
        )
    if summary["unread_entries"]:
        say(f"{summary['unread_entries']} entries are of a newer release and were not compared.")
