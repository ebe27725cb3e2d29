"""What does a monitor do with what it is shown? Compare, remember, and keep what convicts.

    checkpoint ──look──────► consistent with the last one seen? ──► appended to the state file
    their file ──compared──► the same history?
                                 └── Equivocation ──► <state>.equivocation-<sizes>-<root>.txt

A log is convicted by its own two signatures, or not at all. What is merely not shown is said,
and the last good checkpoint stays the one to compare with.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import Malformed, Refused
from ledger.limits import MAX_SEEN_BYTES
from ledger.merkle import ConsistencyFailed
from ledger.tlog import (
    Checkpoint,
    Equivocation,
    Gap,
    SignedCheckpoint,
    VerifierKey,
    WentBack,
    compare,
    format_seen,
    judge,
    observe,
    parse_seen,
)
from services.monitor.tiles import LogReader, LogUnreadable


class Convicted(Refused):
    """The log signed two histories; both checkpoints and the proof are in a file."""

    def __init__(self, found: Equivocation, path: Path) -> None:
        super().__init__(f"{found}. The proof is in {path}")
        self.found, self.path = found, path


class NotShown(Refused):
    """The log's tiles do not lead from one checkpoint to the other: ask again, and ask why."""

    def __init__(self, older: Checkpoint, newer: Checkpoint, reason: str) -> None:
        super().__init__(
            f"it is not shown that the tree of size {newer.tree_size} adds to that of"
            f" {older.tree_size}: {reason}"
        )
        self.older, self.newer = older, newer


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at the log gave.

    Members:
        shown: What the log showed.
        before: The largest checkpoint seen before; None at the first look.
    """

    shown: Checkpoint
    before: Checkpoint | None

    def __str__(self) -> str:
        size = self.shown.tree_size
        if self.before is None:
            return f"size {size}: the first look, believed"
        if self.before.tree_size == size:
            return f"size {size}: as before"
        return f"size {size}: adds to {self.before.tree_size}"


class Monitor:
    """Watches one log, and keeps every checkpoint that is larger than all before.

    Args:
        reader: Of the log.
        state: File of what was seen; made where missing.
    Raises:
        Malformed, VerificationFailed: (also of `look`) The file is cut, or of another log.
        OSError: It cannot be read.
    """

    def __init__(self, reader: LogReader, state: Path) -> None:
        self._reader, self._state = reader, state
        self._seen = read_seen(state, reader.key) if state.exists() else []

    def look(self) -> Looked:
        """Look once: compare what is shown with what was seen, and remember it.

        Raises:
            LogUnreadable: The log shows nothing.
            WentBack: It shows a tree that is older than one it has shown before.
            NotShown, Convicted: As named.
            OSError: What was seen cannot be kept.
        """
        shown = self._reader.checkpoint()
        if not self._seen:
            observe(None, shown, ())
            self._keep(shown)
            return Looked(shown.checkpoint, None)
        before = self._seen[-1]
        if _size(shown) < _size(before):
            raise self._went_back(before, shown)
        self._judge(before, shown, shown_size=_size(shown))
        if _size(shown) > _size(before):
            self._keep(shown)
        return Looked(shown.checkpoint, before.checkpoint)

    def compare(self, theirs: Path) -> int:
        """Compare with what another monitor of this log saw; returns how many it had seen.

        Raises:
            Malformed, VerificationFailed, OSError: Their file cannot be used.
            LogUnreadable, NotShown: The log leaves open whether the two belong together.
            Convicted: They do not.
        """
        seen = read_seen(theirs, self._reader.key)
        found = compare(self._seen, seen)
        if isinstance(found, Equivocation):
            raise self._convicted(found)
        if isinstance(found, Gap):
            largest = max(_size(found.newer), _size(self._seen[-1]))
            self._judge(found.older, found.newer, shown_size=largest)
        return len(seen)

    def _went_back(self, before: SignedCheckpoint, shown: SignedCheckpoint) -> WentBack:
        """The error; raises Convicted where the smaller tree is of another history, too."""
        smaller = [one for one in self._seen if _size(one) <= _size(shown)]
        if smaller:
            self._judge(smaller[-1], shown, shown_size=_size(shown))
        with suppress(LogUnreadable, NotShown):  # tiles of the larger tree may be gone with it
            self._judge(shown, before, shown_size=_size(before))
        origin = shown.checkpoint.origin
        return WentBack(origin=origin, shown=_size(shown), seen=_size(before))

    def _judge(self, older: SignedCheckpoint, newer: SignedCheckpoint, *, shown_size: int) -> None:
        """Return where the newer tree adds to the older one, as tiles show it."""
        proof, prefix_root = self._proven(older, newer, shown_size=shown_size)
        try:
            found = judge(older, newer, proof, prefix_root=prefix_root)
        except ConsistencyFailed as failed:
            raise NotShown(older.checkpoint, newer.checkpoint, failed.reason) from None
        if found is not None:
            raise self._convicted(found)

    def _proven(
        self, older: SignedCheckpoint, newer: SignedCheckpoint, *, shown_size: int
    ) -> tuple[list[bytes], bytes | None]:
        """Consistency proof, and the root over the newer tree's first leaves, from tiles."""
        if _size(older) in (0, _size(newer)):
            return [], None
        trees = self._reader.trees(shown_size)
        try:
            proof = trees.of(_size(newer)).consistency_proof(_size(older))
            return proof, trees.of(_size(older)).root()
        except Malformed as error:  # a tile of another width
            raise LogUnreadable(self._reader.prefix, str(error)) from None

    def _keep(self, shown: SignedCheckpoint) -> None:
        data = format_seen(shown)
        if self._state.exists() and self._state.stat().st_size + len(data) > MAX_SEEN_BYTES:
            raise Malformed(str(self._state), f"would be more than {MAX_SEEN_BYTES} bytes")
        with self._state.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._seen.append(shown)

    def _convicted(self, found: Equivocation) -> Convicted:
        old, new = found.older.checkpoint, found.newer.checkpoint
        which = f"{old.tree_size}-{new.tree_size}-{new.root.hex()[:16]}"
        name = f"{self._state.name}.equivocation-{which}.txt"
        path = self._state.with_name(name)
        draft = path.with_name(f".{name}.{os.getpid()}")
        draft.write_bytes(found.marshal())
        draft.replace(path)
        return Convicted(found, path)


def read_seen(path: Path, key: VerifierKey) -> list[SignedCheckpoint]:
    """A monitor's file. Raises Malformed, VerificationFailed and OSError."""
    with path.open("rb") as file:
        return parse_seen(file.read(MAX_SEEN_BYTES + 1), [key])


def _size(signed: SignedCheckpoint) -> int:
    return signed.checkpoint.tree_size
