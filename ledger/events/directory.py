"""Which checkpoint did a ledger of this deployment publish? A fact that the directory log holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ledger.events.facts import Fact, fact


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointPublished(Fact):
    """A ledger published a checkpoint; the directory commits to it.

    Stream `checkpoint/<origin>`. `root` is 64 hex digits in lower case. `note` is the signed
    note with the ledger's own signature alone: others' cosignatures may come later, and it must
    convict whoever signed it. It says the same origin, size and root (ADR 0018).
    """

    TOPIC: ClassVar[str] = "checkpoint.published.v1"

    origin: str
    tree_size: int
    root: str
    note: str
