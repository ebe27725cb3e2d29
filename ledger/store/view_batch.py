"""Which rows does one batch of entries make? Folded in leaf order, written at the end.

entry of a use ──UseStates──► row of view_uses, names, citations ──VerdictRows──► verdicts
any other      ──RegisterRows──► registers, and the verdicts it bears on
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Connection, bindparam, update

from ledger.errors import CandourError
from ledger.events import AuthorizationLinked, DataFlow, ToolUseReported
from ledger.projections.questions import countries
from ledger.projections.uses import UseRow
from ledger.store import view_tables as t
from ledger.store.authority_histories import Histories
from ledger.store.core import LedgerStore, StoredEntry
from ledger.store.reading_entries import read_stored, shown_values
from ledger.store.use_states import UseStates
from ledger.store.view_register_rows import RegisterRows
from ledger.store.view_rows import insert_rows
from ledger.store.view_sql import FLOWS
from ledger.store.view_verdicts import VerdictRows
from ledger.streams import name_of_stream

_INTERNED: Final = (
    *("agency", "technology", "performer", "source", "unit", "purpose", "offence_class"),
    *("capability", "acquisition", "trigger", "outcome", "capture"),
)
# Columns that hold a name's id under another name than the row's member.
_RENAMED: Final = {
    "credential": "credential_strength",
    "role": "performer_role",
    "category": "object_category",
    "database": "reference_database",
    "version": "technology_version",
}


class Batch:
    """The rows that one batch of entries makes.

    Args:
        connection: The transaction they are written in.
        store: Of the ledger.
        names: Names to ids; new ones are added.
        histories: As of the entry before the batch; they move on with it.
        entries: Contiguous.
        earlier: Of uses that these entries change or name, the entries before, by stream.
    """

    def __init__(
        self,
        connection: Connection,
        store: LedgerStore,
        names: dict[str, int],
        histories: Histories,
        entries: Sequence[StoredEntry],
        earlier: Mapping[str, list[StoredEntry]],
    ) -> None:
        self._connection, self._entries = connection, entries
        self._new_names: list[dict[str, Any]] = []
        self._rows: dict[tuple[int, int], dict[str, Any]] = {}
        self._closed: list[dict[str, int]] = []
        self._states = UseStates()
        start = entries[0].leaf_index
        self._verdicts = VerdictRows(connection, store, histories, self._states, names.get, start)
        # No method of ours: a circle would keep the whole batch until somebody looks for one.
        self._id = _interning(names, self._new_names)
        self._registers = RegisterRows(histories, self._verdicts, self._id)
        for history in earlier.values():
            for stored in history:
                with suppress(CandourError):  # noted in `unread` when its own turn came
                    self._states.add(stored)
        cited = {name for row in self._states.rows.values() for name in row.authorizations}
        histories.load(sorted(cited | _authorizations_in(entries)), start)

    def write(self) -> None:
        """Fold the entries and write the rows; one that cannot be folded is noted in `unread`."""
        for stored in self._entries:
            try:
                if stored.stream.startswith("tool_use/"):
                    self._fold_use(stored)
                else:
                    entry, fact = read_stored(stored)
                    self._registers.add(stored.leaf_index, entry, fact, shown_values(stored))
            except CandourError as error:
                self._registers.put_unread(stored.leaf_index, str(error)[:200])
        self._flush()

    def _fold_use(self, stored: StoredEntry) -> None:
        change = self._states.add(stored)
        if change.row is not None:
            self._write_use(change.row, change.before)
            if change.row.authorizations:
                for name in change.row.authorizations:
                    self._id(name)
                self._verdicts.use_changed(change.before, change.row, change.known_before)

    def _write_use(self, row: UseRow, before: UseRow | None) -> None:
        if before is not None:
            earlier = self._rows.get((before.first, before.since))
            if earlier is not None:
                earlier["until"] = row.since
            else:
                self._closed.append(
                    {"b_first": before.first, "b_since": before.since, "b_until": row.since}
                )
        values: dict[str, Any] = {
            "first": row.first,
            "since": row.since,
            "until": t.STILL,
            "earliest_us": row.earliest_us,
            "latest_us": row.latest_us,
            "same_as": self._first_of(row.same_as),
            "month": row.month,
            "import": None if row.import_ is None else self._id(row.import_),
            "cited": len(row.authorizations),
            "state": int(row.state),
            "vague": row.vague,
            "case_number": row.case_number,
            "recorded_us": row.recorded_us,
            "window_from_us": row.window_from_us,
            "reason_digest": row.reason_digest,
            "sequence": row.source_sequence,
            "flows": self._id(flows_text(row.flows)) if row.flows else None,
            "reason_state": int(row.reason_state),
            "urgency": None if row.urgency_used is None else int(row.urgency_used),
            "verified": None if row.human_verified is None else int(row.human_verified),
            "amendments": row.amendments,
            "conflicts": row.conflicts,
        }
        for column, member in _RENAMED.items():
            name = getattr(row, member)
            values[column] = None if name is None else self._id(name)
        for field in _INTERNED:
            name = getattr(row, field)
            values[field] = None if name is None else self._id(name)
        self._rows[row.first, row.since] = values

    def _first_of(self, stream: str | None) -> int | None:
        other = None if stream is None else self._states.rows.get(stream)
        return None if other is None else other.first

    def _flush(self) -> None:
        if self._new_names:
            self._connection.execute(t.names.insert(), self._new_names)
        if self._closed:
            columns = t.uses.c
            self._connection.execute(
                update(t.uses)
                .where(columns.first == bindparam("b_first"), columns.since == bindparam("b_since"))
                .values(until=bindparam("b_until")),
                self._closed,
            )
        if self._rows:
            insert_rows(self._connection, t.uses, list(self._rows.values()))
        self._verdicts.flush()
        self._registers.flush(self._connection)


def _interning(names: dict[str, int], new: list[dict[str, Any]]) -> Callable[[str], int]:
    """The id of a name: the order in which it first stood in the log. New ones are added to both."""

    def id_of(name: str) -> int:
        number = names.get(name)
        if number is None:
            number = names[name] = len(names) + 1
            new.append({"id": number, "name": name})
        return number

    return id_of


def flows_text(flows: Iterable[DataFlow]) -> str:
    """All that a filter can ask of flows, as one name: `flows:? US!`, `!` for no permission."""
    told = list(flows)
    open_to = set(countries(told, unpermitted=True))
    named = (name + "!" * (name in open_to) for name in countries(told, unpermitted=False))
    return FLOWS + " ".join(named)


def _authorizations_in(entries: Iterable[StoredEntry]) -> set[str]:
    """The authorizations whose histories these entries will ask for."""
    found: set[str] = set()
    for stored in entries:
        if stored.stream.startswith("authorization/"):
            if stored.version > 1:
                found.add(name_of_stream(stored.stream))
        elif stored.stream.startswith("tool_use/") and b'"authorizations/' in stored.entry:
            with suppress(CandourError):
                _entry, fact = read_stored(stored)
                if isinstance(fact, ToolUseReported):
                    found.update(fact.authorizations)
                elif isinstance(fact, AuthorizationLinked):
                    found.add(fact.authorization)
    return found
