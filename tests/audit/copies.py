"""How is a copy of a ledger changed, and how is each copy audited? In tiles and in Parquet alike.

    Copy(rows, checkpoint) ──as_tiles──► DIR ──TileAudit──────────────┐
                           └─as_parquet──► DIR ──ParquetAudit, engine─┴─► AuditReport

A row is a leaf index, the leaf hash that is stored, and the entry. What hashes stand above is
made of the stored leaf hashes: whoever changes a leaf changes them alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ledger.audit.report import AuditReport
from ledger.audit.slices import SLICE_ENTRIES, slices_of
from ledger.merkle import Frontier, leaf_hash, new_tiles
from ledger.tlog import Checkpoint, Signer, TilePath, encode_bundle, sign_checkpoint
from services.audit.duckdb_engine import DuckDb
from services.audit.parquet_audit import Engine, ParquetAudit
from services.audit.parquet_files import SCHEMA, derived_columns, file_of
from services.audit.sources import Folder
from services.audit.spark_engine import Spark
from services.audit.tiles import TileAudit
from tests.audit.logs import SIGNER, entry, put

SIZE: Final = 600
KEY: Final = SIGNER.verifier_key


@dataclass(frozen=True)
class Copy:
    """A ledger in somebody's hands.

    Members:
        rows: Leaf index and entry; in the order in which they stand.
        leaves: Stored leaf hashes, by leaf index.
        note: The checkpoint; files and tiles are named for its size, as it was.
    """

    rows: list[tuple[int, bytes]]
    leaves: list[bytes]
    note: bytes

    @property
    def size(self) -> int:
        return len(self.leaves)

    def entries(self) -> list[bytes]:
        return [data for _, data in self.rows]

    def with_entries(self, entries: Sequence[bytes]) -> Copy:
        """Other entries at the same places, beside the leaf hashes that stood there."""
        return replace(self, rows=list(enumerate(entries)))


def copy_of(entries: Sequence[bytes], *, signer: Signer = SIGNER) -> Copy:
    """A ledger of these entries, signed."""
    leaves = list(map(leaf_hash, entries))
    root = Frontier().extended(leaves).root()
    checkpoint = Checkpoint(signer.verifier_key.name, len(entries), root)
    return Copy(list(enumerate(entries)), leaves, sign_checkpoint(checkpoint, signer))


def honest(size: int = SIZE) -> list[bytes]:
    """Entries of one ledger, some of them changes to uses; a shorter list begins a longer one."""
    made = [entry(number) for number in range(size)]
    for number in range(50, size, 100):
        made[number] = entry(number - 40, topic="tool_use.note.v9", version=2)
    return made


def as_tiles(copy: Copy, folder: Path) -> Path:
    """Bundles of the rows as they stand, tiles of their stored leaf hashes."""
    folder.mkdir(parents=True)
    for growth in new_tiles(Frontier(), copy.leaves)[1]:
        put(folder, TilePath(growth.level, growth.index, growth.width), growth.hashes)
    for tile, rows in _in_tiles(copy):
        put(folder, tile, encode_rows(rows))
    (folder / "checkpoint").write_bytes(copy.note)
    return folder


def encode_rows(entries: Sequence[bytes]) -> bytes:
    """A bundle of any number of entries."""
    return b"".join(encode_bundle([data]) for data in entries)


def _in_tiles(copy: Copy) -> Iterable[tuple[TilePath, list[bytes]]]:
    by_tile: dict[int, list[bytes]] = {}
    for leaf_index, data in copy.rows:
        last = (copy.size - 1) // 256
        by_tile.setdefault(min(leaf_index // 256, last), []).append(data)
    for index, rows in by_tile.items():
        yield TilePath(None, index, min(256, copy.size - 256 * index)), rows


def as_parquet(copy: Copy, folder: Path) -> Path:
    """Files of the rows as they stand."""
    (folder / "entries").mkdir(parents=True)
    for part in slices_of(copy.size):
        last = part.stop == copy.size
        rows = [
            row
            for row in copy.rows
            if part.start <= row[0] < part.start + SLICE_ENTRIES or (last and row[0] >= part.start)
        ]
        indexes, entries = map(list, zip(*rows, strict=True))
        stored = dict(enumerate(copy.leaves))
        hashes = [stored.get(at, leaf_hash(data)) for at, data in rows]
        columns = [pa.array(indexes, pa.int64()), pa.array(hashes, pa.binary(32))]
        columns += [pa.array(entries, pa.binary()), *derived_columns(entries)]
        pq.write_table(pa.table(columns, schema=SCHEMA), folder / file_of(part))
    (folder / "checkpoint").write_bytes(copy.note)
    return folder


class Kept:
    """An engine that goes on after the audit that it was made for."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self) -> Engine:
        return nullcontext(self._engine)  # type: ignore[return-value]


@dataclass(frozen=True)
class Auditor:
    """One way of auditing a copy."""

    name: str
    engine: Callable[[], Engine] | None = None

    def audit(self, copy: Copy, folder: Path, *, older: bytes | None = None) -> AuditReport:
        """Write the copy, and audit it."""
        if self.engine is None:
            return TileAudit(Folder(as_tiles(copy, folder)), KEY, older).run()
        return ParquetAudit(as_parquet(copy, folder), KEY, self.engine, older).run()


TILES: Final = Auditor("tiles")
DUCKDB: Final = Auditor("duckdb", lambda: DuckDb(threads=1))


def by_spark(spark: Spark) -> Auditor:
    return Auditor("spark", Kept(spark))
