"""Which tree does an audit hold the log to? The one that its key signed, and its witnesses saw.

note, trust ──open_trusted──► checkpoint, who cosigned     refused: a finding, and the end
older note, trust ──older_checkpoint──► the tree seen before
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ledger.audit.checks import Course, Number
from ledger.audit.tree import CHECKPOINTS
from ledger.errors import CandourError, Malformed
from ledger.tlog import (
    Checkpoint,
    TrustPolicy,
    VerifierKey,
    claimed_checkpoint,
    open_checkpoint,
    open_witnessed,
)

# A trust file's policy, or the log's key alone.
Trust: TypeAlias = TrustPolicy | VerifierKey


@dataclass(frozen=True, slots=True)
class Opened:
    """A checkpoint that holds, and the witnesses that cosigned it."""

    checkpoint: Checkpoint
    cosigned: tuple[str, ...] = ()


def open_trusted(note: bytes, trust: Trust) -> Opened:
    """The checkpoint of a note, as far as whoever audits trusts its log.

    Raises:
        Malformed, VerificationFailed: It does not hold: another key, too few witnesses, or
            no checkpoint.
    """
    if isinstance(trust, VerifierKey):
        return Opened(open_checkpoint(note, [trust]).checkpoint)
    origin = claimed_checkpoint(note).origin
    witnessed = open_witnessed(note, trust, origin)
    return Opened(witnessed.checkpoint, tuple(sorted(witnessed.cosigned)))


def check_checkpoint(note: bytes, trust: Trust, course: Course) -> Checkpoint | None:
    """The tree to audit; None, and a finding, where the checkpoint does not hold."""
    try:
        opened = open_trusted(note, trust)
    except CandourError as error:
        sentence = f"the checkpoint does not hold: {error}"
        course.differs(Number.CHECKPOINT, CHECKPOINTS, None, sentence)
        return None
    checkpoint = opened.checkpoint
    course.report.tree_size = checkpoint.tree_size
    detail = f"{checkpoint.origin} signed a tree of {checkpoint.tree_size} entries"
    if opened.cosigned:
        detail += f"; cosigned by {', '.join(opened.cosigned)}"
    course.made(Number.CHECKPOINT, detail)
    return checkpoint


def older_checkpoint(note: bytes, trust: Trust, *, origin: str) -> Checkpoint:
    """The checkpoint that was seen before, of the same log.

    Its witnesses are not asked for: it may be older than they are.

    Raises:
        Malformed: It is of another log.
        VerificationFailed: Its log did not sign it.
    """
    claimed = claimed_checkpoint(note)
    if claimed.origin != origin:
        raise Malformed("older checkpoint", f"is of {claimed.origin}, not of {origin}")
    if isinstance(trust, VerifierKey):
        return open_checkpoint(note, [trust]).checkpoint
    keys = [log.key for log in trust.logs if log.key.name == origin]
    return open_checkpoint(note, keys).checkpoint


def is_comparable(older: Checkpoint | None, newest: Checkpoint, course: Course) -> bool:
    """True where the older tree is to be found inside the newest; else the check is settled."""
    if older is None:
        course.not_made(Number.OLDER, "no checkpoint seen before was given", listed=False)
    elif older.tree_size == 0:
        course.made(Number.OLDER, "every log adds to the empty one")
    elif older.tree_size > newest.tree_size:
        sentence = (
            f"was published, and the log was truncated below it, to {newest.tree_size} entries"
        )
        course.differs(Number.OLDER, CHECKPOINTS, older.tree_size, sentence)
    else:
        return True
    return False
