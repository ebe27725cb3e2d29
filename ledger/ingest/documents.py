"""What does a JSON document say of a use? The contract's ToolUse, without protobuf.

    {"agency": "agencies/…", "capture": "live", …} ──read_use──► ReportToolUse

The document is the protobuf JSON mapping of candour.v1.ToolUse, or the same with names as the
contract writes them (`source_event_id`) and words as the entries do (`live`); the two may be
mixed. A field that is absent or null is not known. Pure and total; `check_report` still has to
pass what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from ledger.commands import ReportToolUse
from ledger.errors import Malformed
from ledger.events import ToolUseReported
from ledger.events.tool_use import (
    ACQUISITIONS,
    CAPTURES,
    CREDENTIAL_STRENGTHS,
    OUTCOMES,
    TRIGGERS,
)
from ledger.ingest.document_parts import (
    data_flows,
    interval,
    json_object,
    occurred,
    performer,
    protected_text,
    searched,
    source_record,
)
from ledger.ingest.document_values import (
    Reader,
    both_spellings,
    choice,
    count,
    flag,
    known_text,
    members_of,
    number,
    texts,
)
from ledger.limits import MAX_OCCURRENCE, MAX_SOURCE_URI_CHARS
from ledger.names import slug
from ledger.streams import check_id

_SLUG_CHARS: Final = 130  # with collection and digest it stays below MAX_ID_CHARS
_DIGEST_CHARS: Final = 16  # 64 bits: nobody's source meets another's by chance

_CODES: Final = (
    *("technology", "technology_version", "capability", "unit", "performer_role", "purpose"),
    *("offence_class", "object_category", "reference_database", "moderation", "import"),
)
# Members of a ToolUseReported, by the contract's name.
_CLEAR: Final[dict[str, Reader]] = {
    **dict.fromkeys(_CODES, known_text),
    **dict.fromkeys(("performers", "objects", "networks_searched", "devices_searched"), count),
    **dict.fromkeys(("window_requested", "window_returned"), interval),
    "occurred": occurred,
    "acquisition": choice(ACQUISITIONS, "ACQUISITION"),
    "trigger": choice(TRIGGERS, "TRIGGER"),
    "credential_strength": choice(CREDENTIAL_STRENGTHS, "CREDENTIAL_STRENGTH"),
    "outcome": choice(OUTCOMES, "OUTCOME"),
    "urgency_used": flag,
    "data_flows": data_flows,
    "source_sequence": number,
}
_TEXTS: Final = (
    *("supervisor", "case_number", "subject", "reason", "urgency_reason", "claimed_basis"),
    "occurred_text",
)
_PROTECTED: Final[dict[str, Reader]] = {
    **dict.fromkeys(_TEXTS, protected_text),
    "object": searched,
    "verifiers": texts,
    "source_record": source_record,
}
_OTHERS: Final[dict[str, Reader]] = {
    "agency": known_text,
    "authorizations": texts,
    "source": known_text,
    "source_event_id": known_text,
    "occurrence": number,
    "capture": choice(CAPTURES, "CAPTURE"),
    "performer": performer,
    "object_json": json_object,
}
_READERS: Final = {**_CLEAR, **_PROTECTED, **_OTHERS}
FIELDS: Final = frozenset(_READERS)
_SPELLINGS: Final = both_spellings(tuple(_READERS))


def read_use(document: Any, *, source: str, source_event_id: str, what: str) -> ReportToolUse:
    """The command of a document whose envelope says which source and event it is of.

    Args:
        document: A JSON object; an Unclear of loose_json may stand anywhere in it.
        source: `sources/…`.
        source_event_id: The source's own id.
        what: What the envelope calls the document, for an error about it as a whole.
    Raises:
        Malformed: By field: of another kind, not known here, twice, or at odds with the envelope.
    """
    said = {
        field: _READERS[field](value, field)
        for field, value in members_of(document, what, _SPELLINGS).items()
    }
    if said.get("source") is not None and source_name(said["source"]) != source:
        raise Malformed("source", "is another than its envelope says")
    if said.get("source_event_id") not in (None, source_event_id):
        raise Malformed("source_event_id", "is another than its envelope says")
    clear = {name: said[name] for name in _CLEAR if said.get(name) is not None}
    if "import" in clear:
        clear["import_"] = clear.pop("import")
    return ReportToolUse(
        use=ToolUseReported(
            agency=said.get("agency") or "",
            authorizations=tuple(said.get("authorizations", ())),
            **clear,
        ),
        source=source,
        source_event_id=source_event_id,
        occurrence=_occurrence(said),
        capture=said.get("capture") or "",
        performer=said.get("performer"),
        protected=_protected(said),
    )


def _occurrence(said: Mapping[str, Any]) -> int:
    found: int = said.get("occurrence", 0)
    if not 0 <= found <= MAX_OCCURRENCE:
        raise Malformed("occurrence", f"must lie in 0..{MAX_OCCURRENCE}")
    return found


def _protected(said: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: said[name] for name in _PROTECTED if name in said}
    if not found.get("verifiers", True):
        del found["verifiers"]  # an empty list is protobuf's way of not saying anything
    if "object_json" in said:
        if "object" in said:
            raise Malformed("object_json", "stands in place of object, not beside it")
        found["object"] = said["object_json"]
    return found


def source_name(text: str) -> str:
    """The register name of a source that its system names by a URI or in words.

    `sources/…` stays as it stands, and so does what could be its id already. All else gets a
    digest, so that no two sources share a name, and with it their ids, because both look alike.

    Raises:
        Malformed: Blank, too long, or `sources/…` that is no register name.
    """
    if text.startswith("sources/"):
        return check_id(text, "sources", field="source")
    if not 0 < len(text) <= MAX_SOURCE_URI_CHARS:
        raise Malformed("source", f"must have 1 to {MAX_SOURCE_URI_CHARS} characters")
    short = slug(text)
    if short == text:
        return f"sources/{text}"
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS]
    return f"sources/{short[:_SLUG_CHARS].rstrip('-')}-{digest}"
