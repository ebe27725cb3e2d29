"""What is kept while an audit runs, so that another can go on where it ended?

    FILE           the state: the tree, and what became of each slice; whole after every slice
    FILE.streams/  records of each slice's streams, sorted, until the audit is over

Without a file all is kept in a directory of the system's, and goes away with the audit.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ledger.audit.checks import Course, Number
from ledger.audit.report import Finding
from ledger.audit.slices import COMMITTED, SliceAudit
from ledger.audit.state import AuditState, StateRefused
from ledger.audit.stream_order import RECORD_BYTES
from ledger.audit.trusted import Trust, open_trusted
from ledger.errors import CandourError
from ledger.limits import MAX_AUDIT_STATE_BYTES
from ledger.merkle import TileTree
from ledger.tlog import Checkpoint, TilePath, check_growth
from services.audit.sources import Source, read_tile


@dataclass(slots=True)
class Progressing(AbstractContextManager["Progressing"]):
    """The state of a running audit.

    Members:
        grown_to: Size of the log's newest tree, where the audit goes on with an older one.
    """

    file: Path | None
    folder: Path
    state: AuditState
    grown_to: int | None = None

    @classmethod
    def of(cls, file: Path | None, note: bytes, trust: Trust, source: Source) -> Progressing:
        """A new audit's, or that of the one that was broken off.

        Args:
            file: Keeps the state; None keeps nothing.
            note: The checkpoint that the log shows now.
            trust: Whom to believe.
            source: Of the log, which must have grown out of the tree of the state.
        Raises:
            StateRefused: The file is of another log or tree, or no state.
        """
        if file is None:
            return cls(None, Path(tempfile.mkdtemp(prefix="candour-audit-")), AuditState(note))
        folder = file.with_name(f"{file.name}.streams")
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            return cls(file, folder, AuditState(note))
        with file.open("rb") as opened:
            state = AuditState.from_bytes(opened.read(MAX_AUDIT_STATE_BYTES))
        kept = cls(file, folder, state)
        kept.grown_to = _check_same(file, state, note, trust, source)
        for index, audit in list(state.slices.items()):
            if not kept._is_there(audit):
                del state.slices[index]
        return kept

    @property
    def note(self) -> bytes:
        return self.state.note

    @property
    def slices(self) -> dict[int, SliceAudit]:
        return self.state.slices

    def keep(self, audit: SliceAudit) -> None:
        """A slice is done."""
        self.folder.mkdir(exist_ok=True)
        _replace(self._path(audit.index), audit.streams)
        audit.records = len(audit.streams) // RECORD_BYTES
        audit.streams = b""
        self.slices[audit.index] = audit
        self._write()

    def stream_files(self) -> list[Path]:
        """The records of all slices that are done."""
        return [self._path(index) for index in sorted(self.slices)]

    def recall_usage(self, course: Course) -> bool:
        """Say of the usage index what was found before; False where nothing was."""
        found = self.state.usage
        if found is None:
            return False
        findings = [Finding(COMMITTED, *item) for item in found["findings"]]
        course.report.take(findings, found["differences"])
        if found["differences"]:
            course.fail(Number.USAGE_INDEX, found["differences"])
        course.report.count("usage_roots", found["roots"])
        if found["not_made"] is not None:
            course.not_made(Number.USAGE_INDEX, found["not_made"])
        else:
            course.made(Number.USAGE_INDEX, found["detail"])
        return True

    @contextmanager
    def usage_of(self, course: Course) -> Iterator[None]:
        """Keep what is found of the usage index in this block."""
        before, differences = len(course.report.findings), course.report.differences
        yield
        found = course.report.findings[before:]
        not_made, detail = course.outcome(Number.USAGE_INDEX)
        self.state.usage = {
            "findings": [[item.where, item.sentence] for item in found],
            "differences": course.report.differences - differences,
            "roots": course.report.counts.get("usage_roots", 0),
            "not_made": not_made,
            "detail": detail,
        }
        self._write()

    def _is_there(self, audit: SliceAudit) -> bool:
        path = self._path(audit.index)
        return path.is_file() and path.stat().st_size == audit.records * RECORD_BYTES

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:09}"

    def _write(self) -> None:
        if self.file is not None:
            _replace(self.file, self.state.to_bytes())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.file is None:
            shutil.rmtree(self.folder, ignore_errors=True)


def _check_same(
    file: Path, state: AuditState, note: bytes, trust: Trust, source: Source
) -> int | None:
    """The state's tree is what the log shows, or what it grew out of; then its size now."""
    if state.note == note:
        return None
    try:
        begun, now = (open_trusted(data, trust).checkpoint for data in (state.note, note))
        if begun.origin != now.origin:
            raise StateRefused(f"{file} is the state of an audit of {begun.origin}; name another")
        if (begun.tree_size, begun.root) == (now.tree_size, now.root):
            return None
        _check_grown(begun, now, source)
    except StateRefused:
        raise
    except CandourError as error:
        raise StateRefused(
            f"{file} is the state of an audit of another tree, and the log's is not shown to add"
            f" to it ({error}); audit again with --state of another name, and keep this file"
        ) from None
    return now.tree_size


def _check_grown(begun: Checkpoint, now: Checkpoint, source: Source) -> None:
    def tile(level: int, index: int, width: int) -> bytes:
        return read_tile(source, TilePath(level, index, width)) or b""

    proof = []
    if 0 < begun.tree_size < now.tree_size:
        proof = TileTree(now.tree_size, tile).consistency_proof(begun.tree_size)
    check_growth(old_size=begun.tree_size, old_root=begun.root, newer=now, proof=proof)


def _replace(path: Path, data: bytes) -> None:
    """Write a file that is there whole, as it was or as it is now."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
