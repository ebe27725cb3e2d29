"""What was asked of an import, and what became of the rows so far?

Wish (flags) ──look_at──► Summary ──add, reject──► one JSON object
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.ingest import FileFacts, Layout
from services.cli.options import Wait
from services.cli.sender import ACCEPTED, DUPLICATE, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the command line asks for; names as they were written."""

    file: Path
    agency: str
    technology: str
    source: str | None
    layout: Layout | None
    capture: str
    acquisition: str | None
    register: bool
    most_rejects: int | None  # None: all
    wait: Wait = Wait.COMMITTED  # until a checkpoint over all of it is there


@dataclass(slots=True)
class Summary:
    """What became of the rows so far."""

    facts: FileFacts
    agency: str
    technology: str
    source: str
    most_rejects: int | None
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    registered: list[str] = field(default_factory=list)
    import_name: str | None = None
    tree_size: int | None = None
    complete: bool = False

    @property
    def done(self) -> int:
        """Rows whose fate is known."""
        return self.accepted + self.duplicates + self.rejected

    def add(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.kind == ACCEPTED:
                self.accepted += 1
            elif outcome.kind == DUPLICATE:
                self.duplicates += 1
            else:
                self.reject(outcome.line, outcome.field, outcome.reason)

    def reject(self, line: int, where: str, why: str) -> None:
        self.rejected += 1
        if self.most_rejects is None or len(self.rejects) < self.most_rejects:
            self.rejects.append({"line": line, "field": where, "reason": why})

    def to_object(self) -> dict[str, Any]:
        return {
            "rows": self.facts.rows,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "complete": self.complete,
            "import": self.import_name,
            "tree_size": self.tree_size,
            "agency": self.agency,
            "technology": self.technology,
            "source": self.source,
            "layout": self.facts.layout,
            "file_sha256": self.facts.sha256,
            "registered": self.registered,
            "rejects": self.rejects,
        }
