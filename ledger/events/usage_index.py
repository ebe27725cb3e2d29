"""Which root does the usage index have over the entries before? A fact the ledger tells of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ledger.events.facts import Fact, Record, fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtree(Record):
    """A part of the index that is shown closed: placements below it, and its hash in hex."""

    total: int
    hash: str


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class UsageIndexCommitted(Fact):
    """The index over the entries 0..tree_size-1 had this root, and so many placements.

    Stream `usage_index/main`. `root` is 64 hex digits in lower case; `tree_size` is at most the
    entry's own leaf index. What a root means: docs/usage-index.md.

    Members:
        performers, performers_withdrawn: The two sides of family agency+performer, closed; absent
            where empty. Its keys rest on pseudonyms that no entry shows; with these two, entries
            alone give all the rest of the root.
    """

    TOPIC: ClassVar[str] = "usage_index.committed.v1"

    index: str
    tree_size: int
    root: str
    total: int
    performers: Subtree | None = None
    performers_withdrawn: Subtree | None = None
