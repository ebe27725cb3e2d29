"""How does data reach people and scripts? Tables, JSON and CSV on stdout; all else on stderr.

    rows (JSON objects) ──print_rows──► table | [ … ] as they come | CSV with one header
    one object ──print_object──► two columns | { … } | CSV of one row

Texts of a ledger come from anywhere, so a table shows control characters as escapes.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from services.cli.options import Format

if TYPE_CHECKING:
    from rich.table import Table

# A table that is not read on a terminal is as wide as it needs to be.
_PIPED_WIDTH: Final = 10_000


def say(text: str) -> None:
    """Tell whoever runs the command; never data."""
    print(text, file=sys.stderr, flush=True)


def print_rows(
    rows: Iterable[Mapping[str, Any]],
    columns: Mapping[str, str],
    form: Format,
    *,
    more: Sequence[str] = (),
) -> None:
    """Print a list.

    Args:
        rows: JSON objects. JSON and CSV are written as they come.
        columns: Heading of the table to member, dotted where it lies deeper.
        form: As what.
        more: Members that CSV has beside those of the table.
    """
    if form is Format.JSON:
        _print_json_rows(rows)
    elif form is Format.CSV:
        members = [*columns.values(), *more]
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(members)
        for row in rows:
            writer.writerow([cell(member_of(row, name)) for name in members])
    else:
        _print_table(rows, columns)


def print_object(found: Mapping[str, Any], form: Format, *, leave_out: Sequence[str] = ()) -> None:
    """Print one object; a table and CSV leave some members out, and name deeper ones with dots."""
    if form is Format.JSON:
        _write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
        return
    flat = _flat({name: value for name, value in found.items() if name not in leave_out})
    if form is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(flat)
        writer.writerow([cell(value) for value in flat.values()])
    else:
        from rich.table import Table

        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for name, value in flat.items():
            if value is not None:
                table.add_row(name.replace("_", " "), _shown(value))
        _print_whole(table)


def member_of(row: Mapping[str, Any], name: str) -> Any:
    """A member by its dotted name; None where it is absent."""
    found: Any = row
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _flat(found: Mapping[str, Any]) -> dict[str, Any]:
    """Members of members, one level down, by their dotted names."""
    flat: dict[str, Any] = {}
    for name, value in found.items():
        if isinstance(value, Mapping):
            flat.update({f"{name}.{part}": inner for part, inner in value.items()})
        else:
            flat[name] = value
    return flat


def cell(value: Any) -> str:
    """A JSON value in one cell: texts and numbers as they are, lists with blanks between."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {cell(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(cell, value))
    return str(value)


def plain(text: str) -> str:
    """A text that cannot move a terminal's cursor or colour it."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def _print_json_rows(rows: Iterable[Mapping[str, Any]]) -> None:
    before = "[\n"
    for row in rows:
        _write(before + json.dumps(row, ensure_ascii=False))
        before = ",\n"
    _write("[]\n" if before == "[\n" else "\n]\n")


def _print_table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    from rich.table import Table

    lines = [[member_of(row, name) for name in columns.values()] for row in rows]
    table = Table(box=None, header_style="bold", pad_edge=False)
    # A column that says nothing in any row is left out.
    kept = [n for n in range(len(columns)) if not lines or any(_shown(line[n]) for line in lines)]
    headings = list(columns)
    for n in kept:
        numeric = all(type(line[n]) in (int, type(None)) for line in lines)
        table.add_column(headings[n], justify="right" if numeric else "left", overflow="fold")
    for line in lines:
        table.add_row(*(_shown(line[n]) for n in kept))
    _print_whole(table)


def _print_whole(table: Table) -> None:
    """As wide as the terminal; where there is none, as wide as it is, without blanks at the end."""
    from rich.console import Console

    if sys.stdout.isatty():
        Console(file=sys.stdout, highlight=False, markup=False, emoji=False).print(table)
        return
    piped = Console(
        width=_PIPED_WIDTH, highlight=False, markup=False, emoji=False, color_system=None
    )
    with piped.capture() as capture:
        piped.print(table)
    _write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(cell(value))


def _write(text: str) -> None:
    sys.stdout.write(text)
