"""May a "no" be said without a word more? What the record, and its coverage, have against a denial.

    count, possible, sightings, Covered, "7 of 12 asked" ──Denial──► contradicted? thin? in words

A denial that is neither is `supported` (statements.py) as of the tree size it was asked at. What is
thin can be said with its gaps named; what is contradicted can still be recorded, for it was said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.events.statements import Coverage
from ledger.limits import MAX_SCOPE_ITEMS
from ledger.rules.coverage import Covered

_NAMED: Final = 10  # names in one sentence; a person reads no more, a gRPC trailer holds no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """What the ledger itself answers to a denial, asked at one tree size.

    Members:
        count, possible: Uses in its scope, for certain and possibly.
        sighted: Uses in its scope that another observer's log has, and the ledger has not.
        covered: What the ledger covers of its scope.
        asked, of: "7 of 12 units asked", where somebody asked them.
    """

    tree_size: int
    count: int
    possible: int
    sighted: int
    covered: Covered
    asked: int | None = None
    of: int | None = None

    @property
    def contradicted(self) -> bool:
        """True where the record has a use in scope, here or in another observer's log."""
        return bool(self.count or self.sighted)

    @property
    def thin(self) -> bool:
        """True where an unqualified "no" would say more than anybody can know."""
        return bool(self.possible) or self._some_not_asked() or self.covered.thin

    def _some_not_asked(self) -> bool:
        return self.asked is not None and self.of is not None and self.asked < self.of

    def against(self) -> list[str]:
        """What contradicts it, in words."""
        found = []
        if self.count:
            found.append(f"the record has {_uses(self.count)} in scope")
        if self.sighted:
            found.append(
                f"another observer's log has {_uses(self.sighted)} in scope that the ledger has not"
            )
        return found

    def left_open(self) -> list[str]:
        """What it leaves open, in words."""
        covered, found = self.covered, []
        if self.possible:
            found.append(f"{_uses(self.possible)} on record may be in scope, or not")
        if self._some_not_asked():
            found.append(f"{self.asked} of {self.of} units were asked")
        if not covered.heard and not covered.nil_returns:
            found.append("no source was heard in the period, and no nil return holds it")
        for words, names in (
            ("not heard in the period: ", covered.silent),
            ("a gap was declared by ", covered.gaps),
            ("no source stands behind ", covered.unconnected),
        ):
            if names:
                found.append(words + listed(names))
        return found

    def stood_behind(self) -> list[str]:
        """What was asked, in words."""
        found = [f"the first {self.tree_size} entries"]
        if self.asked is not None:
            found.append(f"{self.asked} of {self.of or 'an unknown number of'} units")
        if self.covered.heard:
            found.append(f"sources heard: {listed(self.covered.heard)}")
        if self.covered.nil_returns:
            found.append(f"nil returns: {listed(self.covered.nil_returns)}")
        return found

    def coverage(self) -> Coverage:
        """As a statement carries it; of the sources, the first MAX_SCOPE_ITEMS."""
        return Coverage(
            asked=self.asked,
            of=self.of,
            tree_size=self.tree_size,
            count=self.count,
            possible=self.possible,
            heard=self.covered.heard[:MAX_SCOPE_ITEMS],
            silent=self.covered.silent[:MAX_SCOPE_ITEMS],
            unconnected=len(self.covered.unconnected),
        )


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _uses(count: int) -> str:
    return f"{count} use" if count == 1 else f"{count} uses"
