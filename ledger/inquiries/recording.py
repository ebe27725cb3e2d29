"""What did an answer ask of the record? Noted, so that evidence can hold just that.

inquiry.answer(Recorder(asker), asked) ──► the same answer; which uses were counted, listed, cited
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ledger.inquiries.asker import (
    After,
    Asker,
    Counted,
    DifferenceCount,
    Differing,
    JudgedUse,
    Keys,
    Mark,
)
from ledger.projections.registers import Registers, Told
from ledger.rules.judgement import Judgement
from ledger.rules.kinds import Hit, Parameters, PatternPredicate


class Recorder:
    """Asks another asker, and notes what for.

    Members:
        whole: Conditions of which every use counts, each with its grace.
        firsts: Leaf indexes of the reports of single uses.
        differing: Differences of which every one counts.
        found: Leaf indexes of differences and their resolutions.
        sources: Whose every report counts.
        last: True where it matters when the last entry was recorded.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker, self.tree_size = asker, asker.tree_size
        self.whole: dict[tuple[Judgement, int], None] = {}
        self.firsts: set[int] = set()
        self.differing: dict[Differing, None] = {}
        self.found: set[int] = set()
        self.sources: set[str] = set()
        self.last = False

    def registers(self) -> Registers:
        return self._asker.registers()

    def count(self, found: Judgement, *, grace_us: int = 0) -> Counted:
        self._all(found, grace_us)
        return self._asker.count(found, grace_us=grace_us)

    def uses(
        self, found: Judgement, limit: int, *, after: After | None = None, grace_us: int = 0
    ) -> list[JudgedUse]:
        uses = self._asker.uses(found, limit, after=after, grace_us=grace_us)
        self.firsts.update(one.row.first for one in uses)
        return uses

    def marks(
        self, found: Judgement, limit: int, *, grace_us: int = 0, by_time: bool = False
    ) -> list[Mark]:
        marks = self._asker.marks(found, limit, grace_us=grace_us, by_time=by_time)
        self.firsts.update(mark.first for mark in marks)
        return marks

    def examples(self, found: Judgement, by: Keys) -> Mapping[Keys, int]:
        examples = self._asker.examples(found, by)
        self.firsts.update(examples.values())
        return examples

    def groups(self, found: Judgement, by: Keys) -> list[tuple[Keys, Counted]]:
        self._all(found)
        return self._asker.groups(found, by)

    def patterns(
        self, predicate: PatternPredicate, parameters: Parameters, found: Judgement
    ) -> list[Hit]:
        self._all(found)
        return self._asker.patterns(predicate, parameters, found)

    def withdrawn(self, found: Judgement, limit: int) -> list[JudgedUse]:
        gone = self._asker.withdrawn(found, limit)
        self.firsts.update(one.row.first for one in gone)
        return gone

    def differences(self, wanted: Differing, limit: int) -> list[tuple[str, Sequence[Told]]]:
        found = self._asker.differences(wanted, limit)
        self.found.update(told.leaf_index for _name, history in found for told in history)
        return found

    def difference_counts(self, wanted: Differing) -> list[DifferenceCount]:
        self.differing[wanted] = None
        return self._asker.difference_counts(wanted)

    def cited(self, found: Judgement) -> Collection[str]:
        """Who asks looks for names that nobody registered; the uses that cite one are counted."""
        return self._asker.cited(found)

    def heard(self, source: str) -> Sequence[int]:
        self.sources.add(source)
        return self._asker.heard(source)

    def as_of_us(self) -> int | None:
        self.last = True
        return self._asker.as_of_us()

    def _all(self, found: Judgement, grace_us: int = 0) -> None:
        # What a condition rests on does not bear on which uses it holds for.
        self.whole[Judgement(found.certain, found.possible), grace_us] = None
