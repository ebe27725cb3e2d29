"""Is a log, as its tiles show it, the one that was signed? All of it, made anew from outside.

    checkpoint ──trust──► tree ──► slices (processes) ──► tiles, root, older tree, streams
                                      └─ each one done: state file        └─► usage index

What was found stands in one report, check by check. Nothing of it rests on the log's word but
what its key signed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ledger.audit.checks import Course, Number
from ledger.audit.report import AuditReport, Progress
from ledger.audit.slices import SLICE_ENTRIES, Slice, SliceAudit, slices_of
from ledger.audit.stream_order import StreamOrder, order_of_streams
from ledger.audit.tree import (
    compare_older,
    compare_root,
    compare_upper_tiles,
    gather,
    upper_tiles,
)
from ledger.audit.trusted import Trust, check_checkpoint, is_comparable, older_checkpoint
from ledger.audit.usage import UsageAudit, Wanted
from ledger.limits import MAX_AUDIT_LATER, MAX_AUDIT_WORKERS, TILE_WIDTH
from ledger.merkle import HASH_BYTES
from ledger.tlog import Checkpoint, TilePath, decode_bundle
from services.audit.resuming import Progressing
from services.audit.sources import Source, SourceFailed, read_note, read_tile
from services.audit.workers import audit_all


def cores() -> int:
    """How many processes may run at once."""
    return min(len(os.sched_getaffinity(0)), MAX_AUDIT_WORKERS)


@dataclass(frozen=True, slots=True)
class TileAudit:
    """What to audit, and how.

    Members:
        source: Where the tiles lie.
        trust: Whom to believe.
        older: A checkpoint that was seen before, as it was signed.
        state: File that keeps what is done; None keeps nothing.
        workers: Processes.
        progress: Told how far it is.
    """

    source: Source
    trust: Trust
    older: bytes | None = None
    state: Path | None = None
    workers: int = 1
    progress: Progress = lambda _stage, _done, _total: None

    def run(self) -> AuditReport:
        """Audit.

        Raises:
            SourceFailed: It cannot be read now; call again with the same state.
            StateRefused: The state is of another log, or of another tree of this one.
            Malformed, VerificationFailed: The older checkpoint is none of this log's.
        """
        course = Course()
        note = read_note(self.source)
        with Progressing.of(self.state, note, self.trust, self.source) as kept:
            checkpoint = check_checkpoint(kept.note, self.trust, course)
            if checkpoint is None:
                return course.conclude()
            older = None
            if self.older is not None:
                older = older_checkpoint(self.older, self.trust, origin=checkpoint.origin)
            if kept.grown_to is not None:
                course.report.not_checked.append(
                    f"entries {checkpoint.tree_size} to {kept.grown_to - 1}, which came in since"
                    " this audit began: audit again without its state"
                )
            self._check_shown(checkpoint.tree_size)
            audits = self._slices(checkpoint, kept)
            gather(audits, course)
            self._tree(audits, checkpoint, older, course)
            order = self._streams(audits, kept, course)
            self._usage(audits, checkpoint, order, kept, course)
        return course.conclude()

    def _check_shown(self, size: int) -> None:
        """Entries are shown at all: a log that keeps them to itself is not accused of a gap.

        Raises:
            SourceFailed: Neither its first bundle is there nor its last, and their hashes are.
        """
        tiles = [part.leaf_tiles() for part in slices_of(size)[:1] + slices_of(size)[-1:]]
        ends = [tiles[0][0], tiles[-1][-1]] if tiles else []
        shown = [read_tile(self.source, TilePath(None, end.index, end.width)) for end in ends]
        if ends and shown == [None, None] and read_tile(self.source, ends[0]) is not None:
            raise SourceFailed(
                str(self.source),
                "shows hashes and no entries, so that it cannot be audited; ask its operator for"
                " --publish-entries, or for a directory of `candour export tiles`",
            )

    def _slices(self, checkpoint: Checkpoint, kept: Progressing) -> list[SliceAudit]:
        size = checkpoint.tree_size
        parts = slices_of(size)
        todo = [part for part in parts if part.index not in kept.slices]
        counted = size - sum(part.stop - part.start for part in todo)
        self.progress("entries", counted, size)

        def done(audit: SliceAudit) -> None:
            nonlocal counted
            kept.keep(audit)
            counted += parts[audit.index].stop - parts[audit.index].start
            self.progress("entries", counted, size)

        audit_all(self.source, todo, checkpoint.origin, workers=self.workers, done=done)
        return [kept.slices[part.index] for part in parts]

    def _tree(
        self,
        audits: list[SliceAudit],
        checkpoint: Checkpoint,
        older: Checkpoint | None,
        course: Course,
    ) -> None:
        size = checkpoint.tree_size
        upper = (path for path, _ in upper_tiles(audits, size))
        compare_upper_tiles(audits, size, course, (read_tile(self.source, path) for path in upper))
        compare_root(audits, checkpoint, course)
        if is_comparable(older, checkpoint, course):
            assert older is not None
            compare_older(audits, older, self._leaves(older.tree_size, size), course)

    def _leaves(self, size: int, tree_size: int) -> list[bytes]:
        """Stored leaf hashes of the slice in which a tree of this size ends, up to there."""
        part = Slice(size // SLICE_ENTRIES, tree_size)
        wanted = size - part.start
        paths = [tile for tile in part.leaf_tiles() if tile.index * TILE_WIDTH < size]
        data = b"".join(found or b"" for found in self.source.read_all(paths if wanted else []))
        data = data[: wanted * HASH_BYTES].ljust(wanted * HASH_BYTES, b"\0")
        return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]

    def _streams(
        self, audits: list[SliceAudit], kept: Progressing, course: Course
    ) -> StreamOrder | None:
        if not all(audit.whole for audit in audits):
            course.not_made(Number.STREAMS, "entries are missing or cannot be read")
            return None
        order = order_of_streams(
            kept.stream_files(), told=lambda done, total: self.progress("streams", done, total)
        )
        conclude_streams(order, course)
        return order

    def _usage(
        self,
        audits: list[SliceAudit],
        checkpoint: Checkpoint,
        order: StreamOrder | None,
        kept: Progressing,
        course: Course,
    ) -> None:
        wanted = usage_wanted(audits, order, course)
        if wanted is None:
            return
        if not kept.recall_usage(course):
            made = UsageAudit(wanted, checkpoint.tree_size)
            needs = made.needs
            for entries in self._entries(needs, checkpoint.tree_size):
                made.add(entries)
                self.progress("usage index", made.size, needs)
            with kept.usage_of(course):
                made.compare(course)

    def _entries(self, stop: int, tree_size: int) -> Iterator[list[bytes]]:
        """All entries up to one, in order, read a second time."""
        for part in slices_of(tree_size):
            tiles = [tile for tile in part.leaf_tiles() if tile.index * TILE_WIDTH < stop]
            paths = [TilePath(None, tile.index, tile.width) for tile in tiles]
            for path, data in zip(paths, self.source.read_all(paths), strict=True):
                entries = decode_bundle(data or b"", width=path.width)
                start = path.index * TILE_WIDTH
                yield entries[: stop - start]


def conclude_streams(order: StreamOrder, course: Course) -> None:
    """Say what was found of streams; in the words of an audit of the database."""
    if order.first_wrong is not None:
        leaf_index, version = order.first_wrong
        sentence = f"is version {version} of its stream by its place there, and says another"
        course.differs(Number.STREAMS, "entries", leaf_index, sentence)
    else:
        course.made(Number.STREAMS, "the versions of every stream are 1, 2, 3, …")


def usage_wanted(
    audits: list[SliceAudit], order: StreamOrder | None, course: Course
) -> Wanted | None:
    """What is needed to make the usage index anew; None where that is settled without."""
    committed = [said for audit in audits for said in audit.committed]
    imports = {name for audit in audits for name in audit.withdrawn_imports}
    if order is None or Number.ENTRIES in course.failed:
        course.not_made(Number.USAGE_INDEX, "entries are missing or cannot be read")
    elif Number.ROOT in course.failed or Number.FORM in course.failed:
        course.not_made(Number.USAGE_INDEX, "what it follows from differs already")
    elif len(order.changed) > MAX_AUDIT_LATER:
        course.not_made(Number.USAGE_INDEX, f"more than {MAX_AUDIT_LATER} uses were changed")
    elif not committed:
        course.made(Number.USAGE_INDEX, "the log commits to none")
    else:
        return Wanted(committed, order.changed, imports)
    return None
