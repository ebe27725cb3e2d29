"""Does a log show everybody the same history? (RFC 9162, section 8.2)

A monitor keeps every checkpoint it sees, checks each step, and compares with other monitors.
We neither fetch nor keep anything: the caller reads the log's tiles and appends to a file.

    last seen, checkpoint, proof ──observe──► newer last seen, or Equivocation
    my file, their file ──compare──► None: they agree
                                     Gap: a proof between these two is still to be asked for
                                     Equivocation: two signed checkpoints that convict the log
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ledger.errors import Malformed, VerificationFailed
from ledger.limits import MAX_SEEN_BYTES
from ledger.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from ledger.tlog.growth import (
    Equivocation,
    check_growth,
    join_notes,
    judge,
    note_bytes,
    split_notes,
)
from ledger.tlog.note_keys import VerifierKey


class WentBack(VerificationFailed):
    """The log shows a tree that is older than one it has shown before.

    Both are consistent: a cache may be stale, or the log was restored from a backup.
    """

    def __init__(self, *, origin: str, shown: int, seen: int) -> None:
        super().__init__(f"{origin} shows its tree of size {shown} after that of size {seen}")
        self.origin, self.shown, self.seen = origin, shown, seen


@dataclass(frozen=True, slots=True)
class Gap:
    """What two monitors' files leave open: nobody has compared these two checkpoints yet.

    Get a proof between them from the log, and `judge` them.
    """

    older: SignedCheckpoint
    newer: SignedCheckpoint


def observe(
    last: SignedCheckpoint | None,
    shown: SignedCheckpoint,
    proof: Sequence[bytes],
    *,
    prefix_root: bytes | None = None,
) -> SignedCheckpoint | Equivocation:
    """The checkpoint to remember from now on, or what convicts the log.

    Args:
        last: What the monitor remembers; None at first, and then the log is believed.
        shown: What the log shows now.
        proof: Consistency proof from the smaller to the larger of the two; empty at first,
            where the sizes are equal, and from an empty tree.
        prefix_root: As of `judge`: root over the first leaves of the larger tree.
    Returns:
        `shown` where it is larger, `last` where the trees are equal, or Equivocation.
    Raises:
        Malformed: The two are of different logs.
        ConsistencyFailed: Nothing is shown: remember `last`, keep both, and ask again.
        WentBack: Consistent, but smaller than `last`.
    """
    if last is None:
        check_growth(old_size=0, old_root=b"", newer=shown.checkpoint, proof=proof)
        return shown
    seen_size, shown_size = last.checkpoint.tree_size, shown.checkpoint.tree_size
    older, newer = (last, shown) if seen_size <= shown_size else (shown, last)
    found = judge(older, newer, proof, prefix_root=prefix_root)
    if found is not None:
        return found
    if shown_size < seen_size:
        raise WentBack(origin=shown.checkpoint.origin, shown=shown_size, seen=seen_size)
    return shown if shown_size > seen_size else last


def compare(
    mine: Sequence[SignedCheckpoint], theirs: Sequence[SignedCheckpoint]
) -> Equivocation | Gap | None:
    """What two monitors of one log saw, side by side.

    Each is taken to have checked every step of its own file, as `observe` does; then one
    checkpoint in common, or one proof, joins all of one file to the other.

    Args:
        mine, theirs: In order of size, as `parse_seen` gives them.
    Returns:
        Equivocation where one size has two roots; Gap where the shorter file's last
        checkpoint is not in the other one; None where it is, or a file is empty.
    Raises:
        Malformed: The files are of different logs.
    """
    theirs_by_size = {signed.checkpoint.tree_size: signed for signed in theirs}
    for signed in mine:
        other = theirs_by_size.get(signed.checkpoint.tree_size)
        if other is not None and other.checkpoint.root != signed.checkpoint.root:
            found = Equivocation(signed, other)
            found.check()
            return found
    if not mine or not theirs:
        return None
    if mine[0].checkpoint.origin != theirs[0].checkpoint.origin:
        raise Malformed("monitors", "must have watched one log")
    shorter, longer = sorted((mine, theirs), key=lambda seen: seen[-1].checkpoint.tree_size)
    end = shorter[-1]
    reached = (one for one in longer if one.checkpoint.tree_size >= end.checkpoint.tree_size)
    newer = next(reached)
    if newer.checkpoint.tree_size == end.checkpoint.tree_size:
        return None
    return Gap(end, newer)


def format_seen(signed: SignedCheckpoint) -> bytes:
    """What a monitor appends to its file for a checkpoint that is larger than all in it."""
    return join_notes([note_bytes(signed.note)])


def parse_seen(data: bytes, verifiers: Sequence[VerifierKey]) -> list[SignedCheckpoint]:
    """The checkpoints of a monitor's file, each one's signature verified.

    Args:
        data: 256 MB at most.
        verifiers: The log's keys; one, unless it changed.
    Raises:
        Malformed: The file is cut, of several logs, or not in order of size.
        VerificationFailed: As `open_checkpoint`.
    """
    if len(data) > MAX_SEEN_BYTES:
        raise Malformed("seen", f"must be {MAX_SEEN_BYTES} bytes at most")
    seen = [open_checkpoint(note, verifiers) for note in split_notes(data)]
    for before, after in pairwise(seen):
        if before.checkpoint.origin != after.checkpoint.origin:
            raise Malformed("seen", "must be of one log")
        if before.checkpoint.tree_size >= after.checkpoint.tree_size:
            raise Malformed("seen", "must be in order of size, each once")
    return seen
