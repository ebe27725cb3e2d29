"""Whom does an answer ask? The record, at one tree size: by entries alone, or by views.

inquiry.answer(asker, asked) ──► the same answer, whichever asker

PureAsker   over a World: what a verifier has (pure_asker.py)
ViewAsker   over the views of a server (ledger/store/view_asker.py): the same, at a million uses
Recorder    over either: notes what was asked, so that evidence can hold just that (recording.py)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ledger.events import DiscrepancyFound
from ledger.projections.registers import Registers, Told
from ledger.projections.uses import UseRow
from ledger.rules.judgement import Judgement
from ledger.rules.kinds import Hit, Parameters, PatternPredicate
from ledger.rules.verdicts import Verdict

Keys = tuple[str, ...]


class After(NamedTuple):
    """Where a page ended: 0 for certain uses, 1 for possible ones; time; leaf index."""

    phase: int
    earliest_us: int
    first: int


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

    @property
    def place(self) -> After:
        """Where it stands in a list."""
        return After(int(not self.certain), self.row.earliest_us, self.row.first)


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """As much of a use as tells when it was, and when the ledger learnt it.

    Members:
        first: Leaf index of its report.
        capture: `live` or `backfill`.
    """

    first: int
    earliest_us: int
    latest_us: int
    recorded_us: int
    capture: str
    certain: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """How many uses meet a condition for certain, and how many more possibly."""

    count: int
    possible: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """Which differences from others' logs are asked for; None: any.

    Members:
        kinds: Of DISCREPANCIES; empty: any.
        open: Only those that nobody resolved, but by `reported_since` where that is asked for.
    """

    observer: str | None = None
    agency: str | None = None
    kinds: tuple[str, ...] = ()
    open: bool = False
    reported_since_is_open: bool = False

    def holds(self, history: Sequence[Told]) -> bool:
        """Is this one asked for?"""
        fact = history[0].fact
        if not isinstance(fact, DiscrepancyFound):
            return False
        if self.observer not in (None, fact.observer) or self.agency not in (None, fact.agency):
            return False
        if self.kinds and fact.kind not in self.kinds:
            return False
        return not self.open or self.is_open(getattr(history[-1].fact, "code", None))

    def is_open(self, code: str | None) -> bool:
        """Does a difference with this resolution, or none, stand open?"""
        return code is None or (self.reported_since_is_open and code == "reported_since")


@dataclass(frozen=True, slots=True, order=True)
class DifferenceCount:
    """How many differences of one observer and kind stand open, and were resolved."""

    observer: str
    kind: str
    open: int
    resolved: int


class Asker(Protocol):
    """What an answer may ask of the record at one tree size."""

    @property
    def tree_size(self) -> int: ...

    def registers(self) -> Registers: ...

    def count(self, found: Judgement, *, grace_us: int = 0) -> Counted: ...

    def uses(
        self, found: Judgement, limit: int, *, after: After | None = None, grace_us: int = 0
    ) -> list[JudgedUse]:
        """The first `limit` beyond `after`: certain ones first, each part by time, then leaf."""

    def marks(
        self, found: Judgement, limit: int, *, grace_us: int = 0, by_time: bool = False
    ) -> list[Mark]:
        """The first `limit` certain ones, then the first `limit` possible ones, by leaf index; or
        by the time of the use, which is faster."""

    def examples(self, found: Judgement, by: Keys) -> Mapping[Keys, int]:
        """For each group of uses that may be found, the first to be reported, by leaf index."""

    def groups(self, found: Judgement, by: Keys) -> list[tuple[Keys, Counted]]:
        """Counts by one key or two, sorted by key; "" where a use does not say."""

    def patterns(
        self, predicate: PatternPredicate, parameters: Parameters, found: Judgement
    ) -> list[Hit]:
        """Cases of a pattern among the uses that meet a condition for certain."""

    def withdrawn(self, found: Judgement, limit: int) -> list[JudgedUse]:
        """As `uses`, of those that no longer count."""

    def differences(self, wanted: Differing, limit: int) -> list[tuple[str, Sequence[Told]]]:
        """The first `limit` by leaf index: name, and all that was told of it."""

    def difference_counts(self, wanted: Differing) -> list[DifferenceCount]:
        """By observer and kind, in that order."""

    def cited(self, found: Judgement) -> Collection[str]:
        """What the uses that may be found cite."""

    def heard(self, source: str) -> Sequence[int]:
        """When the reports of a source were recorded, rising."""

    def as_of_us(self) -> int | None:
        """When the last entry below the tree size was recorded; None of an empty tree."""
