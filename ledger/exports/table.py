"""Uses as rows of one table: CSV here, typed columns for Parquet (services/export).

UseRecord ──COLUMNS──► values ──cell──► text

One row a use. What is not known is an empty cell; a list has blanks between its items, and
a disclosed value that is no text stands as JSON.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ledger.exports.about import About
from ledger.exports.json_ld import as_text
from ledger.exports.records import DISCLOSABLE, UseRecord
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST
from ledger.times import text_of_us

FORMAT: Final = "CSV (RFC 4180), one row a use"


class Kind(StrEnum):
    """Of a column's values."""

    TEXT = "text"
    TEXTS = "texts"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    MOMENT = "moment"  # microseconds from 1970, UTC
    BYTES = "bytes"  # in CSV as hex


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Members:
        name, kind: As documented; neither ever changes, new columns come at the end.
        meaning: For people.
        of: The value of a use; None where it is not known.
    """

    name: str
    kind: Kind
    meaning: str
    of: Callable[[UseRecord], Any]


def _member(name: str, meaning: str, kind: Kind = Kind.TEXT) -> Column:
    return Column(name, kind, meaning, lambda use: getattr(use.said, name))


def _count(name: str, exactly: bool) -> Callable[[UseRecord], Any]:
    def of(use: UseRecord) -> Any:
        count = getattr(use.said, name)
        return None if count is None else (count.exactly if exactly else count.at_least)

    return of


def _flows(member: str) -> Callable[[UseRecord], list[str]]:
    return lambda use: sorted({flow[member] for flow in use.flows() if member in flow})


def _occurred(member: str) -> Callable[[UseRecord], Any]:
    return lambda use: None if use.said.occurred is None else getattr(use.said.occurred, member)


_C = Column
_BASE: Final = (
    _C("name", Kind.TEXT, "resource name of the use", lambda use: use.name),
    _C("leaf_index", Kind.INTEGER, "of its report in the log", lambda use: use.row.first),
    _C("leaf_hash", Kind.BYTES, "of that entry, SHA-256", lambda use: use.report.leaf_hash),
    _C("log_origin", Kind.TEXT, "of the log", lambda use: use.report.entry.origin),
    _C(
        "entries",
        Kind.TEXTS,
        "leaf indexes of all its entries",
        lambda use: [str(line.leaf_index) for line in use.lines],
    ),
    _C("certain", Kind.BOOLEAN, "false: it only may match what was asked", lambda use: use.certain),
    _C("agency", Kind.TEXT, "on whose behalf", lambda use: use.row.agency),
    _C("unit", Kind.TEXT, "of the agency", lambda use: use.row.unit),
    _C("performer", Kind.TEXT, "the ledger's pseudonym", lambda use: use.row.performer),
    _member("performer_role", "role of the performer"),
    _C("technology", Kind.TEXT, "resource name", lambda use: use.row.technology),
    _member("technology_version", "as reported"),
    _member("capability", "what of the technology was used"),
    _member("acquisition", "how the agency came by it"),
    _member("trigger", "human, automated_alert, api, scheduled"),
    _C(
        "occurred_not_before",
        Kind.MOMENT,
        "earliest moment at which it can have taken place",
        lambda use: None if use.row.earliest_us == OPEN_EARLIEST else use.row.earliest_us,
    ),
    _C(
        "occurred_not_after",
        Kind.MOMENT,
        "latest moment likewise, inclusive",
        lambda use: None if use.row.latest_us == OPEN_LATEST else use.row.latest_us,
    ),
    _C("occurred_date", Kind.TEXT, "a bare date, where that is all there is", _occurred("date")),
    _C("zone_assumed", Kind.TEXT, "the zone an import supplied", _occurred("zone_assumed")),
    _C("recorded_at", Kind.MOMENT, "the operator's clock", lambda use: use.row.recorded_us),
    _C("capture", Kind.TEXT, "live or backfill", lambda use: use.row.capture),
    _C("source", Kind.TEXT, "the system that reported", lambda use: use.row.source),
    _C("import", Kind.TEXT, "the file it came in with", lambda use: use.row.import_),
    _C(
        "authorizations",
        Kind.TEXTS,
        "what it cites, in that order",
        lambda use: list(use.row.authorizations),
    ),
    _C("authority", Kind.TEXT, "verdict on the use as a whole", lambda use: use.authority.code),
    _C(
        "authority_verdicts",
        Kind.TEXTS,
        "one for each of authorizations",
        lambda use: [found.code for found in use.verdicts],
    ),
    _C(
        "authority_lag_s",
        Kind.INTEGER,
        "how long after the use its authority came",
        lambda use: None if use.authority.lag_us is None else use.authority.lag_us // 1_000_000,
    ),
    _member("urgency_used", "whether urgency was claimed", Kind.BOOLEAN),
    _member("purpose", "code"),
    _member("offence_class", "code"),
    _member("object_category", "what was searched for, by kind"),
    _C("objects_exactly", Kind.INTEGER, "how many", _count("objects", exactly=True)),
    _C("objects_at_least", Kind.INTEGER, "how many at least", _count("objects", exactly=False)),
    _member("reference_database", "what it was compared with"),
    _C("outcome", Kind.TEXT, "what came of it", lambda use: use.row.outcome),
    _C("human_verified", Kind.BOOLEAN, "by a person", lambda use: use.row.human_verified),
    _C("flow_recipients", Kind.TEXTS, "who got data of it", _flows("recipient")),
    _C("flow_processing_countries", Kind.TEXTS, "ISO 3166-1", _flows("processing_country")),
    _C("flow_storage_countries", Kind.TEXTS, "likewise", _flows("storage_country")),
    _C("flow_access_countries", Kind.TEXTS, "likewise", _flows("access_country")),
    _C("flow_permissions", Kind.TEXTS, "under which data went", _flows("permission")),
    _C("amendments", Kind.INTEGER, "times it was put right", lambda use: use.row.amendments),
    _C(
        "reason_state",
        Kind.TEXT,
        "absent, blank, masked, withheld, stated",
        lambda use: use.row.reason_state.name.lower(),
    ),
)


def _disclosed(field: str) -> Column:
    return Column(
        f"disclosed_{field}",
        Kind.TEXT,
        f"protected: {field}; empty unless it was asked for and is there",
        lambda use: as_text(use.disclosed[field]) if field in use.disclosed else None,
    )


COLUMNS: Final = (
    *_BASE,
    *(_disclosed(field) for field in DISCLOSABLE if field not in ("performer", "granting_officer")),
)


def write_csv(_about: About, uses: Iterable[UseRecord]) -> Iterator[str]:
    """A header and one row a use; lines end as RFC 4180 says."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow([column.name for column in COLUMNS])
    for use in uses:
        writer.writerow([cell(column.kind, column.of(use)) for column in COLUMNS])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    if text := buffer.getvalue():
        yield text


def cell(kind: Kind, value: Any) -> str:
    """One value as text."""
    if value is None:
        return ""
    if kind is Kind.MOMENT:
        return text_of_us(value)
    if kind is Kind.BYTES:
        return bytes(value).hex()
    if kind is Kind.TEXTS:
        return " ".join(item if " " not in item else json.dumps(item) for item in value)
    if kind is Kind.BOOLEAN:
        return "true" if value else "false"
    return str(value)
