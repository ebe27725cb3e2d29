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
        withdrawn_possibly: The same among the undated and the unattributed. The four above are
            the answer of usage-index/1; this one is told beside it, so that no zero is made
            unseen by reporting without a day and withdrawing.
    """

    count: int
    undated: int
    unattributed: int
    withdrawn: int
    withdrawn_possibly: int

    @classmethod
    def of(cls, dated: Total, undated: Total, unattributed: Sequence[Total]) -> CountAnswer:
        return cls(
            count=dated.count,
            undated=undated.count,
            unattributed=sum(total.count for total in unattributed),
            withdrawn=dated.withdrawn,
            withdrawn_possibly=sum(total.withdrawn for total in (undated, *unattributed)),
        )

    def to_object(self) -> dict[str, JsonValue]:
        """The four numbers of usage-index/1."""
        return {
            "count": self.count,
            "undated": self.undated,
            "unattributed": self.unattributed,
            "withdrawn": self.withdrawn,
        }
