"""Do the stored hashes stand where the entries put them? Each level is read once, in order.

    TileGrowth (from the entries) ─┐
                                   ├─ the same hashes? ─► next
    rows of tile_hashes ──take─────┘

Rows must follow one another without gap or overlap. What lies beyond the audited tree is read
last, before the head is read again: whatever the head does not cover by then is too much.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from ledger.audit.report import AuditReport
from ledger.limits import AUDIT_TILE_ROWS, MAX_TREE_SIZE, TILE_HEIGHT, TILE_WIDTH
from ledger.merkle import HASH_BYTES, TileGrowth
from ledger.store.core import LedgerStore, TileKey, TileRow

TABLE: Final = "tile_hashes"
_LEVELS: Final = range(-(-MAX_TREE_SIZE.bit_length() // TILE_HEIGHT))
_LEAST, _MOST = -(2**63), 2**63 - 1  # of any integer column


class TileAudit:
    """The table of tile hashes, against what the entries make of it."""

    def __init__(self, store: LedgerStore, report: AuditReport) -> None:
        self._store, self._report = store, report
        self._levels = [_Level(store, report, level) for level in _LEVELS]

    def compare(self, growths: Iterable[TileGrowth]) -> None:
        """Compare the next hashes of some tiles with what is stored."""
        for growth in growths:
            stored = self._levels[growth.level].take(len(growth.hashes) // HASH_BYTES)
            self._report.count("tile_hashes", len(stored) // HASH_BYTES)
            if stored != growth.hashes:
                self._name_differences(growth, stored)

    def _name_differences(self, growth: TileGrowth, stored: bytes) -> None:
        first = growth.index * TILE_WIDTH + growth.offset
        for at in range(0, len(stored), HASH_BYTES):
            if stored[at : at + HASH_BYTES] == growth.hashes[at : at + HASH_BYTES]:
                continue
            number = first + at // HASH_BYTES
            if growth.level == 0:
                sentence = f"entry {number} does not hash to the leaf that is stored for it"
                self._report.differs(TABLE, number, sentence)
            else:
                place = f"{growth.level}/{growth.index}"
                sentence = f"hash {number % TILE_WIDTH} of tile {place} is not that of its entries"
                self._report.differs(TABLE, place, sentence)

    def rest(self) -> list[tuple[int, int]]:
        """Read on to the end; how many hashes each level holds in all."""
        for key in ((_LEAST, _LEAST, _LEAST), (_LEVELS[-1], _MOST, _MOST)):
            for row in self._store.tile_rows(key, 1):
                if row.level not in _LEVELS:
                    where = f"{row.level}/{row.tile}"
                    self._report.differs(TABLE, where, f"there is no tile {where} in any tree")
        return [(level.level, level.read_to_end()) for level in self._levels]


class _Level:
    """The rows of one level, one after another."""

    def __init__(self, store: LedgerStore, report: AuditReport, level: int) -> None:
        self._store, self._report, self.level = store, report, level
        self._after: TileKey = (level, _LEAST, _LEAST)
        self._rows: deque[TileRow] = deque()
        self._rest = b""
        self._held = 0  # hashes in all rows so far
        self._taken = 0  # of those, handed out
        self._broken = False

    def take(self, count: int) -> bytes:
        """The next `count` hashes; fewer where the rows break off, which is reported once."""
        parts, size = [self._rest], len(self._rest)
        while size < count * HASH_BYTES and (row := self._next_row()) is not None:
            parts.append(row.hashes)
            size += len(row.hashes)
        data = b"".join(parts)
        taken, self._rest = data[: count * HASH_BYTES], data[count * HASH_BYTES :]
        self._taken += len(taken) // HASH_BYTES
        if len(taken) < count * HASH_BYTES and not self._broken:
            self._break_off("is missing")
        return taken

    def read_to_end(self) -> int:
        """Hashes that this level holds, as far as its rows follow one another."""
        while self._next_row() is not None:
            pass
        return self._held

    def _next_row(self) -> TileRow | None:
        if self._broken:
            return None
        if not self._rows:
            self._rows.extend(
                row
                for row in self._store.tile_rows(self._after, AUDIT_TILE_ROWS)
                if row.level == self.level
            )
        if not self._rows:
            return None
        row = self._rows.popleft()
        if not self._follows(row):
            self._break_off("does not begin where the row before it ends, or is no row of hashes")
            return None
        self._after = row.key
        self._held += len(row.hashes) // HASH_BYTES
        return row

    def _follows(self, row: TileRow) -> bool:
        tile, start = divmod(self._held, TILE_WIDTH)
        return (
            (row.tile, row.start) == (tile, start)
            and type(row.hashes) is bytes
            and len(row.hashes) % HASH_BYTES == 0
            and 0 < len(row.hashes) <= (TILE_WIDTH - start) * HASH_BYTES
        )

    def _break_off(self, how: str) -> None:
        self._broken = True
        tile, start = divmod(self._held, TILE_WIDTH)
        where = self._held if self.level == 0 else f"{self.level}/{tile}"
        sentence = f"the row for hash {start} of tile {self.level}/{tile} {how}"
        self._report.differs(TABLE, where, sentence)
