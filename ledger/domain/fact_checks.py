"""Is a fact of the registers well formed? One check for all, by what its members are called.

    member `agency` ► agencies/…      `*_at`, `until`, ends ► RFC 3339      `*_sha256` ► 64 hex
    member of CHOICES ► one of the words      any other text ► bounded, without NUL

Reports of uses have a faster check of their own (ledger/reports.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from ledger.canonical_json import JsonValue
from ledger.domain.checks import check_number, check_prose, check_text
from ledger.errors import Malformed
from ledger.events import Count, Fact, Interval, Occurred
from ledger.events.facts import Record, members_of
from ledger.events.observers import DISCREPANCIES, RESOLUTIONS
from ledger.events.register import AUTHORIZATION_KINDS
from ledger.events.statements import ALLEGATION_RESOLUTIONS, POLARITIES
from ledger.events.technology import ASSESSMENT_KINDS, ASSESSMENT_OUTCOMES
from ledger.events.tool_use import ACQUISITIONS, CREDENTIAL_STRENGTHS, OUTCOMES, TRIGGERS
from ledger.events.vendors import HOLDING_KINDS, INCIDENT_KINDS
from ledger.limits import MAX_CODE_CHARS, MAX_NAME_CHARS, MAX_SCOPE_ITEMS, MAX_URL_CHARS
from ledger.streams import COLLECTIONS, check_id
from ledger.times import us_of_date, us_of_text

# Members that hold a resource name, beside those that are called as a kind of stream is.
_NAMED: Final = {
    "agencies": "agencies",
    "technologies": "technologies",
    "alias": "technologies",
    "pack": "rulePacks",
    "by_statement": "statements",
    "use": "toolUses",
}
_TIMES: Final = {"at", "until", "granted_at", "earliest", "latest"}
_PROSE: Final = {"quote", "conditions"}
_URLS: Final = {"url", "source_url"}
_DISPLAYED: Final = {
    *("name", "approved_by", "assessed_by", "body", "vendor", "reference", "observer", "citation"),
    *("audience", "speaker_role", "basis", "made_by", "resolved_by", "identifier"),
}
CHOICES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("technology.assessed", "kind"): ASSESSMENT_KINDS,
    ("technology.assessed", "outcome"): ASSESSMENT_OUTCOMES,
    ("authorization.granted", "kind"): AUTHORIZATION_KINDS,
    ("vendor.incident_reported", "kind"): INCIDENT_KINDS,
    ("holding.recorded", "kind"): HOLDING_KINDS,
    ("statement.made", "polarity"): POLARITIES,
    ("allegation.answered", "polarity"): POLARITIES,
    ("allegation.resolved", "resolution"): ALLEGATION_RESOLUTIONS,
    ("discrepancy.found", "kind"): DISCREPANCIES,
    ("discrepancy.resolved", "code"): RESOLUTIONS,
    ("tool_use.amended", "acquisition"): ACQUISITIONS,
    ("tool_use.amended", "trigger"): TRIGGERS,
    ("tool_use.amended", "credential_strength"): CREDENTIAL_STRENGTHS,
    ("tool_use.outcome_reported", "outcome"): OUTCOMES,
}
# What is called as a kind of stream is, and need not be in a register.
_FREE: Final = {("authorization.granted", "instrument")}
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_URL: Final = re.compile(r"https?://\S+")


def check_fact(fact: Fact) -> Fact:
    """The fact itself, if every member of it may be recorded.

    Raises:
        Malformed: With the member's dotted name; quotes no value.
    """
    _check_record(fact, fact.TOPIC.rpartition(".v")[0], "")
    return fact


def check_protected(protected: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """Protected texts, bounded like any prose. Raises Malformed."""
    for name, value in protected.items():
        if isinstance(value, str):
            check_prose(value, name)
    return protected


def _check_record(record: Record, topic: str, path: str) -> None:
    for member in members_of(type(record)):
        value = getattr(record, member.name)
        if value is not None:
            _check_member(value, member.key, topic, path)
    if isinstance(record, Interval | Occurred):
        _check_ends(record, path)
    if isinstance(record, Count) and (record.exactly is None) == (record.at_least is None):
        raise Malformed(path.rstrip("."), "must be exactly, or at least, a number")


def _check_member(value: Any, name: str, topic: str, path: str) -> None:
    where = f"{path}{name}"
    if isinstance(value, Record):
        _check_record(value, topic, f"{where}.")
    elif isinstance(value, tuple):
        if len(value) > MAX_SCOPE_ITEMS:
            raise Malformed(where, f"more than {MAX_SCOPE_ITEMS}")
        for item in value:
            _check_member(item, name, topic, path)
    elif isinstance(value, bool):
        return
    elif isinstance(value, int):
        check_number(value, where)
    else:
        _check_word(value, name, topic, where)


def _check_word(text: str, name: str, topic: str, where: str) -> None:
    collection = _NAMED.get(name) or COLLECTIONS.get(name)
    words = CHOICES.get((topic, name))
    if (topic, name) in _FREE:
        check_text(text, where, MAX_NAME_CHARS)
    elif words is not None:
        if text not in words:
            raise Malformed(where, f"must be one of {', '.join(words)}")
    elif collection is not None:
        check_id(text, collection, field=where)
    elif name in _TIMES:
        _read(us_of_text, text, where)
    elif name == "date":
        _read(us_of_date, text, where)
    elif name.endswith("_sha256"):
        if not _SHA256.fullmatch(text):
            raise Malformed(where, "must be 64 hex digits in lower case")
    elif name == "country":
        if not _COUNTRY.fullmatch(text):
            raise Malformed(where, "must be two capital letters (ISO 3166-1)")
    elif name in _URLS:
        check_text(text, where, MAX_URL_CHARS)
        if not _URL.fullmatch(text):
            raise Malformed(where, "must be an http or https address")
    elif name in _PROSE:
        check_prose(text, where)
    else:
        check_text(text, where, MAX_NAME_CHARS if name in _DISPLAYED else MAX_CODE_CHARS)


def _check_ends(record: Interval | Occurred, path: str) -> None:
    where = path.rstrip(".") or "interval"
    if record.earliest is not None and record.latest is not None:
        first, last = us_of_text(record.earliest), us_of_text(record.latest)
        if last < first:
            raise Malformed(f"{where}.latest", "lies before its earliest")
    if isinstance(record, Occurred) and record.date is not None and record.earliest is not None:
        raise Malformed(f"{where}.date", "stands alone, without ends")


def _read(reader: Callable[[str], int], text: str, where: str) -> None:
    try:
        reader(text)
    except Malformed as error:
        raise Malformed(where, error.reason) from None
