"""Are the entries, and all that is derived from them beside the views, what they say?

    entries ──hash──► leaves ──grow──► frontier ──► root        tiles, head, checkpoints: the same?
       └──read_envelope──► stream, version, topic, commitments  columns, disclosures: the same?

One pass in leaf order, in constant memory. The head is read first and the tree of that size
audited, so a ledger may be audited while it grows: rows only come in beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.audit.report import AuditReport, Progress
from ledger.errors import CandourError, Malformed, Unverifiable
from ledger.events import FACTS
from ledger.limits import AUDIT_BATCH, TILE_HEIGHT, TILE_WIDTH
from ledger.merkle import Frontier, leaf_hash, new_tiles
from ledger.store.audit_checkpoints import CheckpointAudit
from ledger.store.audit_entries import check_disclosures, read_envelope
from ledger.store.audit_tiles import TileAudit
from ledger.store.core import HeadRow, LedgerStore, StoredEntry
from ledger.tlog import VerifierKey


class LogAudit:
    """One pass over the log; `run` once."""

    def __init__(
        self,
        store: LedgerStore,
        report: AuditReport,
        *,
        vkey: VerifierKey | None,
        origin: str | None,
        progress: Progress,
    ) -> None:
        self._store, self._report, self._origin = store, report, origin
        self._progress = progress
        self._frontier = Frontier()
        self._recorded: list[str] = []  # when, of the leaves that the tree grows by next
        self._tiles = TileAudit(store, report)
        self._checkpoints = CheckpointAudit(store, report, vkey=vkey, origin=origin)

    def run(self) -> None:
        """Audit the tree that the head speaks of now."""
        head = self._store.head_row()
        self._report.tree_size = size = head.size
        self._checkpoints.compare(self._frontier)
        done = 0
        while done < size:
            stop = min(done + AUDIT_BATCH, size)
            rows = self._store.read_entries(done, stop - done, with_disclosures=True)
            self._grow(self._hashes(done, rows))
            done += len(rows)
            self._progress("entries", done, size)
            if done < stop:
                self._report.differs("entries", done, f"entry {done} of {size} is missing")
                self._report.not_checked.append(f"anything that stands on entries from {done} on")
                return
        self._compare_head(head)
        self._compare_streams(size)
        self._compare_ends(size)

    def _hashes(self, start: int, rows: list[StoredEntry]) -> list[bytes]:
        """Leaf hashes of the rows, as far as they follow one another; the rest is cut off."""
        hashes = []
        self._recorded = []
        for expected, row in enumerate(rows, start):
            if row.leaf_index != expected:
                del rows[expected - start :]
                break
            if type(row.entry) is not bytes:
                self._report.differs("entries", expected, "holds an entry that is not bytes")
                hashes.append(leaf_hash(b""))
                self._recorded.append("")
                continue
            hashes.append(leaf_hash(row.entry))
            self._recorded.append(self._check_row(row))
        self._report.count("entries", len(hashes))
        return hashes

    def _check_row(self, row: StoredEntry) -> str:
        """Check an entry; returns when it says that it was recorded, blank where that is not read."""
        try:
            found = read_envelope(row.entry)
        except Unverifiable:
            self._report.count("unread", 1)
            return ""
        except CandourError as error:
            self._report.differs("entries", row.leaf_index, f"is no entry: {error}")
            return ""
        if found.topic not in FACTS:
            self._report.count("unread", 1)
        for column in ("stream", "version", "topic"):
            if getattr(row, column) != getattr(found, column):
                sentence = f"the column {column} is not what the entry says"
                self._report.differs("entries", row.leaf_index, sentence)
        if self._origin is not None and found.origin != self._origin:
            self._report.differs("entries", row.leaf_index, "names another ledger as its origin")
        shown = 0
        if row.disclosures is not None:
            try:
                shown = _shown(row, found.stream, found.protected)
            except Malformed as error:
                self._report.differs("disclosures", row.leaf_index, str(error))
                return found.recorded_at
        self._report.count("disclosures", shown)
        self._report.count("erased", len(found.protected) - shown)
        return found.recorded_at

    def _grow(self, hashes: Sequence[bytes]) -> None:
        """Grow the tree by these leaves, halting where a checkpoint was published."""
        while hashes:
            taken = len(hashes)
            next_size = self._checkpoints.next_size()
            if next_size is not None:
                taken = min(taken, next_size - self._frontier.size)
            self._compare_times(taken)
            self._frontier, growths = new_tiles(self._frontier, hashes[:taken])
            self._tiles.compare(growths)
            self._checkpoints.compare(self._frontier)
            hashes = hashes[taken:]

    def _compare_times(self, taken: int) -> None:
        """Were the next leaves recorded between the checkpoints that they stand between?"""
        earliest, latest = self._checkpoints.recorded_between()
        some, self._recorded = self._recorded[:taken], self._recorded[taken:]
        if not any(some) or (min(filter(None, some)) >= earliest and max(some) <= latest):
            return
        for leaf_index, recorded in enumerate(some, self._frontier.size):
            said = f"says that it was recorded at {recorded}, more than an hour"
            if recorded and recorded < earliest:
                sentence = f"{said} before the entries below it were published"
                self._report.differs("recorded_at", leaf_index, sentence)
            elif recorded > latest:
                sentence = f"{said} after a checkpoint that covers it"
                self._report.differs("recorded_at", leaf_index, sentence)

    def _compare_head(self, head: HeadRow) -> None:
        size = self._frontier.size
        if head.tree_size != size:
            self._report.differs("head", None, f"speaks of {head.tree_size} entries, not {size}")
        if head.root != self._frontier.root():
            self._report.differs("head", None, "holds another root than the entries give")
        if head.frontier != self._frontier.to_bytes():
            self._report.differs("head", None, "holds another frontier than the entries give")

    def _compare_streams(self, size: int) -> None:
        found = self._store.misnumbered(size)
        if found is not None:
            leaf_index, version = found
            sentence = f"is version {version} of its stream by its place there, and says another"
            self._report.differs("entries", leaf_index, sentence)
        if (misplaced := self._store.misplaced()) is not None:
            sentence = (
                "names another stream or version than the entry, or only one of them is there"
            )
            self._report.differs("stream_versions", misplaced, sentence)

    def _compare_ends(self, size: int) -> None:
        """What lies beyond the audited tree must have been committed since, and so be in the head."""
        levels = self._tiles.rest()
        checkpoints = self._checkpoints.rest()
        spans = self._store.leaf_spans()
        grown = max(size, self._store.head_row().size)  # read last
        for table, (least, greatest) in spans.items():
            for leaf_index in (least, greatest):
                if not 0 <= leaf_index < grown:
                    self._report.differs(table, leaf_index, "stands outside the tree of the head")
        for level, held in levels:
            first = grown >> TILE_HEIGHT * level
            if held > first:
                where = first if level == 0 else f"{level}/{first // TILE_WIDTH}"
                sentence = f"level {level} holds more hashes than the tree of the head has"
                self._report.differs("tile_hashes", where, sentence)
        for published in checkpoints:
            if published > grown:
                sentence = f"was published, and the log was truncated below it, to {grown} entries"
                self._report.differs("checkpoints", published, sentence)


def _shown(row: StoredEntry, stream: str, committed: dict[str, bytes]) -> int:
    if type(row.disclosures) is not bytes:
        raise Malformed("disclosures", "are not bytes")
    return check_disclosures(row.disclosures, stream, committed)
