"""A report as CSV: one row a figure, with the entries it counts and how to ask for it alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from ledger.exports.report_page import Report

COLUMNS: Final = (
    *("section", "key", "label", "count", "possible", "leaf_indexes", "possible_leaf_indexes"),
    *("names", "columns", "filter", "proof", "as_of", "origin", "not_listed"),
)


def report_csv(report: Report) -> Iterator[str]:
    """Header and rows (RFC 4180); items of a list have blanks between them."""
    yield _line(COLUMNS)
    for _anchor, section, figure in report.figures():
        columns = figure.get("columns", {})
        yield _line(
            (
                section["title"],
                figure["key"],
                figure.get("label", ""),
                str(figure["count"]),
                str(figure["possible"]),
                " ".join(map(str, figure["basis"])),
                " ".join(map(str, figure["possible_basis"])),
                " ".join(figure["names"]),
                "; ".join(
                    f"{name}={','.join(value) if isinstance(value, list) else value}"
                    for name, value in columns.items()
                ),
                figure.get("filter", ""),
                report.proof_of(figure),
                str(report.answer["as_of"]),
                report.origin,
                str(figure["count"] + figure["possible"] - len(figure["names"])),
            )
        )
    for section in report.answer["sections"]:
        for text in report.cut_short(section):
            yield _rest(section["title"], "cut short", text)
    for blank in report.answer.get("blanks", ()):
        yield _rest("not recorded", blank["item"], blank["why"])


def _rest(*said: str) -> str:
    """A row that is no figure."""
    return _line((*said, *[""] * (len(COLUMNS) - len(said))))


def _line(cells: tuple[str, ...]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
