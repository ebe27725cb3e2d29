"""candour report annual | piidpa | eu-26-10: question 25 as a page for people, and as CSV.

Ask(25) ──answer──► ledger.exports.report_page, report_table ──► report.html, report.csv
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from services.cli.options import As, AsOf, Connection, Format, command
from services.cli.output import print_object, say

if TYPE_CHECKING:
    from ledger.exports.report_page import Report
    from services.cli.client import Client

app: Final = typer.Typer(
    no_args_is_help=True, help="Annual reports and returns, every figure with its entries."
)
ANNUAL_REPORT: Final = 25  # its number among the questions

Agency: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="Name or id.")]
Year: TypeAlias = Annotated[int, typer.Option(min=1, max=9_999, help="A calendar year.")]
Zone: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="ZONE", help="Days are days there: America/Halifax. Else UTC."),
]
Out: TypeAlias = Annotated[Path, typer.Option(dir_okay=False, help="The page, HTML.")]
Csv: TypeAlias = Annotated[
    Path | None, typer.Option("--csv", dir_okay=False, help="The same figures as CSV, too.")
]


@command(app, "annual")
def annual(
    at: Connection,
    agency: Agency,
    year: Year,
    out: Out,
    zone: Zone = None,
    csv: Csv = None,
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """Write an agency's annual report: uses by what, sharing, findings, allegations, what is missing."""
    _write(at, "annual", agency, year, zone, out, csv, as_of, form)


@command(app, "piidpa")
def piidpa(
    at: Connection,
    agency: Agency,
    year: Year,
    out: Out,
    zone: Zone = None,
    csv: Csv = None,
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """Write the return on storage and access outside Canada (Nova Scotia, PIIDPA s. 5(3))."""
    _write(at, "piidpa", agency, year, zone, out, csv, as_of, form)


@command(app, "eu-26-10")
def eu_26_10(
    at: Connection,
    agency: Agency,
    year: Year,
    out: Out,
    zone: Zone = None,
    csv: Csv = None,
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """Write the report on post-remote biometric identification (EU AI Act Art. 26(10))."""
    _write(at, "eu-26-10", agency, year, zone, out, csv, as_of, form)


def _write(
    at: Connection,
    kind: str,
    agency: str,
    year: int,
    zone: str | None,
    out: Path,
    csv: Path | None,
    as_of: str | None,
    form: Format,
) -> None:
    from ledger.exports.report_page import report_page
    from ledger.exports.report_table import report_csv
    from services.cli.client import Client

    with Client(at) as client:
        report = _asked(client, kind, agency, year, zone, as_of)
    _fill(out, report_page(report))
    if csv is not None:
        _fill(csv, report_csv(report))
    answer, figures = report.answer, list(report.figures())
    told = {
        "out": str(out),
        "title": report.title,
        **answer["value"],
        "figures": len(figures),
        "blanks": len(answer.get("blanks", ())),
        "as_of": answer["as_of"],
    }
    print_object(told | ({} if csv is None else {"csv": str(csv)}), form)
    say(f"{out} shows {len(figures)} figures. With its evidence: {report.command}")


def _asked(
    client: Client, kind: str, agency: str, year: int, zone: str | None, as_of: str | None
) -> Report:
    """Ask for the report of one agency and year."""
    from ledger.canonical_json import decode
    from ledger.exports.report_page import Report
    from services.cli import conditions
    from services.cli.names import Names
    from services.pb.candour.v1 import oversight_pb2 as pb

    names, size = Names(client), client.head_size()
    found = names.find("agencies", agency)
    registered = names.all("agencies").get(found.name)
    request = pb.AskRequest(
        parent=client.parent,
        question=ANNUAL_REPORT,
        parameters=pb.Parameters(agency=found.name, year=year, zone=zone or "", form=kind),
        as_of=conditions.as_of(as_of, size),
        min_tree_size=size,
    )
    response = client.call(client.oversight.Ask, request)
    origin, checkpoint = _log(client, response.tree_size)
    asked = ["candour", "ask", str(ANNUAL_REPORT), "--agency", found.name, "--year", str(year)]
    asked += ["--form", kind, *([] if zone is None else ["--zone", zone])]
    asked += ["--as-of", str(response.tree_size), "--out", "evidence.json"]
    return Report(
        answer=decode(response.answer_json.encode(), what="answer"),
        agency_name=found.name if registered is None else registered.display_name or found.name,
        origin=origin,
        checkpoint=checkpoint,
        command=shlex.join(asked),
    )


def _log(client: Client, tree_size: int) -> tuple[str, str]:
    """The origin of the log, and a checkpoint that covers so many entries, if one is published."""
    from services.pb.candour.v1.proofs_pb2 import ListLedgersRequest

    listed = client.call(client.proofs.ListLedgers, ListLedgersRequest()).ledgers
    ours = next(one for one in listed if one.name == client.parent)
    covers = ours.checkpoint_tree_size >= tree_size
    return ours.origin, ours.checkpoint if covers else ""


def _fill(out: Path, pieces: Iterable[str]) -> None:
    """Write a file that takes its name once it is whole."""
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
