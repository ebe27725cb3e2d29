"""What do proven sums say? (section 5, step 9)

placed and withdrawn, a span each ──total_of──► Total ──► CountAnswer for a range of days
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.canonical_json import JsonValue
from ledger.usage_index.refusals import WithdrawnAbovePlaced


@dataclass(frozen=True, slots=True)
class Total:
    """All that entered some keys, and all that left them."""

    placed: int = 0
    withdrawn: int = 0

    @property
    def count(self) -> int:
        return self.placed - self.withdrawn


def total_of(placed: int, withdrawn: int) -> Total:
    """The two sides of the same keys.

    Raises:
        WithdrawnAbovePlaced: What never entered cannot leave: the index itself is false.
    """
    if withdrawn > placed:
        raise WithdrawnAbovePlaced(placed=placed, withdrawn=withdrawn)
    return Total(placed, withdrawn)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountAnswer:
    """What is proven about one range of days.

    The number of recorded uses lies in count .. count + undated + unattributed.

    Members:
        count: Of these ids and days.
        undated: Of these ids, at a day that nobody said.
        unattributed: Of the first id, the second not named; undated ones included.
        withdrawn: Of these ids and days, counted once and no longer.
        withdrawn_undated, withdrawn_unattributed: The same among those. The four above are
            the answer of usage-index/1; these are told beside it, so that no zero is made
            unseen by reporting without a day and withdrawing.
    """

    count: int
    undated: int
    unattributed: int
    withdrawn: int
    withdrawn_undated: int
    withdrawn_unattributed: int

    @classmethod
    def of(cls, dated: Total, undated: Total, unattributed: Sequence[Total]) -> CountAnswer:
        return cls(
            count=dated.count,
            undated=undated.count,
            unattributed=sum(total.count for total in unattributed),
            withdrawn=dated.withdrawn,
            withdrawn_undated=undated.withdrawn,
            withdrawn_unattributed=sum(total.withdrawn for total in unattributed),
        )

    @classmethod
    def summed(cls, answers: Sequence[CountAnswer]) -> CountAnswer:
        """Of one first id under several seconds, 1 or more: names of one technology.

        What names no second is the same for each of them, and taken once.
        """
        unattributed = {(one.unattributed, one.withdrawn_unattributed) for one in answers}
        assert len(unattributed) == 1, "one root and one first id say it"
        return cls(
            count=sum(one.count for one in answers),
            undated=sum(one.undated for one in answers),
            unattributed=answers[0].unattributed,
            withdrawn=sum(one.withdrawn for one in answers),
            withdrawn_undated=sum(one.withdrawn_undated for one in answers),
            withdrawn_unattributed=answers[0].withdrawn_unattributed,
        )

    @property
    def withdrawn_possibly(self) -> int:
        """Withdrawn, and may have been of these ids and days."""
        return self.withdrawn_undated + self.withdrawn_unattributed

    def to_object(self) -> dict[str, JsonValue]:
        """The four numbers of usage-index/1."""
        return {
            "count": self.count,
            "undated": self.undated,
            "unattributed": self.unattributed,
            "withdrawn": self.withdrawn,
        }
