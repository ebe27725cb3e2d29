"""candour export case | prov | ocsf | csv | parquet-uses: uses as files for other people's tools.

--filter … ──ExportToolUses──► entries ──record_of──► UseRecord ──ledger.exports──► FILE, FILE.manifest.json

The file takes its name once it is whole, so that half an export is never taken for one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from services.cli.export import app as app
from services.cli.options import As, AsOf, Connection, Format, Wanted, command
from services.cli.output import print_object, say

if TYPE_CHECKING:
    from ledger.exports import About, UseRecord
    from ledger.exports.about import Counting

    Write = Callable[[Path, About, Iterable[UseRecord]], None]
    Text = Callable[[About, Iterable[UseRecord]], Iterator[str]]

Out: TypeAlias = Annotated[
    Path, typer.Option(dir_okay=False, help="Replaced where it is there; its manifest beside it.")
]
Disclose: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD,…",
        help="Protected fields to show: reason, case_number, …; may be given again. All others stay closed.",
        show_default=False,
    ),
]
Definite: TypeAlias = Annotated[
    bool, typer.Option("--definite", help="Only uses that match for certain.")
]


@command(app, "case")
def case(
    at: Connection,
    wanted: Wanted,
    out: Out,
    disclose: Disclose = None,
    definite: Definite = False,
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """Write uses as CASE/UCO 1.4 JSON-LD: investigative actions, tools, authorizations, provenance."""
    from ledger.exports import case as writer

    text = _text(writer.write_case)
    _export(at, wanted, out, disclose, definite, as_of, form, writer.FORMAT, text)


@command(app, "prov")
def prov(
    at: Connection,
    wanted: Wanted,
    out: Out,
    disclose: Disclose = None,
    definite: Definite = False,
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """Write uses as W3C PROV (PROV-O, JSON-LD): activities, agents, entities, plans."""
    from ledger.exports import prov as writer

    text = _text(writer.write_prov)
    _export(at, wanted, out, disclose, definite, as_of, form, writer.FORMAT, text)


@command(app, "ocsf")
def ocsf(
    at: Connection,
    wanted: Wanted,
    out: Out,
    disclose: Disclose = None,
    definite: Definite = False,
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """Write uses as OCSF 1.4 datastore_activity events (6005), one JSON object a line."""
    from ledger.exports import ocsf as writer

    text = _text(writer.write_ocsf)
    _export(at, wanted, out, disclose, definite, as_of, form, writer.FORMAT, text)


@command(app, "csv")
def csv(
    at: Connection,
    wanted: Wanted,
    out: Out,
    disclose: Disclose = None,
    definite: Definite = False,
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """Write uses as CSV, one row a use; docs/guides/exports.md lists the columns."""
    from ledger.exports import table

    _export(at, wanted, out, disclose, definite, as_of, form, table.FORMAT, _text(table.write_csv))


@command(app, "parquet-uses")
def parquet_uses(
    at: Connection,
    wanted: Wanted,
    out: Out,
    disclose: Disclose = None,
    definite: Definite = False,
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """Write uses as Parquet with typed columns, those of `csv`."""
    from services.exports.parquet_uses import FORMAT, write_parquet

    _export(at, wanted, out, disclose, definite, as_of, form, FORMAT, write_parquet)


def _text(write: Text) -> Write:
    """A writer of text pieces, as one that fills a file."""

    def to_file(out: Path, about: About, uses: Iterable[UseRecord]) -> None:
        with out.open("w", encoding="utf-8", newline="") as file:
            file.writelines(write(about, uses))

    return to_file


def _export(
    at: Connection,
    wanted: Wanted,
    out: Path,
    disclose: list[str] | None,
    definite: bool,
    as_of: str | None,
    form: Format,
    named: str,
    write: Write,
) -> None:
    from ledger.exports.about import Counting, manifest
    from services.cli.exported import Exported

    part = out.with_name(f"{out.name}.part")
    with Exported.open(at, wanted, _fields(disclose or []), as_of) as exported:
        uses = (use for use in exported.uses() if use.certain or not definite)
        counted = Counting(uses)
        try:
            write(part, exported.about, _shown(counted, exported.total))
            digest = _sha256(part)
            told = manifest(exported.about, counted, form=named, file=out.name, sha256=digest)
            beside = out.with_name(f"{out.name}.manifest.json")
            beside.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)
    _print(out, told, form)


def _fields(given: list[str]) -> tuple[str, ...]:
    """The fields of all flags, each once. Raises Malformed."""
    from ledger.errors import Malformed
    from ledger.exports.records import DISCLOSABLE

    fields = {field.strip() for text in given for field in text.split(",") if field.strip()}
    if not fields <= set(DISCLOSABLE):
        raise Malformed("--disclose", f"must be of {', '.join(DISCLOSABLE)}")
    return tuple(sorted(fields))


def _shown(counted: Counting, total: int) -> Iterator[UseRecord]:
    """The uses, with progress on a terminal."""
    from services.cli.stores import progress_bars

    with progress_bars() as progress:
        for number, use in enumerate(counted, start=1):
            if number % 1_000 == 0:
                progress("uses", number, total)
            yield use


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _print(out: Path, told: Any, form: Format) -> None:
    short = {name: told[name] for name in ("format", "count", "possible", "as_of", "sha256")}
    print_object({"out": str(out), **short}, form)
    say(
        f"{out} holds {told['count']} uses for certain and {told['possible']} possibly, as of tree size"
        f" {told['as_of']}; completeness not proven. {out.name}.manifest.json says what it covers."
    )
