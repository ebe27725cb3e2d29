"""Under what authority did each use stand? The verdicts on all citations, from entries alone.

entries ──Authorities.add──► citations, performers' names ──judge(registers)──► UseRow ► Verdicts
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ledger.canonical_json import JsonValue
from ledger.entry import Entry
from ledger.events import Fact
from ledger.projections.registers import Registers
from ledger.projections.uses import UseRow
from ledger.rules.citations import Citations
from ledger.rules.verdicts import Verdict, verdict


class Authorities:
    """What uses cite, and what they show of who acted; add entries in leaf order."""

    def __init__(self) -> None:
        self.citations = Citations()
        self._known_as: dict[str, frozenset[str]] = {}

    def add(
        self, leaf_index: int, entry: Entry, fact: Fact, shown: Mapping[str, JsonValue]
    ) -> None:
        """Take in one entry; those of other streams are passed by."""
        if entry.stream.startswith("tool_use/"):
            self.citations.add(leaf_index, entry, fact)
            if names := texts_in(shown.get("performer_identity")):
                self._known_as[entry.stream] = names

    def known_as(self, use: str) -> frozenset[str]:
        """What the use of this stream shows of its performer, beside the pseudonym."""
        return self._known_as.get(use, frozenset())

    def judge(self, registers: Registers) -> Callable[[UseRow], Sequence[Verdict]]:
        """Verdicts on what a use cites, in the order of citation, by these registers."""
        aliases = registers.aliases.groups()

        def verdicts(use: UseRow) -> list[Verdict]:
            return [
                verdict(
                    use,
                    citation,
                    registers.history(citation.authorization),
                    aliases=aliases,
                    known_as=self.known_as(use.use),
                )
                for citation in self.citations.of(use.use)
            ]

        return verdicts


def texts_in(value: JsonValue) -> frozenset[str]:
    """The texts of a protected value: itself, or those of its members."""
    if isinstance(value, str):
        return frozenset({value} - {""})
    members = value.values() if isinstance(value, dict) else ()
    return frozenset(item for item in members if isinstance(item, str) and item)
