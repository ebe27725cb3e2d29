"""How does DuckDB audit a ledger's Parquet? By SQL, on one machine, a file at a time.

    leaves  sha256(0x00 || entry)              ─► other than the column leaf_hash?
    levels  sha256(0x01 || left || right)      ─► roots of whole subtrees, sixteen times
    streams row_number() over (stream)         ─► other than the column version?

DuckDB hashes and sorts by all cores and spills what does not fit in memory. The statements
stand below as they are run, to be run by hand as well.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import duckdb

from ledger.audit.shapes import EntryReader
from ledger.audit.slices import STREAM_BYTES, Slice, SliceAudit
from ledger.audit.stream_order import StreamOrder
from ledger.limits import AUDIT_ENGINE_MEMORY_MB, MAX_AUDIT_LATER
from services.audit.parquet_files import SCHEMA, file_of
from services.audit.parquet_rows import ROWS_AT_ONCE, Rows, judge_leaves, unreadable

LEAVES: Final = r"""
CREATE OR REPLACE TEMP TABLE level AS
SELECT leaf_index - $start AS place, unhex(sha256('\x00'::BLOB || entry)) AS hash
FROM read_parquet($path)
"""
DIFFERENT: Final = r"""
SELECT leaf_index FROM read_parquet($path)
WHERE leaf_hash <> unhex(sha256('\x00'::BLOB || entry)) ORDER BY leaf_index
"""
# Where a level has an odd number of nodes, the last one is a whole subtree with nothing beside it.
LEFT_OVER: Final = """
SELECT hash FROM level WHERE place = (SELECT max(place) FROM level) AND place % 2 = 0
"""
NEXT_LEVEL: Final = r"""
CREATE OR REPLACE TEMP TABLE level AS
SELECT a.place // 2 AS place, unhex(sha256('\x01'::BLOB || a.hash || b.hash)) AS hash
FROM level a JOIN level b ON b.place = a.place + 1 WHERE a.place % 2 = 0
"""
MISNUMBERED: Final = """
SELECT leaf_index, place FROM (
  SELECT leaf_index, version, row_number() OVER stream AS place,
         lag(leaf_index, 1, -1::BIGINT) OVER stream AS earlier
  FROM read_parquet($paths) WHERE stream IS NOT NULL
  WINDOW stream AS (PARTITION BY stream ORDER BY version, leaf_index))
WHERE version <> place OR earlier > leaf_index ORDER BY leaf_index LIMIT 1
"""
CHANGED: Final = """
SELECT stream FROM read_parquet($paths) WHERE stream IS NOT NULL
GROUP BY stream HAVING count(*) > 1 LIMIT $most
"""
_reader = lru_cache(maxsize=4)(EntryReader)


class DuckDb:
    """An engine of ParquetAudit.

    Args:
        threads: Cores to use.
    """

    def __init__(self, *, threads: int) -> None:
        self._spill = tempfile.TemporaryDirectory(prefix="candour-duckdb-")
        self._db = duckdb.connect(
            config={
                "threads": threads,
                "memory_limit": f"{AUDIT_ENGINE_MEMORY_MB}MB",
                "temp_directory": self._spill.name,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()
        self._spill.cleanup()

    def audit(
        self, folder: Path, parts: Sequence[Slice], origin: str, done: Callable[[SliceAudit], None]
    ) -> None:
        for part in parts:
            try:
                done(self._audit_file(str(folder / file_of(part)), part, origin))
            except duckdb.Error:
                done(unreadable(part, "cannot be read"))

    def streams(self, paths: Sequence[Path]) -> StreamOrder:
        files = list(map(str, paths))
        if not files:
            return StreamOrder()
        wrong = self._rows(MISNUMBERED, paths=files)
        changed = self._rows(CHANGED, paths=files, most=MAX_AUDIT_LATER + 1)
        return StreamOrder(wrong[0] if wrong else None, set(map(digest_of, changed)))

    def _audit_file(self, path: str, part: Slice, origin: str) -> SliceAudit:
        rows = Rows(part, _reader(origin))
        columns = ", ".join(SCHEMA.names)
        in_order = self._db.sql(
            f"SELECT {columns} FROM read_parquet($path) ORDER BY leaf_index",  # noqa: S608
            params={"path": path},
        )
        for batch in in_order.to_arrow_reader(ROWS_AT_ONCE):
            if len(batch):
                rows.add(batch)
        found = rows.end()
        different = [leaf_index for (leaf_index,) in self._rows(DIFFERENT, path=path)]
        judge_leaves(found, different, found.counts.get("entries", 0))
        if found.whole:
            found.subtrees = self._subtrees(path, part)
        return found

    def _subtrees(self, path: str, part: Slice) -> list[bytes]:
        """Roots of the whole subtrees of a slice, largest first, folded level by level."""
        self._db.execute(LEAVES, {"path": path, "start": part.start})
        left_over: list[bytes] = []
        width = part.stop - part.start
        while width:
            if width % 2:
                left_over += [hashed for (hashed,) in self._rows(LEFT_OVER)]
            width //= 2
            if width:
                self._db.execute(NEXT_LEVEL)
        return left_over[::-1]

    def _rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        return self._db.execute(statement, values).fetchall()


def digest_of(row: Sequence[Any]) -> bytes:
    """What stands for a stream's name, the first in a row."""
    return blake2b(row[0].encode(), digest_size=STREAM_BYTES).digest()
