"""How does a report become an entry? The hot path: pure, no state, some 25 µs a use.

    ReportToolUse ──check_report──► ──new_report──► NewEntry (bytes, leaf hash, digests, salts)

A report needs no aggregate: nothing that happened before can make it untrue that it was
made. What refers to earlier reports (idempotency) is decided under the lock of the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Final

from ledger.canonical_json import JsonValue, encode
from ledger.commands import Masked, Performer, ReportToolUse
from ledger.disclosure import protect
from ledger.domain.base import Provenance
from ledger.domain.checks import check_characters, check_prose, check_text
from ledger.entry import Entry, encode_entry
from ledger.errors import Malformed
from ledger.events.tool_use import (
    ACQUISITIONS,
    CAPTURES,
    CREDENTIAL_STRENGTHS,
    OUTCOMES,
    PROTECTED_FIELDS,
    TRIGGERS,
)
from ledger.events.values import Count, DataFlow, Occurred
from ledger.identity import IdentityKeys
from ledger.limits import (
    MAX_AUTHORIZATIONS,
    MAX_CODE_CHARS,
    MAX_COUNT,
    MAX_DATA_FLOWS,
    MAX_NAME_CHARS,
    MAX_RECORD_COLUMNS,
    MAX_SHOWN_BYTES,
    MAX_SOURCE_EVENT_ID_CHARS,
    MAX_SOURCE_RECORD_BYTES,
    MAX_TEXT_BYTES,
    MAX_VERIFIERS,
)
from ledger.merkle import leaf_hash
from ledger.store.core import NewEntry
from ledger.streams import check_id
from ledger.times import full_text_of_us, us_of_date

_CODES: Final = (
    "technology_version",
    "capability",
    "unit",
    "performer_role",
    "purpose",
    "offence_class",
    "object_category",
    "reference_database",
    "moderation",
)
_CHOICES: Final = (
    ("acquisition", ACQUISITIONS),
    ("trigger", TRIGGERS),
    ("credential_strength", CREDENTIAL_STRENGTHS),
    ("outcome", OUTCOMES),
)
_COUNTS: Final = ("performers", "objects", "networks_searched", "devices_searched")
_codes_of: Final = attrgetter(*_CODES)
_FLOW_MEMBERS: Final = (
    "category",
    "recipient",
    "processing_country",
    "storage_country",
    "access_country",
    "permission",
)
_PROTECTED: Final = frozenset(PROTECTED_FIELDS) - {
    "performer",
    "performer_identity",
    "source_event_id",
}


def check_report(command: ReportToolUse) -> None:
    """Refuse what is malformed; nothing is refused for what it says.

    What passes can be looked up and stored: no text holds what a database refuses.

    Raises:
        Malformed: A name, code, count, interval or text out of its bounds, by field.
    """
    use = command.use
    check_id(use.agency, "agencies", field="agency")
    check_id(command.source, "sources", field="source")
    if use.technology is not None:
        check_id(use.technology, "technologies", field="technology")
    if use.import_ is not None:
        check_id(use.import_, "imports", field="import")
    if command.capture not in CAPTURES:
        raise Malformed("capture", f"must be one of {', '.join(CAPTURES)}")
    if len(use.authorizations) > MAX_AUTHORIZATIONS:
        raise Malformed("authorizations", f"more than {MAX_AUTHORIZATIONS}")
    for name in use.authorizations:
        check_id(name, "authorizations", field="authorizations")
    if len(set(use.authorizations)) != len(use.authorizations):
        raise Malformed("authorizations", "one stands twice")
    for field, text in zip(_CODES, _codes_of(use), strict=True):
        if text is not None:
            check_text(text, field, MAX_CODE_CHARS)
    for field, choices in _CHOICES:
        if (value := getattr(use, field)) is not None and value not in choices:
            raise Malformed(field, f"must be one of {', '.join(choices)}")
    for field in _COUNTS:
        if (count := getattr(use, field)) is not None:
            _check_count(count, field)
    if use.source_sequence is not None and abs(use.source_sequence) > MAX_COUNT:
        raise Malformed("source_sequence", f"must lie within {MAX_COUNT} of 0")
    if use.occurred is not None:
        _check_occurred(use.occurred)
    if use.data_flows is not None:
        _check_flows(use.data_flows)
    _check_who(command.performer)
    _check_protected(command.protected)
    _check_source_event_id(command)


def _check_count(count: Count, field: str) -> None:
    known = [value for value in (count.exactly, count.at_least) if value is not None]
    if len(known) != 1 or not 0 <= known[0] <= MAX_COUNT:
        raise Malformed(field, "must be one number, 0 or more")


def _check_occurred(occurred: Occurred) -> None:
    if occurred.date is not None:
        us_of_date(occurred.date, field="occurred.date")
        if occurred.earliest or occurred.latest:
            raise Malformed("occurred.date", "stands alone: a date without zone is no instant")
    earliest, latest = occurred.bounds_us()
    if earliest is not None and latest is not None and latest < earliest:
        raise Malformed("occurred.latest", "lies before occurred.earliest")
    if occurred.zone_assumed is not None:
        check_text(occurred.zone_assumed, "occurred.zone_assumed", MAX_CODE_CHARS)


def _check_flows(flows: tuple[DataFlow, ...]) -> None:
    if len(flows) > MAX_DATA_FLOWS:
        raise Malformed("data_flows", f"more than {MAX_DATA_FLOWS}")
    for flow in flows:
        for member in _FLOW_MEMBERS:
            value = getattr(flow, member)
            if value is not None:
                check_text(value, f"data_flows.{member}", MAX_NAME_CHARS)


def _check_who(performer: Performer | Masked | None) -> None:
    if isinstance(performer, Performer):
        for part in (performer.user_id, performer.name, performer.badge):
            if part is not None:
                check_text(part, "performer", MAX_NAME_CHARS)
        if not performer.key:
            raise Malformed("performer", "names nobody; leave it out where it is not known")
    elif performer is not None:
        check_text(performer.mark, "performer.masked", MAX_NAME_CHARS)


def _check_protected(protected: Mapping[str, JsonValue]) -> None:
    """A source record's size is checked where its bytes are made."""
    for field, value in protected.items():
        if field not in _PROTECTED:
            raise Malformed(field, "is not a protected field of a tool use")
        if field == "source_record":
            _check_record(value)
            continue
        if isinstance(value, str):
            check_prose(value, field)
            continue
        if len(_encoded(value, field)) > MAX_TEXT_BYTES:
            raise Malformed(field, f"is longer than {MAX_TEXT_BYTES} bytes")
        if isinstance(value, Mapping) and isinstance(mark := value.get("masked"), str):
            check_characters(mark, field)
    if "verifiers" in protected:
        _check_verifiers(protected["verifiers"])


