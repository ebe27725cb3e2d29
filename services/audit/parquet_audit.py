"""Is a ledger's Parquet what was signed? The same checks as over tiles, by an engine of choice.

    DIR/checkpoint ──trust──► tree ──► files of its slices ──engine──► SliceAudit each
       ──► root, older tree ──► streams (engine) ──► usage index ──► report

The engine hashes, folds and sorts: DuckDB on one machine, Spark on many. What follows from
that is judged here, alike for both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from ledger.audit.checks import Course, Number
from ledger.audit.report import AuditReport, Progress
from ledger.audit.slices import ENTRIES, Slice, SliceAudit, slices_of
from ledger.audit.stream_order import StreamOrder
from ledger.audit.tree import compare_older, compare_root, gather
from ledger.audit.trusted import Trust, check_checkpoint, is_comparable, older_checkpoint
from ledger.audit.usage import UsageAudit, Wanted
from ledger.limits import MAX_NOTE_BYTES
from ledger.tlog import Checkpoint
from services.audit.parquet_export import leaf_hashes
from services.audit.parquet_files import file_of, strangers
from services.audit.parquet_rows import ROWS_AT_ONCE, has_our_columns, unreadable
from services.audit.sources import Folder, SourceFailed
from services.audit.tiles import conclude_streams, usage_wanted


class Engine(AbstractContextManager["Engine"], Protocol):
    """What hashes, folds and sorts."""

    def audit(
        self, folder: Path, parts: Sequence[Slice], origin: str, done: Callable[[SliceAudit], None]
    ) -> None:
        """Audit the files of these slices, which are there; `done` is told of each."""

    def streams(self, paths: Sequence[Path]) -> StreamOrder:
        """Whether versions are in order, by the columns of these files."""


@dataclass(frozen=True, slots=True)
class ParquetAudit:
    """What to audit, and by what.

    Members:
        folder: As `candour export parquet` writes it.
        trust, older, progress: As of tiles.TileAudit.
        engine: Made where the audit begins, ended where it ends.
    """

    folder: Path
    trust: Trust
    engine: Callable[[], Engine]
    older: bytes | None = None
    progress: Progress = lambda _stage, _done, _total: None

    def run(self) -> AuditReport:
        """Audit.

        Raises:
            SourceFailed: There is no export, or it cannot be read now.
            Malformed, VerificationFailed: The older checkpoint is none of this log's.
        """
        course = Course()
        note = Folder(self.folder).file("checkpoint", MAX_NOTE_BYTES)
        if note is None:
            raise SourceFailed(f"{self.folder}/checkpoint", "is not there; is this an export?")
        checkpoint = check_checkpoint(note, self.trust, course)
        if checkpoint is None:
            return course.conclude()
        older = None
        if self.older is not None:
            older = older_checkpoint(self.older, self.trust, origin=checkpoint.origin)
        with self.engine() as engine:
            audits = self._slices(engine, checkpoint, course)
            self._tree(audits, checkpoint, older, course)
            self._streams_and_usage(engine, audits, checkpoint, course)
        return course.conclude()

    def _slices(self, engine: Engine, checkpoint: Checkpoint, course: Course) -> list[SliceAudit]:
        size = checkpoint.tree_size
        parts = slices_of(size)
        audits: dict[int, SliceAudit] = {}

        def done(audit: SliceAudit) -> None:
            audits[audit.index] = audit
            counted = sum(parts[index].stop - parts[index].start for index in audits)
            self.progress("entries", counted, size)

        good = []
        for part in parts:
            reason = self._why_unreadable(part)
            if reason is None:
                good.append(part)
            else:
                done(unreadable(part, reason))
        engine.audit(self.folder, good, checkpoint.origin, done)
        in_order = [audits[part.index] for part in parts]
        gather(in_order, course)
        for name in strangers(self.folder, [file_of(part) for part in parts]):
            sentence = "is a file that the tree of the checkpoint does not have"
            course.differs(Number.ENTRIES, ENTRIES, name, sentence)
        return in_order

    def _why_unreadable(self, part: Slice) -> str | None:
        path = self.folder / file_of(part)
        if not path.is_file():
            return "is missing"
        try:
            schema = pq.read_schema(path)
        except (pa.ArrowException, OSError):
            return "cannot be read"
        return None if has_our_columns(schema) else "has other columns than an export has"

    def _tree(
        self,
        audits: list[SliceAudit],
        checkpoint: Checkpoint,
        older: Checkpoint | None,
        course: Course,
    ) -> None:
        course.not_made(Number.TILES, "Parquet holds leaf hashes and no tiles", listed=False)
        compare_root(audits, checkpoint, course)
        if is_comparable(older, checkpoint, course):
            assert older is not None
            if not all(audit.whole for audit in audits):
                course.not_made(Number.OLDER, "entries are missing or cannot be read")
                return
            leaves = leaf_hashes(self.folder, older.tree_size, checkpoint.tree_size)
            compare_older(audits, older, leaves, course)

    def _streams_and_usage(
        self, engine: Engine, audits: list[SliceAudit], checkpoint: Checkpoint, course: Course
    ) -> None:
        parts = slices_of(checkpoint.tree_size)
        order = None
        if not all(audit.whole for audit in audits):
            course.not_made(Number.STREAMS, "entries are missing or cannot be read")
        else:
            paths = [self.folder / file_of(part) for part in parts]
            order = engine.streams(paths)
            conclude_streams(order, course)
        wanted = usage_wanted(audits, order, course)
        if wanted is not None:
            self._usage(wanted, parts, course)

    def _usage(self, wanted: Wanted, parts: list[Slice], course: Course) -> None:
        made = UsageAudit(wanted, parts[-1].tree_size)
        needs = made.needs
        for entries in self._entries(parts, needs):
            made.add(entries)
            self.progress("usage index", made.size, needs)
        made.compare(course)

    def _entries(self, parts: list[Slice], stop: int) -> Iterator[list[bytes]]:
        """All entries up to one, in order; files were found to hold theirs in order already."""
        at = 0
        for part in parts:
            if part.start >= stop:
                return
            with pq.ParquetFile(self.folder / file_of(part)) as file:
                for batch in file.iter_batches(ROWS_AT_ONCE, columns=["entry"]):
                    some = batch.column(0).to_pylist()[: stop - at]
                    at += len(some)
                    if some:
                        yield some
