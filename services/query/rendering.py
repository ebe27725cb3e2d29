"""How is a use shown? From its entries, at a tree size, in a view. Blocking reads.

The message is built from the entry's own bytes, not from view columns: views say which
uses match, the log says what they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.canonical_json import JsonValue
from ledger.commands import Masked, Performer, ReportToolUse
from ledger.entry import Entry, decode_entry
from ledger.events import ToolUseReported
from ledger.projections.answers import Fold
from ledger.projections.uses import UseRow, UseState
from ledger.store.core import LedgerStore, PerformerRecord, StoredEntry
from ledger.store.view_writer import shown_values
from ledger.streams import name_of_stream
from services.pb.candour.v1 import query_pb2
from services.runtime.messages import to_message

_STATES = {
    UseState.COUNTED: query_pb2.TOOL_USE_STATE_COUNTED,
    UseState.WITHDRAWN: query_pb2.TOOL_USE_STATE_WITHDRAWN,
    UseState.SAME_AS: query_pb2.TOOL_USE_STATE_SAME_AS,
}


@dataclass(frozen=True, slots=True)
class Told:
    """One use and its history below a tree size."""

    report: StoredEntry
    entry: Entry
    row: UseRow
    history: Sequence[tuple[StoredEntry, Entry]]


def histories(store: LedgerStore, streams: Sequence[str], tree_size: int) -> dict[str, Told]:
    """What entries below `tree_size` tell of these uses; those without a report are left out."""
    found: dict[str, list[tuple[StoredEntry, Entry]]] = {}
    for stored in store.entries_of_streams(streams):
        if stored.leaf_index < tree_size:
            found.setdefault(stored.stream, []).append((stored, decode_entry(stored.entry)))
    told: dict[str, Told] = {}
    for stream, history in found.items():
        fold = Fold()
        for stored, entry in history:
            fold.add(stored.leaf_index, entry, shown_values(stored))
        first, entry = history[0]
        told[stream] = Told(first, entry, fold.uses[stream], history)
    return told


def use_message(
    told: Told,
    *,
    definite: bool,
    import_withdrawn: bool,
    full: bool,
    performers: Mapping[str, PerformerRecord],
) -> query_pb2.RecordedToolUse:
    """One use, protected values only where `full`."""
    row = told.row
    state = _STATES[row.state]
    if import_withdrawn and row.state is UseState.COUNTED:
        state = query_pb2.TOOL_USE_STATE_IMPORT_WITHDRAWN
    who = performers.get(row.performer or "")
    message = query_pb2.RecordedToolUse(
        name=name_of_stream(row.use),
        leaf_index=row.first,
        recorded_at=told.entry.recorded_at,
        state=state,
        definite=definite,
        performer=row.performer or "",
        tool_use=to_message(command_of(told, who, full=full)),
        authorizations=row.authorizations,
        same_as="" if row.same_as is None else name_of_stream(row.same_as),
    )
    if full and who is not None:
        message.performer_display_name = who.name or who.user_id or who.badge or ""
    return message


def command_of(told: Told, who: PerformerRecord | None, *, full: bool) -> ReportToolUse:
    """The report as it was made, as far as it is disclosed still."""
    fact = told.entry.fact()
    assert isinstance(fact, ToolUseReported)
    shown: dict[str, JsonValue] = shown_values(told.report) if full else {}
    performer: Performer | Masked | None = None
    masked = shown.pop("performer", None)
    shown.pop("performer_identity", None)
    if isinstance(masked, dict):
        performer = Masked(str(masked.get("masked", "")))
    elif full and who is not None:
        performer = Performer(user_id=who.user_id, name=who.name, badge=who.badge)
    return ReportToolUse(
        use=fact,
        source=told.entry.source or "",
        source_event_id=shown.pop("source_event_id", None),
        capture=told.entry.capture,
        performer=performer,
        protected=shown,
    )
