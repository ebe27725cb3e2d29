"""What do entries of the registers add to the views? Names, intervals in force, differences.

entry not of a use ──► view_register_entries, view_registered, view_authorizations, …
                  └──► VerdictRows, where it bears on authority
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, update

from ledger.canonical_json import JsonValue
from ledger.entry import Entry
from ledger.events import (
    DiscrepancyFound,
    DiscrepancyResolved,
    Fact,
    ImportWithdrawn,
    TechnologyAliased,
)
from ledger.projections.display import display_name
from ledger.projections.registers import NOT_KEPT, Told
from ledger.rules.authority import Authority, authority_of
from ledger.store import view_tables as t
from ledger.store.authority_histories import Histories
from ledger.store.view_verdicts import VerdictRows
from ledger.store.view_versions import Versions
from ledger.streams import name_of_stream


class RegisterRows:
    """The rows that one batch's entries of the registers make.

    Args:
        histories: As of the entry before the batch.
        verdicts: Told of what bears on authority.
        intern: A name to its id, which it is given if it has none.
    """

    def __init__(
        self, histories: Histories, verdicts: VerdictRows, intern: Callable[[str], int]
    ) -> None:
        self._histories, self._verdicts, self._intern = histories, verdicts, intern
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._periods = Versions(t.authorizations, ("name", "period"))
        self._resolved: list[dict[str, Any]] = []

    def add(
        self, leaf_index: int, entry: Entry, fact: Fact, shown: Mapping[str, JsonValue]
    ) -> None:
        """Take in one entry that is not of a use."""
        name, kind = name_of_stream(entry.stream), entry.stream.partition("/")[0]
        if kind == "authorization":
            self._authorization(leaf_index, entry, fact, shown)
        if kind not in NOT_KEPT:
            self._put(t.register_entries, leaf_index=leaf_index, kind=kind)
        if isinstance(fact, TechnologyAliased):
            self._put(
                t.technology_aliases,
                since=leaf_index,
                technology=fact.technology,
                alias=fact.alias,
            )
            self._verdicts.aliased(leaf_index, fact)
        elif isinstance(fact, ImportWithdrawn):
            self._put(t.withdrawn_imports, **{"import": self._intern(name), "since": leaf_index})
        elif isinstance(fact, DiscrepancyFound | DiscrepancyResolved):
            self._discrepancy(leaf_index, entry, fact)
            return
        display = display_name(fact) if entry.version == 1 else None
        if display is not None:
            self._put(
                t.registered,
                name=name,
                collection=name.partition("/")[0],
                display_name=display,
                leaf_index=leaf_index,
            )

    def put_unread(self, leaf_index: int, reason: str) -> None:
        """An entry that this release cannot fold."""
        self._put(t.unread, leaf_index=leaf_index, reason=reason)

    def flush(self, connection: Connection) -> None:
        """Write what is pending."""
        for name, rows in self._rows.items():
            connection.execute(t.metadata.tables[name].insert(), rows)
        self._periods.flush(connection)
        if self._resolved:
            columns = t.discrepancies.c
            connection.execute(
                update(t.discrepancies)
                .where(columns.discrepancy == bindparam("k_name"), columns.resolved == t.STILL)
                .values(resolved=bindparam("k_resolved"), code=bindparam("k_code")),
                self._resolved,
            )
        self._rows, self._resolved = {}, []

    def _authorization(
        self, leaf_index: int, entry: Entry, fact: Fact, shown: Mapping[str, JsonValue]
    ) -> None:
        history = self._histories.add(leaf_index, entry, fact, shown)
        name = name_of_stream(entry.stream)
        before, now = in_force(history[:-1]), in_force(history)
        for period in before.keys() - now.keys():
            self._periods.close((name, period), leaf_index)
        for period, row in now.items():
            if before.get(period) == row:
                continue
            if period in before:
                self._periods.close((name, period), leaf_index)
            agency, first_us, last_us = row
            self._periods.put(
                (name, period),
                leaf_index,
                agency=agency,
                valid_from_us=first_us,
                valid_until_us=last_us,
            )
        self._verdicts.authorization_told(leaf_index, entry, fact)

    def _discrepancy(
        self, leaf_index: int, entry: Entry, fact: DiscrepancyFound | DiscrepancyResolved
    ) -> None:
        name = name_of_stream(entry.stream)
        if isinstance(fact, DiscrepancyResolved):
            self._resolved.append({"k_name": name, "k_resolved": leaf_index, "k_code": fact.code})
        elif entry.version == 1:
            self._put(
                t.discrepancies,
                found=leaf_index,
                discrepancy=name,
                observation=fact.observation,
                observer=fact.observer,
                kind=fact.kind,
                agency=fact.agency,
                technology=fact.technology,
                use=fact.use,
                resolved=t.STILL,
                code=None,
            )

    def _put(self, table: Any, **values: Any) -> None:
        self._rows.setdefault(table.name, []).append(values)


def in_force(history: Sequence[Told]) -> dict[int, tuple[str, int, int]]:
    """Period to agency, first and last moment in which an authorization was certainly not void.

    Where nobody knows exactly when a revocation took effect, it ends at the latest moment.
    """
    authority: Authority | None = authority_of(history)
    if authority is None:
        return {}
    end_us = None if authority.revoked is None else authority.revoked[1] - 1
    found = {}
    for number, period in enumerate(authority.periods):
        first_us, last_us = period.valid
        last_us = last_us if end_us is None else min(last_us, end_us)
        if first_us <= last_us:
            found[number] = history[0].fact.agency, first_us, last_us  # type: ignore[attr-defined]
    return found
