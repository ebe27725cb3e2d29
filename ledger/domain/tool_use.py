"""What may be said of a use after it was reported? Stream `tool_use/<uuid>`.

Reports themselves do not come this way: a report needs no state, so the hot path
(ledger/reports.py) makes the entry straight from the command.
"""

from __future__ import annotations

from ledger.domain.base import Already, LedgerAggregate, NotInState, Provenance
from ledger.errors import Malformed
from ledger.events import (
    AuthorizationLinked,
    Fact,
    ToolUseReported,
    ToolUseSameAs,
    ToolUseWithdrawn,
)


class ToolUse(LedgerAggregate):
    """One use: counted, until it is withdrawn or found to be told twice."""

    def __init__(self) -> None:
        self.state = "counted"
        self.ended_by: int | None = None
        self.same_as: str | None = None
        self.cited: dict[str, int] = {}

    def when(self, fact: Fact, version: int) -> None:
        if isinstance(fact, ToolUseReported):
            self.reported = fact
            self.cited = dict.fromkeys(fact.authorizations, version)
        elif isinstance(fact, AuthorizationLinked):
            self.cited[fact.authorization] = version
        elif isinstance(fact, ToolUseWithdrawn):
            self.state, self.ended_by = "withdrawn", version
        elif isinstance(fact, ToolUseSameAs):
            self.state, self.ended_by, self.same_as = "told twice", version, fact.same_as

    def link(self, authorization: str, provenance: Provenance) -> None:
        """Link an authorization. Raises Already where the use cites it."""
        if authorization in self.cited:
            raise Already(self.id, self.cited[authorization])
        fact = AuthorizationLinked(
            authorization=authorization,
            agency=self.reported.agency,
            technology=self.reported.technology,
            occurred=self.reported.occurred,
            authorizations_before=tuple(self.cited),
        )
        self._tell(fact, provenance)

    def withdraw(self, reason: str, code: str | None, provenance: Provenance) -> None:
        """Take the report back.

        Raises:
            Already: It was withdrawn before.
            NotInState: It is told twice: withdraw the other report.
        """
        if self.state == "withdrawn" and self.ended_by is not None:
            raise Already(self.id, self.ended_by)
        if self.state != "counted":
            raise NotInState(self.id, self.state, ("link",))
        fact = ToolUseWithdrawn(
            code=code,
            agency=self.reported.agency,
            technology=self.reported.technology,
            occurred=self.reported.occurred,
            authorizations_before=tuple(self.cited),
        )
        self._tell(fact, provenance, {"reason": reason})

    def mark_same_as(self, other: ToolUse, provenance: Provenance) -> None:
        """Say that `other` holds the same search and goes on counting.

        Raises:
            Already: It was said before, of the same report.
            NotInState: One of the two no longer counts.
            Malformed: The two are one.
        """
        if other.id == self.id:
            raise Malformed("same_as", "must be another report")
        if self.same_as == other.id and self.ended_by is not None:
            raise Already(self.id, self.ended_by)
        if self.state != "counted":
            raise NotInState(self.id, self.state, ("link",))
        if other.state != "counted":
            raise NotInState(other.id, other.state, ("link",))
        fact = ToolUseSameAs(
            same_as=other.id,
            agency=self.reported.agency,
            technology=self.reported.technology,
            occurred=self.reported.occurred,
            authorizations_before=tuple(self.cited),
        )
        self._tell(fact, provenance)
