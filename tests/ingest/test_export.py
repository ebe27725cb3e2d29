"""Is a vendor's file read whole, and does a bad row cost only itself?"""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.commands import Masked, Performer
from ledger.errors import Malformed
from ledger.ingest import Row, file_facts, layout_named, read_export
from ledger.ingest.sample import sample_audit
from ledger.reports import check_report
from tests.ingest.strategies import (
    PORTAL,
    WHO,
    Export,
    command,
    commands,
    exports,
    quotings,
    read,
    rejected,
    written,
)

ROW = ("id-1", "user-1", "2025-06-18 00:02:04.789", "2510", "investigation")


@given(exports())
def test_every_row_reads_back(export: Export) -> None:
    """Each row of a well-formed file is a command that holds its cells as written.

    And one that the ledger takes: nothing is accepted here to be refused there.
    """
    found = commands(export.data, export.layout)
    for item in found:
        check_report(item)

    records = [item.protected["source_record"] for item in found]
    assert records == [{"columns": export.columns, "row": row} for row in export.rows]


@given(exports())
def test_line_is_where_the_record_starts(export: Export) -> None:
    """Quoted line feeds count: `line` finds the row in the file."""
    rows = [row for row in read(export.data, export.layout) if isinstance(row, Row)]

    starts = [
        written([export.columns, *export.rows[:at]]).count(b"\n") + 1
        for at in range(len(export.rows))
    ]
    assert [row.line for row in rows] == starts


@pytest.mark.parametrize("size_bytes", [70_000, 200_000])
def test_reason_too_long_is_not_quoted(size_bytes: int) -> None:
    """A rejection names the column and the rule, and never says what stands in the cell."""
    found = rejected(*ROW[:4], "s" * size_bytes)

    assert found.line == 2
    assert found.field in {"reason", "row"}
    assert "sss" not in found.reason


@pytest.mark.parametrize(
    ("field", "cells"),
    [
        ("id", ("i" * 501, *ROW[1:])),
        ("userId", (ROW[0], "u" * 301, *ROW[2:])),
        ("searchDate", (*ROW[:2], "0000-01-01 00:00:00.000", *ROW[3:])),
        ("searchDate", (*ROW[:2], "2025-06-18 24:00:00.000", *ROW[3:])),
        ("cameraCount", (*ROW[:3], "many", ROW[4])),
        ("cameraCount", (*ROW[:3], "9" * 5000, ROW[4])),
        ("row", ROW[:4]),
        ("row", (*ROW[:4], "\x01" * 6000)),
    ],
)
def test_rejection_names_the_column(field: str, cells: tuple[str, ...]) -> None:
    """`field` is the column as the file writes it, or `row`."""
    assert rejected(*cells).field == field


def test_absent_blank_and_masked_are_three_things() -> None:
    """No column: no field. A blank: "". A mask: the mark."""
    short = b"id,userId,searchDate\n"

    assert "reason" not in command(*ROW[:3], header=short).protected
    assert command(*ROW[:4], "").protected["reason"] == ""
    assert command(*ROW[:4], "***").protected["reason"] == {"masked": "***"}


@pytest.mark.parametrize(
    ("expected", "cell"),
    [
        (Performer(user_id="user-1"), "user-1"),
        (Performer(user_id="user-1"), " user-1 "),
        (Masked("***"), "***"),
        (Masked("[Redacted]"), "[Redacted]"),
        (None, ""),
    ],
)
def test_performer_is_named_masked_or_unknown(expected: object, cell: str) -> None:
    """A blank performer is an unknown one, not an empty one."""
    assert command(ROW[0], cell, *ROW[2:]).performer == expected


def test_identical_rows_without_id_are_numbered() -> None:
    """`occurrence` counts the same cells, column by column; rows with an id need none."""
    header = b"userId,searchDate,reason\n"
    one, other = b"u,2025-06-18 00:02:04,x\n", b"u,2025-06-18 00:02:05,x\n"
    moved = b"reason,userId,searchDate\nx,u,2025-06-18 00:02:04\n"

    found = commands(header + one + other + one + moved + one * 0)
    assert [item.occurrence for item in found] == [0, 0, 1, 2]
    assert {item.source_event_id for item in found} == {None}
    assert [item.occurrence for item in commands(PORTAL + written([ROW, ROW]))] == [0, 0]
    assert command("***", *ROW[1:]).source_event_id is None


@given(st.integers(1, 5), quotings)
def test_repeated_header_is_no_row(times: int, quoting: Any) -> None:
    """A header that comes again, in any spelling, is neither a row nor rejected."""
    again = written([("ID", "USER_ID", "search date", "Camera Count", "REASON")], quoting)
    data = PORTAL + (again + written([ROW], quoting)) * times

    assert len(commands(data)) == times == file_facts(io.BytesIO(data)).rows


def test_file_made_of_files_with_other_columns() -> None:
    """Where a header comes back with its columns moved, the rows below it follow."""
    moved = b'\xef\xbb\xbf"reason","Search Date","id","user_id"\n'
    found = commands(PORTAL + written([ROW]) + moved + b'why,"2025-06-19 00:00:00",id-2,user-2\n')

    assert [item.source_event_id for item in found] == ["id-1", "id-2"]
    assert found[1].protected["reason"] == "why"
    columns = found[1].protected["source_record"]["columns"]
    assert columns == ["reason", "Search Date", "id", "user_id"]


def test_column_names_typed_as_reasons_shift_nothing() -> None:
    """A row that merely mentions column names is a row."""
    audit = b"ID,Reason,Case #,License Plate,Search Time\n"
    data = audit + b"id-1,Search Time,Name,Reason,2025-06-18 00:02:04\n" * 2

    assert len(commands(data)) == 2


def test_facts_of_a_file() -> None:
    """Digest over the bytes, rows as read, layout, and the organisations that it names."""
    data = sample_audit(30, org_name="Sampleton OR PD").replace(b"Sampleton OR PD", b"***", 3)
    facts = file_facts(io.BytesIO(data))

    assert facts.sha256 == hashlib.sha256(data).hexdigest()
    assert facts.rows == 30
    assert facts.layout == "flock-organisation"
    assert facts.org_names_seen == {"Sampleton OR PD"}
    network = layout_named("flock-network")
    assert file_facts(io.BytesIO(data), layout=network).layout == "flock-network"
    assert file_facts(iter(data.splitlines(keepends=True))) == facts


def test_caller_says_what_the_file_does_not() -> None:
    """Capture, import and acquisition come from the importer, and are checked."""
    found = command(*ROW, capture="live", acquisition="free_trial", import_="import/1")

    assert (found.capture, found.source) == ("live", WHO["source"])
    assert (found.use.acquisition, found.use.import_) == ("free_trial", "import/1")
    for wrong in ({"capture": "dead"}, {"acquisition": "stolen"}):
        with pytest.raises(Malformed):
            read_export(io.BytesIO(PORTAL), **{**WHO, **wrong})


@given(st.datetimes(min_value=datetime(1, 1, 1), timezones=st.just(UTC)))
def test_time_of_a_portal_keeps_its_milliseconds(at: datetime) -> None:
    """A time without a zone is read in the layout's, and the report says so."""
    text = at.replace(tzinfo=None).isoformat(" ", "milliseconds")
    occurred = command(*ROW[:2], text, *ROW[3:]).use.occurred

    assert occurred is not None
    assert occurred.earliest == occurred.latest == text.replace(" ", "T") + "Z"
    assert occurred.zone_assumed == "UTC"