def _check_record(record: JsonValue) -> None:
    if not isinstance(record, Mapping):
        raise Malformed("source_record", "must be an object")
    columns, row = record.get("columns"), record.get("row")
    if isinstance(columns, list) and isinstance(row, list):
        if len(columns) > MAX_RECORD_COLUMNS:
            raise Malformed("source_record.columns", f"more than {MAX_RECORD_COLUMNS}")
        if len(row) != len(columns):  # a row is named by its cells under their columns
            raise Malformed("source_record.row", "must have as many cells as there are columns")


def _check_verifiers(verifiers: JsonValue) -> None:
    if len(verifiers) > MAX_VERIFIERS:
        raise Malformed("verifiers", f"more than {MAX_VERIFIERS}")
    for verifier in verifiers:
        check_text(verifier, "verifiers", MAX_NAME_CHARS)


def _check_source_event_id(command: ReportToolUse) -> None:
    if command.source_event_id is not None:
        check_text(command.source_event_id, "source_event_id", MAX_SOURCE_EVENT_ID_CHARS)
    elif not any(command.protected.get("source_record", {}).values()):
        raise Malformed("source_event_id", "is needed where there is no source_record")


def _encoded(value: JsonValue, field: str) -> bytes:
    try:
        return encode(value)
    except UnicodeEncodeError:
        raise Malformed(field, "holds half of a surrogate pair") from None


def new_report(
    command: ReportToolUse,
    *,
    pseudonym: str | None,
    uuid: str,
    origin: str,
    provenance: Provenance,
    keys: IdentityKeys,
    random_bytes: Callable[[int], bytes],
) -> NewEntry:
    """The entry of a checked report, hashed, with all that is kept beside it.

    Args:
        command: Passed check_report.
        pseudonym: Of the performer; None where nobody is named.
        uuid: Fresh and time-ordered; names the stream.
        origin: Of the ledger.
        provenance: With the command's source and capture.
        keys: Of the ledger.
        random_bytes: Source of salts, as `os.urandom`.
    Raises:
        Malformed: The entry or what is kept beside it would be too large.
    """
    stream = f"tool_use/{uuid}"
    values: dict[str, JsonValue] = {}
    if pseudonym is not None:
        values["performer"] = pseudonym
    elif isinstance(command.performer, Masked):
        values["performer"] = command.performer.to_json()
    values.update(command.protected)
    source_event_id = command.source_event_id
    record = values.get("source_record")
    if source_event_id is None:
        source_event_id = keys.row_id(record or {}, command.occurrence)
    else:
        values["source_event_id"] = source_event_id
    if record is None and isinstance(command.performer, Performer):
        # No raw record to prove the name from, so it is committed to by itself.
        values["performer_identity"] = command.performer.to_json()
    committed, kept = protect(values, stream, random_bytes)
    shown = encode(kept)
    if len(shown) > MAX_SHOWN_BYTES:
        raise Malformed("tool_use", f"protected fields take more than {MAX_SHOWN_BYTES} bytes")
    large = record is not None and len(shown) > MAX_SOURCE_RECORD_BYTES
    if large and len(encode(record)) > MAX_SOURCE_RECORD_BYTES:
        raise Malformed("source_record", f"takes more than {MAX_SOURCE_RECORD_BYTES} bytes")
    event = command.use.to_object()
    entry = encode_entry(
        Entry(
            topic=command.use.TOPIC,
            stream=stream,
            version=1,
            event=event,
            protected=committed,
            origin=origin,
            recorded_at=full_text_of_us(provenance.recorded_us),
            reporter=provenance.reporter,
            capture=command.capture,
            source=command.source,
        )
    )
    return NewEntry(
        stream=stream,
        version=1,
        topic=command.use.TOPIC,
        entry=entry,
        leaf_hash=leaf_hash(entry),
        fresh=True,
        identity=keys.of_report(command.source, source_event_id),
        content=keys.content_of(command, event),
        disclosures=shown,
    )
