"""Whom does an answer ask? The record, at one tree size: by entries alone, or by views.

inquiry.answer(asker, asked) ──► the same answer, whichever asker

PureAsker   over a World: what a verifier has
ViewAsker   over the views of a server (ledger/store): the same, at a million uses
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.inquiries.world import World
from ledger.projections.answers import keys_of
from ledger.projections.questions import judge
from ledger.projections.registers import Registers, Told
from ledger.projections.uses import UseRow
from ledger.rules.judgement import Judgement
from ledger.rules.kinds import Context, Hit, Parameters, PatternPredicate
from ledger.rules.verdicts import Verdict

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JudgedUse:
    """One use that meets a condition.

    Members:
        certain: False where it may not.
        verdicts: On what it cites, without grace.
        leaves: Leaf indexes of all its entries.
    """

    row: UseRow
    certain: bool
    verdicts: Sequence[Verdict]
    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many uses meet a condition for certain, and how many more possibly."""

    count: int
    possible: int


class Asker(Protocol):
    """What an answer may ask of the record at one tree size."""

    tree_size: int

    def registers(self) -> Registers: ...

    def context(self, agency: str | None) -> Context: ...

    def count(self, found: Judgement) -> Counted: ...

    def uses(self, found: Judgement, limit: int) -> list[JudgedUse]:
        """The first `limit`: certain ones first, each part by time, then by leaf index."""

    def groups(self, found: Judgement, by: Keys) -> list[tuple[Keys, Counted]]:
        """Counts by one key or two, sorted by key; "" where a use does not say."""

    def patterns(
        self, predicate: PatternPredicate, parameters: Parameters, found: Judgement
    ) -> list[Hit]:
        """Cases of a pattern among the uses that meet a condition for certain."""

    def withdrawn(self, found: Judgement, limit: int) -> list[JudgedUse]:
        """As `uses`, of those that no longer count."""

    def discrepancies(self) -> Mapping[str, Sequence[Told]]:
        """What was told of each discrepancy between the ledger and another's log."""


class PureAsker:
    """Asks entries alone.

    Args:
        world: Of the entries.
        tree_size: The size the answer speaks of; the world holds entries below it only.
    """

    def __init__(self, world: World, tree_size: int) -> None:
        self.world, self.tree_size = world, tree_size
        self._groups = world.aliases.groups()
        self._verdicts = world.authorities.judge(world.registers)

    def registers(self) -> Registers:
        return self.world.registers

    def context(self, agency: str | None) -> Context:
        return self.world.context(agency)

    def count(self, found: Judgement) -> Counted:
        judged = self._judged(found, self.world.standing())
        certain = sum(one.certain for one in judged)
        return Counted(certain, len(judged) - certain)

    def uses(self, found: Judgement, limit: int) -> list[JudgedUse]:
        return self._ordered(self._judged(found, self.world.standing()))[:limit]

    def withdrawn(self, found: Judgement, limit: int) -> list[JudgedUse]:
        gone = [row for row in self.world.uses.values() if not self.world.counted(row)]
        return self._ordered(self._judged(found, gone))[:limit]

    def groups(self, found: Judgement, by: Keys) -> list[tuple[Keys, Counted]]:
        sums: dict[Keys, list[int]] = {}
        for one in self._judged(found, self.world.standing()):
            for keys in _products([self._keys(name, one.row) for name in by]):
                sums.setdefault(keys, [0, 0])[0 if one.certain else 1] += 1
        return [(keys, Counted(*pair)) for keys, pair in sorted(sums.items())]

    def patterns(
        self, predicate: PatternPredicate, parameters: Parameters, found: Judgement
    ) -> list[Hit]:
        rows = [one.row for one in self._judged(found, self.world.standing()) if one.certain]
        return predicate.find(rows, self.world.registers, parameters)

    def discrepancies(self) -> Mapping[str, Sequence[Told]]:
        return self.world.discrepancies

    def _keys(self, by: str, row: UseRow) -> tuple[str, ...]:
        if by == "reason_state":
            return (row.reason_state.name.lower(),)
        return keys_of(by, row, self.world.aliases)

    def _judged(self, found: Judgement, rows: Sequence[UseRow]) -> list[JudgedUse]:
        judged = []
        for row in rows:
            verdicts = self._verdicts(row)
            codes = tuple(verdict.code for verdict in verdicts)

            def of_use(_row: UseRow, codes: tuple[str, ...] = codes) -> tuple[str, ...]:
                return codes

            if judge(found.possible, row, self._groups, of_use) is False:
                continue
            certain = judge(found.certain, row, self._groups, of_use) is True
            leaves = tuple(self.world.histories.get(row.use, ()))
            judged.append(JudgedUse(row, certain, verdicts, leaves))
        return judged

    @staticmethod
    def _ordered(judged: list[JudgedUse]) -> list[JudgedUse]:
        return sorted(judged, key=lambda one: (not one.certain, one.row.earliest_us, one.row.first))


def _products(keys: Sequence[tuple[str, ...]]) -> list[Keys]:
    found: list[Keys] = [()]
    for some in keys:
        found = [(*before, key) for before in found for key in some]
    return found
