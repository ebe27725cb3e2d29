"""Uses as one Parquet file with typed columns, for DuckDB, Spark and others.

UseRecord ──ledger.exports.table.COLUMNS──► row groups of EXPORT_ROWS ──► file; About ──► its metadata
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ledger.exports import COLUMNS, About, Kind, UseRecord
from ledger.limits import EXPORT_ROWS

FORMAT: Final = "Apache Parquet, one row a use"
METADATA_KEY: Final = b"candour"
_TYPES: Final = {
    Kind.TEXT: pa.string(),
    Kind.TEXTS: pa.list_(pa.string()),
    Kind.INTEGER: pa.int64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.MOMENT: pa.timestamp("us", tz="UTC"),
    Kind.BYTES: pa.binary(),
}


def schema_of(about: About) -> pa.Schema:
    """The columns, each with its meaning, and what the file says of itself."""
    fields = [
        pa.field(column.name, _TYPES[column.kind], metadata={"meaning": column.meaning})
        for column in COLUMNS
    ]
    return pa.schema(fields, metadata={METADATA_KEY: json.dumps(about.to_object()).encode()})


def write_parquet(out: Path, about: About, uses: Iterable[UseRecord]) -> None:
    """Write one file; no more than EXPORT_ROWS uses are held at once."""
    schema = schema_of(about)
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        rows: list[UseRecord] = []
        for use in uses:
            rows.append(use)
            if len(rows) == EXPORT_ROWS:
                writer.write_table(_table(rows, schema))
                rows.clear()
        if rows:
            writer.write_table(_table(rows, schema))


def _table(rows: list[UseRecord], schema: pa.Schema) -> pa.Table:
    arrays: list[Any] = [
        pa.array([column.of(use) for use in rows], type=_TYPES[column.kind]) for column in COLUMNS
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
