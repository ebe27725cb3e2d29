"""How is a question answered? Four ways; each gives the one shape of answering.py.

UsesInquiry      which uses: how many, the first page of them, each with its verdict
GroupsInquiry    how many by something
RegisterInquiry  from the registers, with whatever uses it asks for
NotRecorded      the ledger does not hold what it would need, and says so
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.inquiries.answering import (
    ONLY_THE_LEDGER,
    UNKNOWN_TIMES,
    answered,
    basis_of,
    counted_object,
    coverage,
    groups_object,
    list_of_uses,
    summed,
    yes_or_no,
    zone_caveat,
)
from ledger.inquiries.asked import Asked
from ledger.inquiries.asker import Asker, Keys
from ledger.inquiries.finding import Find, grace_us, in_scope
from ledger.projections.questions import AUTHORITY_RESTS_ON

SCOPE: Final[Mapping[str, bool]] = dict.fromkeys(
    (*("agency", "technology", "unit", "performer", "case_number"), *("from", "to", "zone")), False
)
LISTED: Final[Mapping[str, bool]] = {"limit": False, "after": False}
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry(ABC):
    """One of the numbered questions.

    Members:
        number, text: As people ask it.
        parameters: Name to whether it is needed.
        caveats: What every answer of it says beside itself.
        needs: Protected fields that the answer rests on, beside those its parameters name.
    """

    number: int
    text: str
    parameters: Mapping[str, bool]
    caveats: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()

    def protected(self, asked: Asked) -> frozenset[str]:
        """The protected fields that evidence has to show. A pseudonym is always shown."""
        named = {name for name in ("case_number",) if name in asked.parameters}
        grouped = {asked.text("by"), asked.text("and_by")}
        named |= {"reason"} if "reason_state" in grouped else set()
        return frozenset({"performer", *named}) | self.needs

    def ask(self, tree_size: int, given: Mapping[str, Any]) -> Asked:
        """Raises Malformed."""
        return Asked.ask(self.number, tree_size, given, self.parameters)

    @abstractmethod
    def answer(self, asker: Asker, asked: Asked) -> Answer:
        """The answer, from whichever asker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsesInquiry(Inquiry):
    """Which uses?

    Members:
        find: The condition.
        by: Also counted by these, each by itself.
        more: What more is to be said, from the same.
        authority: The verdict stands beside each use; the names it rests on have to be shown.
    """

    find: Find
    by: tuple[str, ...] = ()
    more: Callable[[Asker, Asked], Mapping[str, Any]] | None = None
    authority: bool = False

    def protected(self, asked: Asked) -> frozenset[str]:
        rests_on = AUTHORITY_RESTS_ON if self.authority else frozenset()
        return Inquiry.protected(self, asked) | rests_on

    def answer(self, asker: Asker, asked: Asked) -> Answer:
        found = self.find(asker, asked)
        by = {key: asker.groups(found, (key,)) for key in self.by}
        counted = summed(by[self.by[0]]) if by else asker.count(found)
        grace = grace_us(asker, asked.text("agency"))
        uses, leaves, ended = list_of_uses(
            asker, asked, found, authority=self.authority, grace_us=grace
        )
        caveats = [*self.caveats]
        if counted.possible:
            caveats.append(UNKNOWN_TIMES)
        if not counted.count:
            caveats.append(ONLY_THE_LEDGER)
        if counted.count + counted.possible > len(uses):
            caveats.append(f"{len(uses)} uses are listed here; all are counted")
        groups = {key: groups_object((key,), by[key]) for key in by}
        more = {} if self.more is None else dict(self.more(asker, asked))
        return answered(
            asked,
            self.text,
            yes_or_no(counted),
            leaves,
            **counted_object(counted),
            uses=uses,
            next=ended,
            groups=groups or None,
            coverage=coverage(asker, asked),
            caveats=[*caveats, *zone_caveat(asked)],
            **more,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupsInquiry(Inquiry):
    """How many, by one thing or two?"""

    find: Find = in_scope
    by: Keys = ("technology",)

    def answer(self, asker: Asker, asked: Asked) -> Answer:
        found = self.find(asker, asked)
        by = tuple(filter(None, (asked.text("by") or self.by[0], asked.text("and_by"))))
        counts = asker.groups(found, by)
        groups = groups_object(by, counts)
        # A use that cites several authorizations stands in several groups.
        counted = asker.count(found) if "authorization" in by else summed(counts)
        caveats = [*self.caveats, *([UNKNOWN_TIMES] if counted.possible else [])]
        if "month" in by:
            caveats.append("months are UTC months")
        return answered(
            asked,
            self.text,
            counted_object(counted),
            basis_of(asker, found),
            by=list(by),
            groups=groups,
            coverage=coverage(asker, asked),
            caveats=[*caveats, *zone_caveat(asked)],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterInquiry(Inquiry):
    """What do the registers say?"""

    tell: Callable[[Asker, Asked], Mapping[str, Any]]

    def answer(self, asker: Asker, asked: Asked) -> Answer:
        told = dict(self.tell(asker, asked))
        caveats = [*self.caveats, *told.pop("caveats", ()), *zone_caveat(asked)]
        return answered(
            asked, self.text, told.pop("value"), told.pop("basis"), caveats=caveats, **told
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRecorded(Inquiry):
    """The ledger cannot answer this yet; `why` says what it lacks."""

    why: str

    def answer(self, asker: Asker, asked: Asked) -> Answer:
        return answered(asked, self.text, "not_recorded", (), caveats=[self.why, *self.caveats])
