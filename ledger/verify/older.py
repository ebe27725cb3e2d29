"""Does this tree only add to the one that the reader saw before? (RFC 9162, section 2.1.4)

    bundle.consistency: older checkpoint ──proof──► the bundle's checkpoint
              ║ of the same origin, size and root
    the reader's own checkpoint (--older)

A reader who keeps a checkpoint needs nobody else to see that history was rewritten.
"""

from __future__ import annotations

from typing import Final

from ledger.errors import Malformed, Unverifiable, VerificationFailed
from ledger.merkle import verify_consistency
from ledger.tlog import Checkpoint, VerifierKey, claimed_checkpoint, open_checkpoint
from ledger.verify.bundle import Consistency

NOT_COMPARED: Final = (
    "whether this tree extends one that you were shown before: not compared with a checkpoint of"
    " your own (--older FILE)"
)


class OlderDiffers(VerificationFailed):
    """The reader's own checkpoint is not one that this bundle's tree extends."""


def check_consistency(
    consistency: Consistency | None,
    checkpoint: Checkpoint,
    key: VerifierKey,
    own: bytes | None,
) -> tuple[str, str | None]:
    """What was found, and what it leaves unchecked.

    Args:
        consistency: Of the bundle.
        checkpoint: Of the bundle, its log's signature verified already.
        key: Of its log.
        own: Signed note that the reader holds; None where there is none.
    Raises:
        OlderDiffers: The reader's checkpoint is of another log, or of another history.
        ConsistencyFailed, Malformed, VerificationFailed: The bundle's proof does not hold.
        Unverifiable: The reader's checkpoint says nothing, or the bundle says nothing of it.
    """
    older = None if consistency is None else _grown(consistency, checkpoint, key)
    grew = f"the tree only grew, from {older.tree_size} entries" if older else "no proof"
    if own is None:
        return f"{grew}, not compared with a checkpoint of your own", NOT_COMPARED
    mine = _own(own, checkpoint.origin, key)
    if mine.tree_size > checkpoint.tree_size:
        raise Unverifiable(
            f"your checkpoint is of {mine.tree_size} entries, newer than this bundle's of"
            f" {checkpoint.tree_size}: ask for the answer again, or take an older checkpoint"
        )
    if mine.tree_size == checkpoint.tree_size:
        _same_root(mine, checkpoint)
        return f"your checkpoint is of this tree, {mine.tree_size} entries", None
    if older is None:
        raise Unverifiable(
            f"the bundle does not say how its tree grew from your {mine.tree_size} entries:"
            " ask again with --older FILE (`candour prove … --older FILE`)"
        )
    if older.tree_size != mine.tree_size:
        raise OlderDiffers(
            f"the bundle shows growth from {older.tree_size} entries, and your checkpoint has"
            f" {mine.tree_size}: ask again with --older and your file"
        )
    _same_root(mine, older)
    return f"{grew}, those of your checkpoint", None


def _grown(consistency: Consistency, checkpoint: Checkpoint, key: VerifierKey) -> Checkpoint:
    """The older checkpoint, once it is shown to be a beginning of the bundle's tree."""
    older = open_checkpoint(consistency.checkpoint, [key]).checkpoint
    if older.origin != checkpoint.origin:
        raise Malformed("bundle.consistency.checkpoint", "is of another ledger")
    if older.tree_size == 0:
        raise Malformed("bundle.consistency.checkpoint", "is of an empty tree, which shows nothing")
    verify_consistency(
        old_size=older.tree_size,
        old_root=older.root,
        new_size=checkpoint.tree_size,
        new_root=checkpoint.root,
        proof=consistency.proof,
    )
    return older


def _own(note: bytes, origin: str, key: VerifierKey) -> Checkpoint:
    """The checkpoint that the reader holds, if this log signed it."""
    try:
        claimed = claimed_checkpoint(note)
    except Malformed as error:
        raise Unverifiable(f"your own checkpoint (--older) cannot be read: {error}") from None
    if claimed.origin != origin:
        raise OlderDiffers(f"your own checkpoint is of another ledger, {claimed.origin}")
    try:
        opened = open_checkpoint(note, [key]).checkpoint
    except (Malformed, VerificationFailed) as error:
        raise Unverifiable(f"your own checkpoint (--older) proves nothing: {error}") from None
    if opened.tree_size == 0:
        raise Unverifiable("your own checkpoint is of an empty tree, which every tree extends")
    return opened


def _same_root(mine: Checkpoint, shown: Checkpoint) -> None:
    if mine.root != shown.root:
        raise OlderDiffers(
            f"the log signed two histories: of its first {mine.tree_size} entries your checkpoint"
            " has another root. Keep both files; together they convict it"
        )
