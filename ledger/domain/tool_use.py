"""What may be said of a use after it was reported? Stream `tool_use/<uuid>`.

Reports themselves do not come this way: a report needs no state, so the hot path
(ledger/reports.py) makes the entry straight from the command.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from ledger.canonical_json import JsonValue
from ledger.domain.base import Already, LedgerAggregate, NotInState, Provenance
from ledger.errors import Malformed
from ledger.events import (
    Amendment,
    AuthorizationLinked,
    DataFlow,
    DataFlowReported,
    Fact,
    OutcomeReported,
    ToolUseAmended,
    ToolUseReported,
    ToolUseSameAs,
    ToolUseWithdrawn,
)
from ledger.events.tool_use import after_amendment


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
            self.technology, self.occurred = fact.technology, fact.occurred
        elif isinstance(fact, ToolUseAmended):
            self.technology, self.occurred = after_amendment(fact)
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
            technology=self.technology,
            occurred=self.occurred,
            authorizations_before=tuple(self.cited),
        )
        self._tell(fact, provenance)

    def amend(
        self,
        to: Amendment,
        provenance: Provenance,
        *,
        unset: tuple[str, ...] = (),
        code: str | None = None,
        protected: Mapping[str, JsonValue],
    ) -> None:
        """Put the report right; the first stays in the log.

        Raises:
            NotInState: It no longer counts.
            Malformed: It names a member to unset that there is not, or changes nothing.
        """
        self._check_counted()
        given = to.to_object()
        known = {item.name for item in fields(Amendment)}
        for name in unset:
            if name not in known or name in given:
                raise Malformed("unset", "must name members of the amendment that are not given")
        if not given and not unset and set(protected) <= {"amendment_reason"}:
            raise Malformed("to", "changes nothing")
        fact = ToolUseAmended(
            to=to,
            unset=unset,
            code=code,
            agency=self.reported.agency,
            technology=self.technology,
            occurred=self.occurred,
            authorizations_before=tuple(self.cited),
        )
        self._tell(fact, provenance, protected)

    def report_outcome(
        self, fact: OutcomeReported, provenance: Provenance, protected: Mapping[str, JsonValue]
    ) -> None:
        """Raises NotInState."""
        self._check_counted()
        self._tell(fact, provenance, protected)

    def report_data_flows(self, flows: tuple[DataFlow, ...], provenance: Provenance) -> None:
        """Raises NotInState."""
        self._check_counted()
        self._tell(DataFlowReported(data_flows=flows), provenance)

    def _check_counted(self) -> None:
        if self.state != "counted":
            raise NotInState(self.id, self.state, ("link",))

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
            technology=self.technology,
            occurred=self.occurred,
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
            technology=self.technology,
            occurred=self.occurred,
            authorizations_before=tuple(self.cited),
        )
        self._tell(fact, provenance)
