"""What do some entries say, folded for every question? One fold for server and verifier.

    (leaf index, entry, shown) ──World.add──► uses, registers, citations, discrepancies

A world may be the whole ledger at a tree size, or only what a bundle holds.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.canonical_json import JsonValue
from ledger.entry import Entry
from ledger.projections.registers import Told
from ledger.projections.uses import UseRow
from ledger.rules.fold import JudgedFold
from ledger.streams import name_of_stream
from ledger.times import us_of_text


class World(JudgedFold):
    """A fold that keeps discrepancies too, and when sources were heard.

    Members:
        discrepancies: What was told of each, by name.
        as_of_us: When the last entry was recorded.
        histories: Leaf indexes of the entries of each use, by stream.
    """

    def __init__(self) -> None:
        super().__init__()
        self.discrepancies: dict[str, list[Told]] = {}
        self.as_of_us: int | None = None
        self.histories: dict[str, list[int]] = {}
        self._heard: dict[str, list[int]] = {}

    def add(self, leaf_index: int, entry: Entry, shown: Mapping[str, JsonValue]) -> None:
        """Fold one entry. Raises as Fold.add."""
        super().add(leaf_index, entry, shown)
        recorded_us = us_of_text(entry.recorded_at)
        self.as_of_us = recorded_us
        kind = entry.stream.partition("/")[0]
        if kind == "discrepancy":
            told = Told(leaf_index, recorded_us, entry.fact(), entry.capture, shown)
            self.discrepancies.setdefault(name_of_stream(entry.stream), []).append(told)
        elif kind == "tool_use":
            self.histories.setdefault(entry.stream, []).append(leaf_index)
            if entry.source is not None and entry.version == 1:
                self._heard.setdefault(entry.source, []).append(recorded_us)

    def standing(self) -> list[UseRow]:
        """The uses that count, in leaf order."""
        return [row for row in self.uses.values() if self.counted(row)]

    def heard(self, source: str) -> list[int]:
        """When the reports of a source were recorded, rising."""
        return sorted(self._heard.get(source, ()))
