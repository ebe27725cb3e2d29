"""Do CSV and Parquet hold the same rows, typed as they are documented?"""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.exports import COLUMNS, write_csv
from ledger.exports.about import Counting, manifest
from ledger.exports.table import cell
from ledger.times import us_of_text
from services.exports.parquet_uses import METADATA_KEY, write_parquet
from tests.exports.exported import about_of, records_of, told, told_once
from tests.ledgers import Place
from tests.strategies import Operation, effort, operations

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "exports.md"


@effort(0.15)
@given(st.lists(operations, min_size=1, max_size=3))
def test_parquet_holds_what_csv_holds(
    place: Place, tmp_path_factory: pytest.TempPathFactory, steps: list[list[Operation]]
) -> None:
    """Column by column and row by row, of any ledger."""
    entries = told(place, *steps)
    about = about_of(entries)
    uses = records_of(entries, disclosed=("reason", "case_number"))
    file = tmp_path_factory.mktemp("uses") / "uses.parquet"
    write_parquet(file, about, uses)
    rows = list(csv.reader(io.StringIO("".join(write_csv(about, uses)), newline="")))
    table = pq.read_table(file)

    assert rows[0] == [column.name for column in COLUMNS] == table.column_names
    for number, column in enumerate(COLUMNS):
        values = table.column(number)
        plain = values.cast("int64") if column.kind == "moment" else values
        assert [row[number] for row in rows[1:]] == [
            cell(column.kind, value) for value in plain.to_pylist()
        ]


def test_columns_are_typed(place: Place, tmp_path: Path) -> None:
    """A database that others wrote reads numbers, moments, lists and truths, and the file's own word."""
    entries = told_once(place)
    file = tmp_path / "uses.parquet"
    write_parquet(file, about_of(entries), records_of(entries))
    asked = (
        "SELECT leaf_index + 1, epoch_us(occurred_not_before), authorizations[1], certain,"
        f" octet_length(leaf_hash) FROM '{file}' WHERE performer IS NOT NULL"
    )
    leaf = records_of(entries)[0].row.first
    when = us_of_text("2020-02-21T10:00:00Z")

    assert [(leaf + 1, when, "authorizations/w", True, 32)] == duckdb.connect().execute(
        asked
    ).fetchall()
    told_of_itself = json.loads(pq.read_schema(file).metadata[METADATA_KEY])
    assert ("not_proven", len(entries)) == (told_of_itself["completeness"], told_of_itself["as_of"])


def test_columns_are_documented() -> None:
    """The guide lists every column, in order, with its type."""
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \|", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert [(column.name, str(column.kind)) for column in COLUMNS] == listed


def test_manifest_says_what_the_file_covers(place: Place) -> None:
    """Origin, tree size, filter, counts, sources heard, and that completeness is not proven."""
    entries = told_once(place)
    counted = Counting(records_of(entries))
    "".join(write_csv(about_of(entries), counted))
    said = manifest(about_of(entries), counted, form="x", file="f", sha256="00")

    assert (2, 0, len(entries)) == (said["count"], said["possible"], said["as_of"])
    assert ["sources/s"] == said["coverage"]["heard"]
    assert "not_proven" == said["completeness"]
    assert any("completeness not proven" in caveat for caveat in said["caveats"])
