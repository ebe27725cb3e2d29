"""Which authorizations does a use cite, and since when? A fold over the entries of uses.

ToolUseReported ─► cited in the report itself       AuthorizationLinked ─► by a later entry
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.entry import Entry
from ledger.events import AuthorizationLinked, Fact, ToolUseReported
from ledger.times import us_of_text


@dataclass(frozen=True, slots=True)
class Citation:
    """One authorization that a use cites; a second link to the same says nothing new.

    Members:
        leaf_index, recorded_us: Of the entry that cites it.
        reported: True where that is the report itself.
    """

    authorization: str
    leaf_index: int
    recorded_us: int
    reported: bool


class Citations:
    """The citations of uses, as some entries tell them; add entries in leaf order."""

    def __init__(self) -> None:
        self._of: dict[str, list[Citation]] = {}

    def add(self, leaf_index: int, entry: Entry, fact: Fact) -> None:
        """Take in one entry; those that cite nothing are passed by."""
        if isinstance(fact, ToolUseReported):
            for name in fact.authorizations:
                self._cite(leaf_index, entry, name, reported=True)
        elif isinstance(fact, AuthorizationLinked):
            self._cite(leaf_index, entry, fact.authorization, reported=False)

    def of(self, use: str) -> Sequence[Citation]:
        """What the use of this stream cites, in the order it was told."""
        return self._of.get(use, ())

    def _cite(self, leaf_index: int, entry: Entry, name: str, *, reported: bool) -> None:
        cited = self._of.setdefault(entry.stream, [])
        if all(known.authorization != name for known in cited):
            recorded_us = us_of_text(entry.recorded_at)
            cited.append(Citation(name, leaf_index, recorded_us, reported))
