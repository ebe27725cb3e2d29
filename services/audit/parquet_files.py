"""What is a ledger as Parquet? A file for each slice of 65,536 entries, and its checkpoint.

    DIR/checkpoint, vkey           the tree that the files hold, as it was signed
    DIR/entries/000000000.parquet  entries 0 to 65,535: 256 whole tiles, in leaf order
    DIR/entries/000000001.p300.parquet   the last slice, so far 300 entries wide

The entry is the evidence, and stands there to the byte; all other columns follow from it, for
whoever asks by SQL. A file once written is never changed; the last one gets another name as it
grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa

from ledger.audit.slices import SLICE_ENTRIES, Slice
from ledger.errors import CandourError
from ledger.merkle import HASH_BYTES
from ledger.store.audit_entries import read_envelope

FOLDER: Final = "entries"
SCHEMA: Final = pa.schema(
    [
        pa.field("leaf_index", pa.int64(), nullable=False),
        pa.field("leaf_hash", pa.binary(HASH_BYTES), nullable=False),
        pa.field("entry", pa.binary(), nullable=False),
        pa.field("stream", pa.string()),
        pa.field("version", pa.int64()),
        pa.field("topic", pa.string()),
        pa.field("origin", pa.string()),
        pa.field("recorded_at", pa.string()),
        pa.field("recorded_day", pa.date32()),
        pa.field("reporter", pa.string()),
        pa.field("source", pa.string()),
        pa.field("capture", pa.string()),
    ]
)
DERIVED: Final = tuple(SCHEMA.names[3:])  # from the entry alone
_Row = tuple[str, int, str, str, str, date, str, str | None, str]
_UNREAD: Final = (None,) * len(DERIVED)


def file_of(part: Slice) -> str:
    """The path of a slice's file below the export's directory."""
    width = part.stop - part.start
    partial = "" if width == SLICE_ENTRIES else f".p{width}"
    return f"{FOLDER}/{part.index:09}{partial}.parquet"


def derived_columns(entries: Sequence[bytes]) -> list[pa.Array]:
    """The columns that follow from entries, as DERIVED names them.

    Of an entry that this release cannot read they are null.
    """
    columns = list(zip(*map(_derived, entries), strict=True)) or [()] * len(DERIVED)
    return [
        pa.array(column, SCHEMA.field(name).type)
        for name, column in zip(DERIVED, columns, strict=True)
    ]


def _derived(entry: bytes) -> _Row | tuple[None, ...]:
    try:
        found = read_envelope(entry)
    except CandourError:
        return _UNREAD
    return (
        found.stream,
        found.version,
        found.topic,
        found.origin,
        found.recorded_at,
        date.fromisoformat(found.recorded_at[:10]),
        found.reporter,
        None if found.source is msgspec.UNSET else found.source,
        found.capture,
    )


def strangers(folder: Path, expected: Sequence[str]) -> list[str]:
    """Parquet files of the export's directory that its tree does not have."""
    there = {f"{FOLDER}/{path.name}" for path in (folder / FOLDER).glob("*.parquet")}
    return sorted(there - set(expected))
