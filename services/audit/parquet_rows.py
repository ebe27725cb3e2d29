"""Do the rows of one Parquet file hold their slice, and nothing else? By whatever engine.

    rows in leaf order ──Rows.add──► gaps, doubles, form of entries, columns ──► SliceAudit
    leaf hashes, by the engine ──judge_leaves──► differences from the column

Sentences and places are those of an audit of tiles. What differs between engines is who hashes
and folds; the form of an entry is judged by one code (ledger/audit/shapes.py) everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ledger.audit.checks import Number
from ledger.audit.shapes import EntryReader
from ledger.audit.slices import ENTRIES, TILES, Slice, SliceAudit, check_entries
from services.audit.parquet_files import DERIVED, SCHEMA, derived_columns, file_of

ROWS_AT_ONCE: Final = 8_192  # of one batch: some 8 MB


class Rows:
    """Judges the rows of one file, which come in leaf order; `end` once all were added."""

    def __init__(self, part: Slice, reader: EntryReader) -> None:
        self.found = SliceAudit(part.index)
        self._part, self._reader = part, reader
        self._expected = part.start
        self._records: list[bytes] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next rows."""
        indexes = batch.column("leaf_index").to_pylist()
        entries = batch.column("entry").to_pylist()
        self._place(indexes)
        if indexes != list(range(indexes[0], indexes[0] + len(indexes))):
            for leaf_index, entry in zip(indexes, entries, strict=True):
                self._records += check_entries(leaf_index, [entry], self.found, self._reader)
        else:
            self._records += check_entries(indexes[0], entries, self.found, self._reader)
        self.found.count("entries", len(entries))
        self._compare_columns(batch, indexes, entries)

    def end(self) -> SliceAudit:
        """What was found; `whole` only where every entry was there once."""
        self._missing_up_to(self._part.stop)
        self.found.records = len(self._records)
        return self.found

    def _place(self, indexes: Iterable[int]) -> None:
        for leaf_index in indexes:
            if not self._part.start <= leaf_index < self._part.stop:
                self._wrong(leaf_index, "stands outside its file's part of the tree")
            elif leaf_index == self._expected:
                self._expected += 1
            elif leaf_index < self._expected:
                self._wrong(leaf_index, "stands there more than once")
            else:
                self._missing_up_to(leaf_index)
                self._expected = leaf_index + 1

    def _missing_up_to(self, stop: int) -> None:
        size = self._part.tree_size
        for leaf_index in range(self._expected, stop):
            self._wrong(leaf_index, f"entry {leaf_index} of {size} is missing")
        self._expected = max(self._expected, stop)

    def _wrong(self, leaf_index: int, sentence: str) -> None:
        self.found.whole = False
        self.found.differs(Number.ENTRIES, ENTRIES, leaf_index, sentence)

    def _compare_columns(
        self, batch: pa.RecordBatch, indexes: list[int], entries: list[bytes]
    ) -> None:
        for name, made in zip(DERIVED, derived_columns(entries), strict=True):
            stored = batch.column(name)
            if made.equals(stored):
                continue
            same = pc.fill_null(pc.equal(made, stored), False)
            both_null = pc.and_(pc.is_null(made), pc.is_null(stored))
            for place in pc.indices_nonzero(pc.invert(pc.or_(same, both_null))).to_pylist():
                sentence = f"the column {name} is not what the entry says"
                self.found.differs(Number.FORM, ENTRIES, indexes[place], sentence)


def judge_leaves(found: SliceAudit, different: Iterable[int], counted: int) -> None:
    """Note the entries that do not hash to the leaf in their row, in order."""
    found.count(TILES, counted)
    for leaf_index in different:
        sentence = f"entry {leaf_index} does not hash to the leaf that is stored for it"
        found.differs(Number.LEAF_HASHES, TILES, leaf_index, sentence)


def unreadable(part: Slice, reason: str) -> SliceAudit:
    """The audit of a file that is missing, or none."""
    found = SliceAudit(part.index, whole=False)
    found.differs(Number.ENTRIES, ENTRIES, part.start, f"{file_of(part)} {reason}")
    return found


def has_our_columns(schema: pa.Schema) -> bool:
    """True where a file has the columns of an export, by name and type, in order."""
    return bool(schema.names == SCHEMA.names and schema.types == SCHEMA.types)
