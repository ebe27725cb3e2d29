"""What does a transparency portal say for its agencies? Statistics and policies as statements.

    statistics: "332 searches in the last 30 days" ──► confirms, for these 30 days
                "0 searches in the last 30 days"   ──► denies, for these 30 days
    policies:   "not detected: Facial recognition" ──► denies that technology, without bounds

A cell that is blank or `NA` says nothing, and becomes nothing: it is counted. The page itself is
not at hand, so no statement carries its digest.

Source: the columns of mcclatchy-southeast/private_eyes, which collects Flock Safety's portals.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ledger.errors import Malformed
from ledger.events.statements import Scope, StatementMade
from ledger.events.values import Interval, Occurred
from ledger.limits import MAX_COUNT, MAX_TEXT_BYTES
from ledger.names import slug
from ledger.times import DAY_US, MIN_US, text_of_us, us_of_text

SEARCHES: Final = "searches_in_the_last_30_days"
NOT_DETECTED: Final = "whats_not_detected"
FACES: Final = "facial recognition"  # how portals put it
_DAYS: Final = 30
_NOTHING: Final = frozenset({"", "na", "n/a", "unknown"})
_NEEDED: Final = ("id", "agency", "updated", "url")


@dataclass(frozen=True, slots=True)
class Said:
    """One row: the agency as the portal calls it, and its statement, or why there is none."""

    line: int
    agency: str
    statement: StatementMade | None = None
    reason: str = ""


def statements_of(data: bytes, *, technology: str, faces: str) -> Iterator[Said]:
    """Each row's statement, in order; rows by their line, the header being 1.

    Args:
        data: The CSV file, in UTF-8.
        technology: What statistics count searches of.
        faces: What policies say is not detected.
    Raises:
        Malformed: It is no such file. A row that cannot be read is Said with a reason.
    """
    try:
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        columns = set(rows.fieldnames or ())
    except (UnicodeDecodeError, csv.Error):
        raise Malformed("file", "is not CSV in UTF-8") from None
    if not columns.issuperset(_NEEDED) or not columns & {SEARCHES, NOT_DETECTED}:
        raise Malformed("file", f"has not the columns {', '.join(_NEEDED)} and {SEARCHES}")
    try:
        for row in rows:
            cells = {name: (cell or "").strip() for name, cell in row.items() if name}
            yield _said(rows.line_num, cells, technology, faces)
    except csv.Error:
        raise Malformed("file", "is not CSV throughout") from None


def _said(line: int, cells: Mapping[str, str], technology: str, faces: str) -> Said:
    agency = cells["agency"]
    try:
        counts = SEARCHES in cells
        found = _of_searches(cells, technology) if counts else _of_policy(cells, faces)
    except Malformed as error:
        return Said(line, agency, reason=f"{error.field}: {error.reason}")
    if found is None:
        return Said(line, agency, reason="says nothing of it")
    return Said(line, agency, found)


def _of_searches(cells: Mapping[str, str], technology: str) -> StatementMade | None:
    text = cells[SEARCHES]
    if text.lower() in _NOTHING:
        return None
    if not (text.isascii() and text.isdigit()) or int(text) > MAX_COUNT:
        raise Malformed(SEARCHES, "is not a count")
    updated_us = us_of_text(cells["updated"], field="updated")
    since_us = max(MIN_US, updated_us - _DAYS * DAY_US)
    period = Interval(earliest=text_of_us(since_us), latest=text_of_us(updated_us))
    return _statement(
        cells,
        kind="searches",
        polarity="confirms" if int(text) else "denies",
        scope=Scope(agency=_agency(cells), technology=technology, period=period),
        quote=f"Searches in the last {_DAYS} days: {text}",
    )


def _of_policy(cells: Mapping[str, str], faces: str) -> StatementMade | None:
    text = cells[NOT_DETECTED]
    if FACES not in text.lower():
        return None
    return _statement(
        cells,
        kind="policy",
        polarity="denies",
        scope=Scope(agency=_agency(cells), technology=faces),
        quote=f"What's not detected: {text}".encode()[:MAX_TEXT_BYTES].decode(errors="ignore"),
    )


def _statement(
    cells: Mapping[str, str], *, kind: str, polarity: str, scope: Scope, quote: str
) -> StatementMade:
    made = _made(cells)
    # The same page, read twice, is one statement.
    when = "undated" if made is None else made.earliest or f"until {made.latest}"
    name = slug(f"portal {kind} {cells['id']} {when}")
    return StatementMade(
        statement=f"statements/{name}",
        polarity=polarity,
        scope=scope,
        made=made,
        speaker_role="transparency portal",
        audience="the public",
        quote=quote,
        source_url=cells["url"] or None,
    )


def _made(cells: Mapping[str, str]) -> Occurred | None:
    """When the page was brought up to date; else some time until it was read; else nobody knows."""
    if cells["updated"].lower() in _NOTHING:
        if cells.get("accessed", "").lower() in _NOTHING:
            return None
        read = text_of_us(us_of_text(cells.get("accessed", ""), field="accessed"))
        return Occurred(latest=read)
    updated = text_of_us(us_of_text(cells["updated"], field="updated"))
    return Occurred(earliest=updated, latest=updated)


def _agency(cells: Mapping[str, str]) -> str:
    if not cells["agency"]:
        raise Malformed("agency", "is blank")
    return f"agencies/{slug(cells['agency'])}"
