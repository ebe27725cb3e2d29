"""Which use does a log record report? OpenTelemetry's logs, by their `tooluse.*` attributes.

    resource ─┐
    record ───┴─► attributes ──read_record──► ReportToolUse     (source, event id) make it one report

`tooluse.<field>` and `tooluse.<field>.<member>` fill the document of ledger/ingest/documents.py.
What all records of a resource share may stand on the resource; a record's own word goes first.
Body, severity and times of a record are the logger's, not the use's: none of them is kept.

Source: OTLP 1.x, opentelemetry/proto/logs/v1/logs.proto and its JSON mapping; ADR 0022.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from ledger.commands import ReportToolUse
from ledger.errors import Malformed, Refused
from ledger.ingest.document_values import shown
from ledger.ingest.documents import FIELDS, read_use, source_name
from ledger.ingest.loose_json import TOO_LARGE, Unclear
from ledger.limits import MAX_COUNT

Attributes: TypeAlias = Sequence[tuple[str, Any]]  # as they came; a value may be an Unclear
PREFIX: Final = "tooluse."
# What an SDK calls a service that nobody named: no source, for many would share it.
_UNNAMED: Final = "unknown_service"
BYTES: Final = Unclear("must not be bytes")
_OWN: Final = frozenset({"event_id", "source"})
_INTEGER_CHARS: Final = 20  # of 64 bits, with a sign


class NotAToolUse(Refused):
    """A log record has no attribute that begins with `tooluse.`: it tells of something else."""

    def __init__(self) -> None:
        super().__init__("not a tool use: no attribute begins with tooluse.")


Checked: TypeAlias = ReportToolUse | Malformed | NotAToolUse


def read_record(resource: Attributes, record: Attributes) -> ReportToolUse:
    """The report of one log record.

    Raises:
        NotAToolUse: It does not say it is one.
        Malformed: It says so, and makes no report.
    """
    own = _grouped(record)
    if not own:
        raise NotAToolUse
    said = {**_grouped(resource), **own}
    source_event_id = said.pop("event_id", None)
    if "event_id" not in own or not isinstance(source_event_id, str) or not source_event_id:
        raise Malformed("tooluse.event_id", "must be set on the record: a retry would count twice")
    source = said.pop("source", None)
    if source is None:
        source = _service(resource)
    if not isinstance(source, str):
        raise Malformed("tooluse.source", "must be a text, or the resource have a service.name")
    return read_use(
        said, source=source_name(source), source_event_id=source_event_id, what="tooluse"
    )


def read_or_why(resource: Attributes | Malformed, record: Attributes) -> Checked:
    """As `read_record`, with the reason in place of an error; of a resource too, if it has one."""
    try:
        if not isinstance(resource, Malformed):
            return read_record(resource, record)
        if _grouped(record):
            return resource
        raise NotAToolUse
    except (Malformed, NotAToolUse) as error:
        return error


def _grouped(attributes: Attributes) -> dict[str, Any]:
    """The `tooluse.` attributes as a document: `occurred.earliest` inside `occurred`.

    Raises:
        Malformed: One stands twice, or is no field of a use.
    """
    found: dict[str, Any] = {}
    inner: set[str] = set()
    for name, value in attributes:
        if not name.startswith(PREFIX):
            continue
        field, dot, member = name.removeprefix(PREFIX).partition(".")
        if field not in FIELDS - {"source_event_id"} | _OWN:
            raise Malformed("tooluse", f"an attribute{shown(field)} is no field of a use")
        if not dot and field not in found:
            found[field] = value
        elif dot and (field in inner or field not in found):
            inner.add(field)
            members = found.setdefault(field, {})
            if member in members:
                raise Malformed(f"tooluse.{field}", "a member stands twice")
            members[member] = value
        else:
            raise Malformed(f"tooluse.{field}", "stands twice")
    return found


def _service(resource: Attributes) -> str | None:
    """What the resource is called, with its namespace, or None where nobody named it."""
    said = dict(resource)
    name, namespace = said.get("service.name"), said.get("service.namespace")
    if not isinstance(name, str) or not name or name.startswith(_UNNAMED):
        return None
    return f"{namespace}/{name}" if isinstance(namespace, str) and namespace else name


def any_integer(held: Any) -> int | Unclear:
    """A 64-bit integer, in JSON as digits or a number, if every JSON reader holds it exactly."""
    if isinstance(held, str) and held.isascii() and held.removeprefix("-").isdigit():
        held = int(held) if len(held) <= _INTEGER_CHARS else MAX_COUNT + 1
    if not isinstance(held, int) or isinstance(held, bool):
        return held if isinstance(held, Unclear) else Unclear("must be a whole number")
    return held if abs(held) <= MAX_COUNT else TOO_LARGE
