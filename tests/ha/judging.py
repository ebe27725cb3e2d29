"""Is everything there that was acknowledged, once, in one tree that every checkpoint is of?

entries ──leaf by leaf──► roots ══ of every checkpoint: in receipts, published, the witness's
   └──► the entry of each receipt, at its place; as many reports as were made
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from ledger.events import ToolUseReported
from ledger.limits import MAX_NOTE_BYTES
from ledger.merkle import Frontier, leaf_hash
from ledger.store.core import LedgerStore
from ledger.tlog import Checkpoint, VerifierKey, open_checkpoint
from services.runtime.http_client import get
from tests.ha.load import Acknowledged

_BATCH: Final = 2_000
_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is there after an event.

    Members:
        acknowledged: In the event.
        found: Of these, at their place, and what their receipt says.
        doubled: Reports that the ledger holds beyond those that were ever made.
        checkpoints, inconsistent: Signed in the event, and those that are not of this tree.
        tree_size, whole: The head, and whether the entries make it, without a gap.
    """

    acknowledged: int
    found: int
    doubled: int
    checkpoints: int
    inconsistent: int
    tree_size: int
    whole: bool

    @property
    def good(self) -> bool:
        return (
            self.found == self.acknowledged
            and self.doubled == self.inconsistent == 0
            and self.whole
        )


@dataclass
class Judge:
    """Reads on from where it stopped; one ledger, at rest."""

    key: VerifierKey
    _frontier: Frontier = field(default_factory=Frontier)
    _reports: int = 0
    _roots: dict[int, bytes] = field(default_factory=dict)

    def judge(
        self,
        store: LedgerStore,
        told: Sequence[Acknowledged],
        reported: int,
        witnessed: Sequence[Checkpoint],
    ) -> Judgement:
        """What became of an event.

        Args:
            store: Of the server that leads now.
            told: What was acknowledged in the event.
            reported: How many uses were reported since the beginning, each of which has a receipt.
            witnessed: What witnesses say they cosigned last.
        """
        old_size, head = self._frontier.size, store.head()
        notes = {one.receipt.checkpoint.encode() for one in told}
        notes |= {row.note for row in store.checkpoint_rows(old_size, _ROWS)}
        signed = {self._open(note) for note in notes} | set(witnessed)
        wanted = {checkpoint.tree_size for checkpoint in signed}
        leaves: dict[int, bytes] = {}
        for stored in store.scan(old_size, head.tree_size, batch=_BATCH):
            if stored.leaf_index != self._frontier.size:
                break  # a gap
            leaves[stored.leaf_index] = leaf_hash(stored.entry)
            self._reports += stored.topic == ToolUseReported.TOPIC
            self._frontier = self._frontier.extended([leaves[stored.leaf_index]])
            if self._frontier.size in wanted:
                self._roots[self._frontier.size] = self._frontier.root()
        self._roots[self._frontier.size] = self._frontier.root()
        return Judgement(
            acknowledged=len(told),
            found=sum(leaves.get(one.receipt.leaf_index) == one.receipt.leaf_hash for one in told),
            doubled=self._reports - reported,
            checkpoints=len(signed),
            inconsistent=sum(
                self._roots.get(one.tree_size) != one.root for one in signed if one.tree_size
            ),
            tree_size=head.tree_size,
            whole=(self._frontier.size, self._frontier.root()) == (head.tree_size, head.root),
        )

    def _open(self, note: bytes) -> Checkpoint:
        return open_checkpoint(note, [self.key]).checkpoint


def witnessed_last(url: str, key: VerifierKey) -> Checkpoint | None:
    """What a witness cosigned last of this log, our signature on it verified."""
    where = f"{url.rstrip('/')}/{sha256(key.name.encode()).hexdigest()}/checkpoint"
    reply = get(where, most=MAX_NOTE_BYTES, timeout_s=10)
    return None if reply.status != 200 else open_checkpoint(reply.body, [key]).checkpoint
