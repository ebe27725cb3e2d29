"""How does a fold answer for authority? It keeps what uses cite, and judges it by the registers.

    entries ──JudgedFold.add──► uses, registers, citations ──authority(grace)──► codes of a use

What the server's views hold as rows, a verifier has from these (ledger/projections/answers.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ledger.canonical_json import JsonValue
from ledger.entry import Entry
from ledger.projections.answers import Fold
from ledger.projections.uses import UseRow
from ledger.rules.judging import Authorities
from ledger.rules.verdicts import with_grace


class JudgedFold(Fold):
    """A fold that can be asked under what authority a use stood."""

    def __init__(self) -> None:
        super().__init__()
        self.authorities = Authorities()

    def add(self, leaf_index: int, entry: Entry, shown: Mapping[str, JsonValue]) -> None:
        """Fold one entry. Raises as Fold.add."""
        super().add(leaf_index, entry, shown)
        if entry.stream.startswith("tool_use/"):
            self.authorities.add(leaf_index, entry, entry.fact(), shown)

    def authority(self, grace_us: int = 0) -> Callable[[UseRow], tuple[str, ...]]:
        """The codes of all that a use cites, under a grace."""
        judge = self.authorities.judge(self.registers)

        def codes(row: UseRow) -> tuple[str, ...]:
            return tuple(with_grace(found, grace_us).code for found in judge(row))

        return codes
