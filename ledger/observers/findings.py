"""What is to be told of a matching? Counts of everything, and the discrepancies one by one.

    Matching ──judge every pair──► Findings(counts, counts by field) ──► Finding, Finding, …

What matters most comes first: what the ledger does not have, then what differs, then where the
observer's log says more, then what the observer does not have. Within a kind by record number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ledger.observers.matching import Matching, Standing
from ledger.observers.verdicts import AGREES, DIFFERING, FLATTENED, MASKED, Judge, judge_pairs

MISSING_HERE: Final = "missing_here"
MISSING_THERE: Final = "missing_there"
_PAIRED: Final = (AGREES, DIFFERING, MASKED, FLATTENED)


@dataclass(frozen=True, slots=True)
class Finding:
    """One discrepancy.

    Members:
        kind: As ledger/events/observers.py lists them.
        here, there: The records, where the sides have one.
        fields: What differs, or what the observer says more of.
        doubted: An equal record was paired in its place: which of the two is missing is not known.
    """

    kind: str
    here: int | None
    there: int | None
    fields: tuple[str, ...] = ()
    doubted: bool = False


class Findings:
    """Counts of a matching, and its discrepancies. `here` is the ledger's side.

    Members:
        pairs: How many pairs of each kind: matched, differing, masked, flattened.
        by_field: (member of Verdict, field) to how many pairs.
    """

    def __init__(self, matching: Matching, judge: Judge) -> None:
        self._matching, self._judge = matching, judge
        self.pairs: Counter[str] = Counter()
        self.by_field: Counter[tuple[str, str]] = Counter()
        self._kinds = bytearray(len(matching.here))
        for here, _there, verdict in judge_pairs(matching, judge):
            kind = verdict.kind
            self.pairs[kind] += 1
            self._kinds[here] = _PAIRED.index(kind)
            for member, fields in verdict.members():
                for field in fields:
                    self.by_field[member, field] += 1

    @property
    def missing_here(self) -> int:
        return self._matching.there.count(Standing.MISSING)

    @property
    def missing_there(self) -> int:
        return self._matching.here.count(Standing.MISSING)

    def both(self, standing: Standing) -> tuple[int, int]:
        """How many records ended so, here and there."""
        return self._matching.here.count(standing), self._matching.there.count(standing)

    def doubted(self) -> tuple[int, int]:
        """Missing records of which it is not known which of several equals they are."""
        return len(self._matching.doubted_here), len(self._matching.doubted_there)

    def __iter__(self) -> Iterator[Finding]:
        matching = self._matching
        for there in matching.numbers(matching.there, Standing.MISSING):
            yield Finding(MISSING_HERE, None, there, doubted=there in matching.doubted_there)
        for kind in _PAIRED[1:]:
            wanted = _PAIRED.index(kind)
            for here, found in enumerate(self._kinds):
                if found == wanted:
                    there = matching.there_of[here]
                    yield Finding(kind, here, there, self._judge.judge(here, there).fields)
        for here in matching.numbers(matching.here, Standing.MISSING):
            yield Finding(MISSING_THERE, here, None, doubted=here in matching.doubted_here)
