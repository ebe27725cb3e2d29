"""How do entries become rows? By the batch, with the position in the same transaction.

    position (compare and swap) ► fold each entry ► close replaced rows ► insert ► commit

Two projectors may run: the row of the position is the lock, and the slower one starts over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, bindparam, func, select, update

from ledger.canonical_json import JsonValue
from ledger.entry import Entry, entry_of_object
from ledger.errors import CandourError, Malformed, Refused
from ledger.events import (
    AgencyRegistered,
    AuthorizationGranted,
    DataFlow,
    Fact,
    ImportDeclared,
    ImportWithdrawn,
    SourceRegistered,
    TechnologyAliased,
    TechnologyRegistered,
    ToolUseReported,
    ToolUseSameAs,
)
from ledger.projections.questions import countries
from ledger.projections.uses import (
    OPEN_EARLIEST,
    OPEN_LATEST,
    UseRow,
    changed,
    reported,
)
from ledger.store import usage_tables
from ledger.store import view_tables as t
from ledger.store.core import LedgerStore, StoredEntry
from ledger.store.view_sql import FLOWS
from ledger.streams import name_of_stream
from ledger.times import us_of_text

_INTERNED = (
    "agency",
    "technology",
    "performer",
    "source",
    "unit",
    "purpose",
    "offence_class",
    "capability",
    "acquisition",
    "trigger",
    "outcome",
    "capture",
)
# Columns that hold a name's id under another name than the row's member.
_RENAMED = {
    "credential": "credential_strength",
    "role": "performer_role",
    "category": "object_category",
    "database": "reference_database",
    "version": "technology_version",
}
_decode = msgspec.json.Decoder().decode


class PositionMoved(Refused):
    """Another projector has folded these entries; start over from where it is."""


def read_stored(stored: StoredEntry) -> tuple[Entry, Fact]:
    """A stored entry and its fact, by a faster reader than `decode_entry`.

    It does not ask for the one deterministic form: what the ledger wrote has it.

    Raises:
        Malformed, Unverifiable: This release cannot fold it.
    """
    try:
        found = _decode(stored.entry)
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("entry", "is not JSON") from None
    entry = entry_of_object(found)
    return entry, entry.fact()


def shown_values(stored: StoredEntry) -> dict[str, JsonValue]:
    """The disclosed values of an entry, by field."""
    if stored.disclosures is None:
        return {}
    return {field: value for field, (_salt, value) in _decode(stored.disclosures).items()}


class ViewWriter:
    """Folds entries of one ledger into its views.

    Args:
        engine: Of view_tables.open_engine.
        store: Of the ledger; asked for the history of a use that changes.
    """

    def __init__(self, engine: Engine, store: LedgerStore) -> None:
        self.engine, self.store = engine, store
        self._names: dict[str, int] = {}
        self._names_at = -1  # the position they were read at, or -1

    def position(self) -> int:
        """Entries that the views hold."""
        with self.engine.connect() as connection:
            return int(connection.execute(select(t.position.c.tree_size)).scalar_one())

    def apply(self, entries: Sequence[StoredEntry]) -> int:
        """Fold entries, which must go on from the position; returns the new position.

        Raises:
            PositionMoved: Another projector was here; nothing was written.
        """
        start = entries[0].leaf_index
        end = entries[-1].leaf_index + 1
        assert end - start == len(entries), "entries are contiguous"
        with self.engine.begin() as connection:
            moved = connection.execute(
                update(t.position).where(t.position.c.tree_size == start).values(tree_size=end)
            )
            if moved.rowcount != 1:
                raise PositionMoved(f"the views are no longer at {start}")
            if self._names_at != start:  # another projector has been at work since
                rows = connection.execute(select(t.names.c.name, t.names.c.id))
                self._names = dict(rows.tuples().all())
            self._names_at = -1  # until these are committed
            batch = _Batch(self._names, self._earlier(entries))
            for stored in entries:
                batch.add(stored)
            batch.write(connection)
        self._names_at = end
        return end

    def catch_up(self, *, batch: int, stop: int | None = None) -> int:
        """Fold everything up to the head (or `stop`); returns the position."""
        done = self.position()
        target = self.store.head().tree_size if stop is None else stop
        while done < target:
            entries = self.store.read_entries(
                done, min(batch, target - done), with_disclosures=True
            )
            try:
                done = self.apply(entries)
            except PositionMoved:
                done = self.position()
        return done

    def drop(self) -> None:
        """Forget everything folded: the next catch_up rebuilds it from the log.

        The usage index goes too, for it never runs ahead of the views.
        """
        self._names_at = -1
        with self.engine.begin() as connection:
            usage_tables.clear(connection)
            for table in reversed(t.metadata.sorted_tables):
                connection.execute(table.delete())
            connection.execute(t.position.insert().values(id=0, tree_size=0))

    def refresh_statistics(self) -> None:
        """Tell the query planner how the tables have grown."""
        with self.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA analysis_limit = 1000")
                connection.exec_driver_sql("ANALYZE")

    def _earlier(self, entries: Sequence[StoredEntry]) -> dict[str, list[StoredEntry]]:
        """The histories, before this batch, of uses that it changes, and of what they repeat."""
        start = entries[0].leaf_index
        told = {item.stream for item in entries if item.version == 1}
        asked = {
            item.stream
            for item in entries
            if item.version > 1 and item.stream.startswith("tool_use/")
        }
        asked |= _repeated(entries)
        histories: dict[str, list[StoredEntry]] = {}
        for _ in ("changed or repeated here", "repeated by what is changed here"):
            asked -= told
            found = self.store.entries_of_streams(sorted(asked)) if asked else []
            earlier = [item for item in found if item.leaf_index < start]
            for item in earlier:
                histories.setdefault(item.stream, []).append(item)
            told |= asked
            asked = _repeated(earlier)
        return histories


def _repeated(entries: Iterable[StoredEntry]) -> set[str]:
    """The uses that others are found to repeat: each is named inside a fact."""
    found = set()
    for stored in entries:
        if stored.topic == ToolUseSameAs.TOPIC:
            with suppress(CandourError):
                _entry, fact = read_stored(stored)
                if isinstance(fact, ToolUseSameAs):
                    found.add(fact.same_as)
    return found


class _Batch:
    """The rows that one batch of entries makes."""

    def __init__(self, names: dict[str, int], earlier: Mapping[str, list[StoredEntry]]) -> None:
        self._names = names
        self._new_names: list[dict[str, Any]] = []
        self._current: dict[str, UseRow] = {}
        self._rows: dict[tuple[int, int], dict[str, Any]] = {}
        self._closed: list[dict[str, int]] = []
        self._cited: list[dict[str, int]] = []
        self._others: dict[str, list[dict[str, Any]]] = {}
        for stream, history in earlier.items():
            for stored in history:
                with suppress(CandourError):  # noted in `unread` when its own turn came
                    self._fold_use(stream, stored, earlier_only=True)

    def add(self, stored: StoredEntry) -> None:
        """Fold one entry; one that cannot be folded is noted in `unread`."""
        try:
            if stored.stream.startswith("tool_use/"):
                self._fold_use(stored.stream, stored)
            else:
                entry, fact = read_stored(stored)
                self._register(fact, entry, stored.leaf_index)
        except CandourError as error:
            self._put(t.unread, leaf_index=stored.leaf_index, reason=str(error)[:200])

    def _fold_use(self, stream: str, stored: StoredEntry, *, earlier_only: bool = False) -> None:
        entry, fact = read_stored(stored)
        if isinstance(fact, ToolUseReported):
            row = reported(fact, entry, stored.leaf_index, shown_values(stored))
            before: UseRow | None = None
        else:
            before = self._current.get(stream)
            if before is None:
                raise Malformed("entry", "changes a use whose report is not in the log")
            after = changed(
                before, fact, stored.leaf_index, entry=entry, shown=shown_values(stored)
            )
            if after is None:
                return
            row = after
        self._current[stream] = row
        if not earlier_only:
            self._write_use(row, before)

    def _write_use(self, row: UseRow, before: UseRow | None) -> None:
        known = () if before is None else before.authorizations
        for rank, name in enumerate(row.authorizations[len(known) :], len(known)):
            self._cited.append(
                {
                    "authorization": self._id(name),
                    "first": row.first,
                    "since": row.since,
                    "rank": rank,
                }
            )
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
        }
        for column, member in _RENAMED.items():
            name = getattr(row, member)
            values[column] = None if name is None else self._id(name)
        for field in _INTERNED:
            name = getattr(row, field)
            values[field] = None if name is None else self._id(name)
        self._rows[row.first, row.since] = values

    def _first_of(self, stream: str | None) -> int | None:
        other = None if stream is None else self._current.get(stream)
        return None if other is None else other.first

    def _register(self, fact: Fact, entry: Entry, leaf_index: int) -> None:
        name = name_of_stream(entry.stream)
        display: str | None = None
        if isinstance(fact, AgencyRegistered | TechnologyRegistered | SourceRegistered):
            display = fact.name
        elif isinstance(fact, ImportDeclared):
            display = f"{fact.rows} rows of {fact.file_sha256[:12]}"
        elif isinstance(fact, AuthorizationGranted):
            display = fact.identifier or fact.kind
            valid = fact.valid
            self._put(
                t.authorizations,
                name=name,
                agency=fact.agency,
                valid_from_us=OPEN_EARLIEST
                if valid.earliest is None
                else us_of_text(valid.earliest),
                valid_until_us=OPEN_LATEST if valid.latest is None else us_of_text(valid.latest),
                leaf_index=leaf_index,
            )
        elif isinstance(fact, TechnologyAliased):
            self._put(
                t.technology_aliases,
                since=leaf_index,
                technology=fact.technology,
                alias=fact.alias,
            )
        elif isinstance(fact, ImportWithdrawn):
            self._put(t.withdrawn_imports, **{"import": self._id(name), "since": leaf_index})
        if display is not None:
            self._put(
                t.registered,
                name=name,
                collection=name.partition("/")[0],
                display_name=display,
                leaf_index=leaf_index,
            )

    def _put(self, table: Any, **values: Any) -> None:
        self._others.setdefault(table.name, []).append(values)

    def _id(self, name: str) -> int:
        number = self._names.get(name)
        if number is None:
            number = self._names[name] = len(self._names) + 1
            self._new_names.append({"id": number, "name": name})
        return number

    def write(self, connection: Connection) -> None:
        """Write the rows."""
        if self._new_names:
            connection.execute(t.names.insert(), self._new_names)
        if self._closed:
            connection.execute(
                update(t.uses)
                .where(
                    t.uses.c.first == bindparam("b_first"), t.uses.c.since == bindparam("b_since")
                )
                .values(until=bindparam("b_until")),
                self._closed,
            )
        if self._rows:
            connection.execute(t.uses.insert(), list(self._rows.values()))
        if self._cited:
            connection.execute(t.use_authorizations.insert(), self._cited)
        for name, rows in self._others.items():
            connection.execute(t.metadata.tables[name].insert(), rows)


def flows_text(flows: Iterable[DataFlow]) -> str:
    """All that a filter can ask of flows, as one name: `flows:US CA!`, `!` for no permission."""
    told = list(flows)
    open_to = set(countries(told, unpermitted=True))
    named = (name + "!" * (name in open_to) for name in countries(told, unpermitted=False))
    return FLOWS + " ".join(named)


def unread_count(connection: Connection, tree_size: int) -> int:
    """Entries below a tree size that this release could not fold."""
    below = t.unread.c.leaf_index < tree_size
    return int(connection.execute(select(func.count()).where(below)).scalar_one())
