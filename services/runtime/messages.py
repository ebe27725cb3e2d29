"""How does a reported use cross the wire? ToolUse messages and ReportToolUse commands.

    ToolUse ──to_command──► ReportToolUse ──check_report, new_report──► entry
    ToolUse ◄──to_message── ReportToolUse ◄──ledger/ingest── a vendor's row

The codec reads and writes; it judges only what has no place in a command: an unknown enum
number, a time no calendar has, two spellings of one field at once. Written out field by
field, because every reported use passes here.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from ledger.canonical_json import JsonValue, decode, encode
from ledger.commands import Masked, Performer, ReportToolUse
from ledger.errors import Malformed
from ledger.events import ToolUseReported
from ledger.events.tool_use import (
    ACQUISITIONS,
    CAPTURES,
    CREDENTIAL_STRENGTHS,
    OUTCOMES,
    TRIGGERS,
)
from ledger.limits import MAX_VALUE_DEPTH
from services.pb.candour.v1 import common_pb2 as pb
from services.runtime.value_messages import (
    choices,
    chosen,
    number_of,
    read_count,
    read_data_flow,
    read_interval,
    read_occurred,
    write_count,
    write_data_flow,
    write_interval,
    write_occurred,
)

Who: TypeAlias = Performer | Masked | None

CAPTURE: Final = choices(CAPTURES)
_ACQUISITION: Final = choices(ACQUISITIONS)
_TRIGGER: Final = choices(TRIGGERS)
_STRENGTH: Final = choices(CREDENTIAL_STRENGTHS)
_OUTCOME: Final = choices(OUTCOMES)
# Of a ToolUse, by the same name and with the same value as in a ToolUseReported.
_CLEAR: Final = (
    "agency",
    "technology",
    "authorizations",
    "technology_version",
    "capability",
    "unit",
    "performer_role",
    "urgency_used",
    "purpose",
    "offence_class",
    "object_category",
    "reference_database",
    "moderation",
    "source_sequence",
)
_COUNTS: Final = ("performers", "objects", "networks_searched", "devices_searched")
_TEXTS: Final = (
    "reason",
    "case_number",
    "object",
    "subject",
    "supervisor",
    "urgency_reason",
    "claimed_basis",
    "occurred_text",
)


def to_command(message: pb.ToolUse) -> ReportToolUse:
    """The command of a message; `check_report` still has to pass it.

    Raises:
        Malformed: By field: an unknown enum number, a time outside the years 1..9999, a
            protected text in no state, JSON that is not an object in strict form, or two
            spellings of one field.
    """
    has = message.HasField
    return ReportToolUse(
        use=ToolUseReported(
            agency=message.agency,
            authorizations=tuple(message.authorizations),
            technology=message.technology or None,
            occurred=read_occurred(message.occurred) if has("occurred") else None,
            technology_version=message.technology_version or None,
            capability=message.capability or None,
            acquisition=chosen(message.acquisition, _ACQUISITION, "acquisition"),
            trigger=chosen(message.trigger, _TRIGGER, "trigger"),
            credential_strength=chosen(
                message.credential_strength, _STRENGTH, "credential_strength"
            ),
            unit=message.unit or None,
            performer_role=message.performer_role or None,
            performers=read_count(message.performers) if has("performers") else None,
            urgency_used=message.urgency_used if has("urgency_used") else None,
            purpose=message.purpose or None,
            offence_class=message.offence_class or None,
            object_category=message.object_category or None,
            objects=read_count(message.objects) if has("objects") else None,
            reference_database=message.reference_database or None,
            window_requested=(
                read_interval(message.window_requested, "window_requested")
                if has("window_requested")
                else None
            ),
            window_returned=(
                read_interval(message.window_returned, "window_returned")
                if has("window_returned")
                else None
            ),
            networks_searched=(
                read_count(message.networks_searched) if has("networks_searched") else None
            ),
            devices_searched=(
                read_count(message.devices_searched) if has("devices_searched") else None
            ),
            data_flows=tuple(map(read_data_flow, message.data_flows)) or None,
            outcome=chosen(message.outcome, _OUTCOME, "outcome"),
            moderation=message.moderation or None,
            source_sequence=message.source_sequence if has("source_sequence") else None,
            import_=getattr(message, "import") or None,
        ),
        source=message.source,
        capture=read_capture(message.capture),
        source_event_id=message.source_event_id or None,
        occurrence=message.occurrence,
        performer=_read_performer(message.performer) if has("performer") else None,
        protected=_read_protected(message),
    )


def read_capture(number: int) -> str:
    """Raises Malformed where it is not set or not known."""
    capture = chosen(number, CAPTURE, "capture")
    if capture is None:
        raise Malformed("capture", "must be set")
    return capture


def _read_performer(message: pb.Performer) -> Who:
    user_id, name, badge = message.user_id, message.name, message.badge
    if message.masked:
        if user_id or name or badge:
            raise Malformed("performer.masked", "stands alone: a masked name is not known")
        return Masked(message.masked)
    return Performer(user_id=user_id or None, name=name or None, badge=badge or None)


def _read_protected(message: pb.ToolUse) -> dict[str, JsonValue]:
    has = message.HasField
    protected: dict[str, JsonValue] = {}
    for field in _TEXTS:
        if has(field):
            protected[field] = read_protected_text(getattr(message, field), field)
    if message.object_json:
        if "object" in protected:
            raise Malformed("object_json", "stands in place of object, not beside it")
        protected["object"] = _read_object(message.object_json, "object_json")
    if message.verifiers:
        protected["verifiers"] = list(message.verifiers)
    if has("source_record"):
        protected["source_record"] = _read_record(message.source_record)
    return protected


def read_protected_text(text: pb.ProtectedText, field: str) -> JsonValue:
    """A text, or the mark that hides it. Raises Malformed."""
    if text.HasField("value"):
        return text.value
    if text.HasField("masked"):
        return Masked(text.masked).to_json()
    raise Malformed(field, "says neither value nor masked; leave it out where it is not known")


def _read_record(record: pb.SourceRecord) -> JsonValue:
    columns, row = list(record.columns), list(record.row)
    if not record.json:
        return {"columns": columns, "row": row}
    if columns or row:
        raise Malformed("source_record.json", "stands in place of columns, not beside them")
    return _read_object(record.json, "source_record.json")


def _read_object(text: str, field: str) -> JsonValue:
    found = decode(text.encode(), what=field, max_depth=MAX_VALUE_DEPTH)
    if not isinstance(found, dict):
        raise Malformed(field, "must be a JSON object")
    return found


def to_message(command: ReportToolUse) -> pb.ToolUse:
    """The message of a command; `to_command` gives the command back.

    Raises:
        Malformed: A time that is no RFC 3339 UTC text.
    """
    use, who = command.use, command.performer
    fields: dict[str, Any] = {
        **{field: getattr(use, field) for field in _CLEAR},
        "import": use.import_,
        "acquisition": number_of(use.acquisition, _ACQUISITION),
        "trigger": number_of(use.trigger, _TRIGGER),
        "credential_strength": number_of(use.credential_strength, _STRENGTH),
        "outcome": number_of(use.outcome, _OUTCOME),
        **{field: write_count(getattr(use, field)) for field in _COUNTS},
        "occurred": write_occurred(use.occurred),
        "window_requested": write_interval(use.window_requested),
        "window_returned": write_interval(use.window_returned),
        "data_flows": map(write_data_flow, use.data_flows or ()),
        "source": command.source,
        "source_event_id": command.source_event_id,
        "occurrence": command.occurrence,
        "capture": number_of(command.capture, CAPTURE),
    }
    if isinstance(who, Masked):
        fields["performer"] = pb.Performer(masked=who.mark)
    elif who is not None:
        fields["performer"] = pb.Performer(**who.to_json())
    for field, value in command.protected.items():
        fields.update(_write_protected(field, value))
    return pb.ToolUse(**fields)


def _write_protected(field: str, value: JsonValue) -> dict[str, Any]:
    if field == "verifiers":
        return {field: value}
    if field == "source_record":
        return {field: _write_record(value)}
    if isinstance(value, str):
        return {field: pb.ProtectedText(value=value)}
    if value.keys() == {"masked"} and isinstance(value["masked"], str):
        return {field: pb.ProtectedText(masked=value["masked"])}
    return {f"{field}_json": encode(value).decode()}


def _write_record(record: JsonValue) -> pb.SourceRecord:
    if record.keys() == {"columns", "row"}:
        cells = [record["columns"], record["row"]]
        if all(isinstance(part, list) and all(isinstance(c, str) for c in part) for part in cells):
            return pb.SourceRecord(columns=record["columns"], row=record["row"])
    return pb.SourceRecord(json=encode(record).decode())
