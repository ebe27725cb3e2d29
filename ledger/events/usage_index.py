"""Which root does the usage index have over the entries before? A fact the ledger tells of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ledger.events.facts import Fact, fact


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class UsageIndexCommitted(Fact):
    """The index over the entries 0..tree_size-1 had this root, and so many placements.

    Stream `usage_index/main`. `root` is 64 hex digits in lower case; `tree_size` is at most the
    entry's own leaf index. What a root means: docs/usage-index.md.
    """

    TOPIC: ClassVar[str] = "usage_index.committed.v1"

    index: str
    tree_size: int
    root: str
    total: int
