"""Which uses are sought? One filter, or two: what holds for certain, and what may hold.

    Question ──of_question──► Sought(certain, possible, tree size, grace) ◄── a rule's Judgement

A filter is sought as itself, twice. A rule (ledger/rules) compiles to two, since the registers
may leave open what a use cannot say. Either way a use is found for certain, possibly, or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ledger.filters import Query
from ledger.projections.questions import Question, judge
from ledger.projections.uses import UseRow


@dataclass(frozen=True, slots=True)
class Sought:
    """A condition on uses, at one tree size.

    Members:
        certain: A use for which it is True is found for certain.
        possible: A use for which it is False is not found.
        tree_size: Entries that are looked at.
        grace_us: Within which an authority that follows a use reads `ratified_in_grace`.
    """

    certain: Query
    possible: Query
    tree_size: int
    grace_us: int = 0

    @classmethod
    def of_question(cls, question: Question) -> Sought:
        """What a question asks for."""
        query = question.query
        return cls(query, query, question.tree_size)

    @property
    def is_one(self) -> bool:
        """True where only uses can leave anything open."""
        return self.certain == self.possible

    def verdict(
        self,
        row: UseRow,
        aliases: Mapping[str, tuple[str, ...]],
        authority: Callable[[UseRow], tuple[str, ...]] | None = None,
    ) -> bool | None:
        """Is this use found: yes, no, or possibly (None)? `authority` applies the grace."""
        if judge(self.certain, row, aliases, authority) is True:
            return True
        return None if judge(self.possible, row, aliases, authority) is not False else False
