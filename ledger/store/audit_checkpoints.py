"""Is every checkpoint that was published still true? Its signature, its size, its root.

Read along with the entries, by size: when the frontier has grown to a checkpoint's size, its
root is compared. A checkpoint beyond the head says that entries were there and are gone.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ledger.audit.report import AuditReport
from ledger.errors import CandourError, Malformed
from ledger.limits import AUDIT_BATCH, RECORDED_SLACK_S
from ledger.merkle import Frontier
from ledger.store.core import LedgerStore, Published
from ledger.times import full_text_of_us
from ledger.tlog import Checkpoint, VerifierKey, open_checkpoint, parse_note

TABLE: Final = "checkpoints"
_NEVER: Final = ""  # before every text of a time, and the next one after
_ALWAYS: Final = "9999-12-31T23:59:60Z"


class CheckpointAudit:
    """The table of published checkpoints.

    Args:
        vkey: Of the ledger; None leaves signatures unchecked.
        origin: Of the ledger; None leaves it unchecked.
    """

    def __init__(
        self,
        store: LedgerStore,
        report: AuditReport,
        *,
        vkey: VerifierKey | None,
        origin: str | None,
    ) -> None:
        self._store, self._report = store, report
        self._vkey, self._origin = vkey, origin
        self._rows: deque[Published] = deque()
        self._above = -(2**63)
        self._exhausted = False
        self._before: Published | None = None  # the last one that was compared
        self._fill()

    def next_size(self) -> int | None:
        """Size of the next checkpoint to compare; None where no more is known."""
        return self._rows[0].tree_size if self._rows else None

    def recorded_between(self) -> tuple[str, str]:
        """When the entries up to the next checkpoint may say that they were recorded.

        Those before were published already, and these when the next one was; an hour more or
        less is for clocks of several processes, and for one that was set right.
        """
        earliest, latest = _NEVER, _ALWAYS
        if self._before is not None:
            earliest = _text_near(self._before.published_us, -RECORDED_SLACK_S, _NEVER)
        if self._rows:
            latest = _text_near(self._rows[0].published_us, RECORDED_SLACK_S, _ALWAYS)
        return earliest, latest

    def compare(self, frontier: Frontier) -> None:
        """Compare the checkpoints up to the size that the entries have grown to."""
        while self._rows and self._rows[0].tree_size <= frontier.size:
            row = self._before = self._rows.popleft()
            checkpoint = self._read(row)
            at_hand = row.tree_size == frontier.size
            if checkpoint is not None and (not at_hand or checkpoint.root != frontier.root()):
                sentence = "the entries up to there give another root than was published"
                self._report.differs(TABLE, row.tree_size, sentence)
            self._fill()

    def rest(self) -> list[int]:
        """Read on to the end; sizes of checkpoints beyond what was audited, largest last.

        Those published meanwhile are among them; their roots are for the next audit.
        """
        self._exhausted = False
        last: list[int] = []
        self._fill()
        while self._rows:
            row = self._rows.popleft()
            self._read(row)
            last = [row.tree_size]
            self._fill()
        return last

    def _fill(self) -> None:
        if self._rows or self._exhausted:
            return
        self._rows.extend(self._store.checkpoint_rows(self._above, AUDIT_BATCH))
        if self._rows:
            self._above = self._rows[-1].tree_size
        else:  # what is published from here on is for `rest`
            self._exhausted = True

    def _read(self, row: Published) -> Checkpoint | None:
        """The checkpoint of a row, its signature checked; None where that is a difference."""
        self._report.count("checkpoints", 1)
        try:
            if type(row.note) is not bytes:
                raise Malformed("note", "is not bytes")
            if self._vkey is None:
                checkpoint = Checkpoint.parse(parse_note(row.note)[0])
            else:
                checkpoint = open_checkpoint(row.note, [self._vkey]).checkpoint
            if checkpoint.tree_size != row.tree_size:
                raise Malformed("note", f"speaks of {checkpoint.tree_size} entries")
            if self._origin is not None and checkpoint.origin != self._origin:
                raise Malformed("note", "is of another ledger")
        except CandourError as error:
            self._report.differs(TABLE, row.tree_size, f"does not hold: {error}")
            return None
        return checkpoint


def _text_near(published_us: object, slack_s: int, otherwise: str) -> str:
    """A time of the row, more or less; `otherwise` where it is none, which is found elsewhere."""
    if type(published_us) is not int:
        return otherwise
    try:
        return full_text_of_us(published_us + slack_s * 1_000_000)
    except (ValueError, OverflowError, Malformed):
        return otherwise
