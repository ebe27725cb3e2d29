"""What do scripts get? Messages of the wire as plain JSON objects, unknowns as null.

RecordedToolUse ──use_object──► {"name", "leaf_index", "agency", …, "occurred": {…} | null}
"""

from __future__ import annotations

from typing import Any

from ledger.commands import Masked, Performer
from services.pb.candour.v1 import common_pb2, query_pb2, registry_pb2
from services.runtime.messages import to_command
from services.runtime.value_messages import read_interval, read_time

# Members of a use that always stand; others only where the report holds them.
_ALWAYS = ("technology", "occurred")


def use_object(recorded: query_pb2.RecordedToolUse) -> dict[str, Any]:
    """A use as it stands now: what the report says in the clear, then what was made of it.

    `protected` stands only where the answer is in the FULL view.
    """
    command = to_command(recorded.tool_use)
    said: dict[str, Any] = command.use.to_object()
    said.update(
        name=recorded.name,
        leaf_index=recorded.leaf_index,
        recorded_at=recorded.recorded_at,
        state=_word(query_pb2.ToolUseState.Name(recorded.state), "TOOL_USE_STATE_"),
        definite=recorded.definite,
        performer=recorded.performer or None,
        performer_display_name=recorded.performer_display_name or None,
        authorizations=list(recorded.authorizations),
        same_as=recorded.same_as or None,
        source=command.source,
        capture=command.capture,
        **{name: said.get(name) for name in _ALWAYS},
    )
    protected = dict(command.protected)
    if command.source_event_id is not None:
        protected["source_event_id"] = command.source_event_id
    if isinstance(command.performer, Performer | Masked):
        protected["performer"] = command.performer.to_json()
    if protected:
        said["protected"] = protected
    first = ("name", "leaf_index", "agency", "technology", "performer", "occurred")
    return {name: said[name] for name in first} | said


def receipt_object(receipt: common_pb2.Receipt) -> dict[str, Any]:
    """Proof that an entry is durable, hashes in hex."""
    return {
        "name": receipt.name,
        "leaf_index": receipt.leaf_index,
        "leaf_hash": receipt.leaf_hash.hex(),
        "duplicate": receipt.duplicate,
    }


def registered_object(item: registry_pb2.Registered) -> dict[str, Any]:
    """One line of a register."""
    return {
        "name": item.name,
        "display_name": item.display_name,
        "aliases": list(item.aliases),
        "leaf_index": item.leaf_index,
        "withdrawn": item.withdrawn,
    }


def authorization_object(item: registry_pb2.Authorization) -> dict[str, Any]:
    """A register entry of authority; an open end of `valid` is null."""
    valid = read_interval(item.valid, "valid")
    return {
        "name": item.name,
        "agency": item.agency,
        "kind": _word(registry_pb2.AuthorizationKind.Name(item.kind), "AUTHORIZATION_KIND_"),
        "valid": {"earliest": valid.earliest, "latest": valid.latest},
        "identifier": item.identifier or None,
        "granted_at": (
            read_time(item.granted_at, "granted_at") if item.HasField("granted_at") else None
        ),
        "granting_officer": item.granting_officer or None,
        "granting_rank": item.granting_rank or None,
        "instrument": item.instrument or None,
        "instrument_version": item.instrument_version or None,
        "urgency_used": item.urgency_used if item.HasField("urgency_used") else None,
        "technologies": list(item.technologies),
        "units": list(item.units),
        "offence_classes": list(item.offence_classes),
    }


def _word(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower()
