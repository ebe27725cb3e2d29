"""What do some uses say, as far as their entries were read? Rows, citations, names of performers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ledger.entry import Entry
from ledger.errors import Malformed
from ledger.events import Fact, ToolUseReported
from ledger.projections.uses import UseRow, changed, reported
from ledger.rules.citations import Citation
from ledger.rules.judging import Authorities
from ledger.store.core import StoredEntry
from ledger.store.reading_entries import read_stored, shown_values


@dataclass(frozen=True, slots=True)
class Change:
    """What one entry did to a use.

    Members:
        before: The row it replaced; None for a report.
        row: The row it made; None where it changed nothing.
        known_before: Names of the performer that were shown before it.
    """

    before: UseRow | None
    row: UseRow | None
    known_before: frozenset[str]


class UseStates:
    """Uses by their streams, folded entry by entry in leaf order."""

    def __init__(self) -> None:
        self.rows: dict[str, UseRow] = {}
        self._authorities = Authorities()
        self._streams: dict[int, str] = {}

    def add(self, stored: StoredEntry) -> Change:
        """Fold one entry of a use.

        Raises:
            Malformed, Unverifiable: This release cannot fold it; nothing has changed.
        """
        entry, fact = read_stored(stored)
        return self._add(entry, fact, stored)

    def _add(self, entry: Entry, fact: Fact, stored: StoredEntry) -> Change:
        stream, shown = stored.stream, shown_values(stored)
        before = None if isinstance(fact, ToolUseReported) else self.rows.get(stream)
        if isinstance(fact, ToolUseReported):
            row: UseRow | None = reported(fact, entry, stored.leaf_index, shown)
        elif before is None:
            raise Malformed("entry", "changes a use whose report is not in the log")
        else:
            row = changed(before, fact, stored.leaf_index, entry=entry, shown=shown)
        known = self._authorities.known_as(stream)
        self._authorities.add(stored.leaf_index, entry, fact, shown)
        if row is not None:
            self.rows[stream] = row
            self._streams[row.first] = stream
        return Change(before, row, known)

    def stream_of(self, first: int) -> str | None:
        """The stream of the use that was reported at a leaf index; None where it is not here."""
        return self._streams.get(first)

    def firsts(self) -> Collection[int]:
        """Leaf indexes of the reports of the uses that are here."""
        return self._streams.keys()

    def citations(self, stream: str) -> Sequence[Citation]:
        """What a use cites, in the order it was told: as in its row."""
        return self._authorities.citations.of(stream)

    def known_as(self, stream: str) -> frozenset[str]:
        """What a use shows of its performer, beside the pseudonym."""
        return self._authorities.known_as(stream)
