"""What do entries alone answer? The asker of a verifier, and the measure of every other.

World ──PureAsker──► counts, lists, groups, patterns: by the judge of ledger/projections
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product

from ledger.inquiries.asker import (
    After,
    Counted,
    DifferenceCount,
    Differing,
    JudgedUse,
    Keys,
    Mark,
)
from ledger.inquiries.world import World
from ledger.limits import MAX_PATTERNS
from ledger.projections.aggregates import group_of, grouped
from ledger.projections.registers import Registers, Told
from ledger.projections.sought import Sought
from ledger.projections.uses import UseRow
from ledger.rules.judgement import Judgement
from ledger.rules.kinds import Hit, Parameters, PatternPredicate
from ledger.rules.verdicts import Verdict, with_grace


class PureAsker:
    """Asks entries alone.

    Args:
        world: Of the entries.
        tree_size: The size the answer speaks of; the world holds entries below it only.
    """

    def __init__(self, world: World, tree_size: int) -> None:
        self.world, self.tree_size = world, tree_size
        self._groups = world.aliases.groups()
        self._judge = world.authorities.judge(world.registers)
        self._verdicts: dict[str, Sequence[Verdict]] = {}

    def registers(self) -> Registers:
        return self.world.registers

    def count(self, found: Judgement, *, grace_us: int = 0) -> Counted:
        matched = self._matched(found, self.world.standing(), grace_us)
        certain = sum(certain for _, certain in matched)
        return Counted(certain, len(matched) - certain)

    def uses(
        self, found: Judgement, limit: int, *, after: After | None = None, grace_us: int = 0
    ) -> list[JudgedUse]:
        judged = self._judged(self._matched(found, self.world.standing(), grace_us))
        return [one for one in judged if after is None or one.place > after][:limit]

    def marks(
        self, found: Judgement, limit: int, *, grace_us: int = 0, by_time: bool = False
    ) -> list[Mark]:
        marks = [
            Mark(row.first, row.earliest_us, row.latest_us, row.recorded_us, row.capture, certain)
            for row, certain in self._matched(found, self.world.standing(), grace_us)
        ]
        marks.sort(key=lambda mark: (mark.earliest_us if by_time else 0, mark.first))
        certain = [mark for mark in marks if mark.certain]
        possible = [mark for mark in marks if not mark.certain]
        return [*certain[:limit], *possible[:limit]]

    def examples(self, found: Judgement, by: Keys) -> Mapping[Keys, int]:
        firsts: dict[Keys, int] = {}
        for row, _certain in self._matched(found, self.world.standing()):
            for key in product(*(group_of(name, row, self.world.aliases) for name in by)):
                firsts[key] = min(row.first, firsts.get(key, row.first))
        return dict(sorted(firsts.items()))

    def groups(self, found: Judgement, by: Keys) -> list[tuple[Keys, Counted]]:
        matched = self._matched(found, self.world.standing())
        return [
            (group.key, Counted(group.count, group.possible))
            for group in grouped(matched, by, self.world.aliases)
        ]

    def patterns(
        self, predicate: PatternPredicate, parameters: Parameters, found: Judgement
    ) -> list[Hit]:
        rows = [row for row, certain in self._matched(found, self.world.standing()) if certain]
        return in_order(predicate.find(rows, self.world.registers, parameters))

    def withdrawn(self, found: Judgement, limit: int) -> list[JudgedUse]:
        gone = [row for row in self.world.uses.values() if not self.world.counted(row)]
        return self._judged(self._matched(found, gone))[:limit]

    def differences(self, wanted: Differing, limit: int) -> list[tuple[str, Sequence[Told]]]:
        found: list[tuple[str, Sequence[Told]]] = [
            one for one in self.world.discrepancies.items() if wanted.holds(one[1])
        ]
        return sorted(found, key=lambda one: one[1][0].leaf_index)[:limit]

    def difference_counts(self, wanted: Differing) -> list[DifferenceCount]:
        sums: dict[tuple[str, str], list[int]] = {}
        for history in self.world.discrepancies.values():
            fact = history[0].fact
            if wanted.holds(history):
                open_ = wanted.is_open(getattr(history[-1].fact, "code", None))
                observer, kind = getattr(fact, "observer", ""), getattr(fact, "kind", "")
                sums.setdefault((observer, kind), [0, 0])[0 if open_ else 1] += 1
        return sorted(DifferenceCount(*key, *pair) for key, pair in sums.items())

    def cited(self, found: Judgement) -> Collection[str]:
        matched = self._matched(found, self.world.standing())
        return frozenset(name for row, _ in matched for name in row.authorizations)

    def heard(self, source: str) -> Sequence[int]:
        return self.world.heard(source)

    def as_of_us(self) -> int | None:
        return self.world.as_of_us

    def _verdicts_on(self, row: UseRow) -> Sequence[Verdict]:
        if row.use not in self._verdicts:
            self._verdicts[row.use] = self._judge(row)
        return self._verdicts[row.use]

    def _matched(
        self, found: Judgement, rows: Iterable[UseRow], grace_us: int = 0
    ) -> list[tuple[UseRow, bool]]:
        def codes(row: UseRow) -> tuple[str, ...]:
            return tuple(with_grace(one, grace_us).code for one in self._verdicts_on(row))

        sought = Sought(found.certain, found.possible, self.tree_size, grace_us)
        verdicts = ((row, sought.verdict(row, self._groups, codes)) for row in rows)
        return [(row, verdict is True) for row, verdict in verdicts if verdict is not False]

    def _judged(self, matched: list[tuple[UseRow, bool]]) -> list[JudgedUse]:
        judged = [
            JudgedUse(
                row, certain, self._verdicts_on(row), tuple(self.world.histories.get(row.use, ()))
            )
            for row, certain in matched
        ]
        return sorted(judged, key=lambda one: one.place)


def in_order(hits: Iterable[Hit]) -> list[Hit]:
    """Cases of a pattern in the order in which they are told, MAX_PATTERNS at most."""
    return sorted(hits, key=lambda hit: (hit.leaves, hit.subject, repr(hit.detail)))[:MAX_PATTERNS]
