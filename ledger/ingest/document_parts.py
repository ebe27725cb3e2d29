"""What does a part of a use's document say that has members of its own? Likewise one reader each.

(JSON value, field) ──read──► Occurred, Performer, a protected value …, or Malformed
"""

from __future__ import annotations

from typing import Any, Final

from ledger.canonical_json import JsonValue, decode
from ledger.commands import Masked, Performer
from ledger.errors import Malformed
from ledger.events import DataFlow, Interval, Occurred
from ledger.ingest.document_values import (
    both_spellings,
    flag,
    known_text,
    members_of,
    moment,
    refuse,
    text,
    texts,
)
from ledger.ingest.loose_json import clear
from ledger.limits import MAX_VALUE_DEPTH

_FLOW: Final = (
    *("category", "recipient", "processing_country", "storage_country", "access_country"),
    "permission",
)
_OCCURRED: Final = both_spellings(
    ("earliest", "latest", "latest_exclusive", "zone_assumed", "date")
)
_INTERVAL: Final = both_spellings(("earliest", "latest"))
_FLOWS: Final = both_spellings(_FLOW)
_PERFORMER: Final = both_spellings(("user_id", "name", "badge", "masked"))
_PROTECTED: Final = both_spellings(("value", "masked"))
_RECORD: Final = both_spellings(("columns", "row", "json"))


def occurred(value: Any, field: str) -> Occurred:
    """The interval; or a text, which is an instant, or a bare date where it has no time."""
    if isinstance(value, str):
        if len(value) == 10:
            return Occurred(date=value)
        instant = moment(value, field)
        return Occurred(earliest=instant, latest=instant)
    found = members_of(value, field, _OCCURRED)
    ends = {
        end: moment(found[end], f"{field}.{end}") for end in ("earliest", "latest") if end in found
    }
    named = {
        name: known_text(found[name], f"{field}.{name}")
        for name in ("zone_assumed", "date")
        if name in found
    }
    exclusive = flag(found.get("latest_exclusive", False), f"{field}.latest_exclusive")
    return Occurred(**ends, **named, latest_exclusive=exclusive or None)


def interval(value: Any, field: str) -> Interval:
    found = members_of(value, field, _INTERVAL)
    return Interval(**{end: moment(item, f"{field}.{end}") for end, item in found.items()})


def data_flows(value: Any, field: str) -> tuple[DataFlow, ...] | None:
    if not isinstance(value, list):
        refuse(value, field, "a list of objects")
    flows = [members_of(item, field, _FLOWS) for item in value]
    return (
        tuple(
            DataFlow(**{name: known_text(item, f"{field}.{name}") for name, item in flow.items()})
            for flow in flows
        )
        or None
    )


def performer(value: Any, field: str) -> Performer | Masked:
    found = {
        name: said
        for name, item in members_of(value, field, _PERFORMER).items()
        if (said := text(item, f"{field}.{name}"))
    }
    masked = found.pop("masked", None)
    if masked is None:
        return Performer(**found)
    if found:
        raise Malformed(f"{field}.masked", "stands alone: a masked name is not known")
    return Masked(masked)


def protected_text(value: Any, field: str) -> JsonValue:
    """A text, `{"value": …}`, or `{"masked": …}` with the mark that hides it."""
    if isinstance(value, str):
        return value
    found = members_of(value, field, _PROTECTED)
    if len(found) != 1:
        raise Malformed(field, "says one of value and masked; leave it out where it is not known")
    if "value" in found:
        return text(found["value"], field)
    return Masked(text(found["masked"], field)).to_json()


def searched(value: Any, field: str) -> JsonValue:
    """What was searched for: a protected text, or an object of any other members."""
    if isinstance(value, dict) and value and value.keys() not in ({"value"}, {"masked"}):
        return json_object(value, field)
    return protected_text(value, field)


def json_object(value: Any, field: str) -> JsonValue:
    """A JSON object, as it stands or as a text."""
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")  # half of a pair is then no UTF-8
        value = decode(data, what=field, max_depth=MAX_VALUE_DEPTH)
    if not isinstance(value, dict):
        refuse(value, field, "a JSON object")
    return clear(value, field, max_depth=MAX_VALUE_DEPTH)


def source_record(value: Any, field: str) -> JsonValue:
    """The columns and the row, or the JSON that the source wrote."""
    found = members_of(value, field, _RECORD)
    columns, row = (texts(found.get(part, []), f"{field}.{part}") for part in ("columns", "row"))
    if "json" not in found or found["json"] == "":
        return {"columns": columns, "row": row}
    if columns or row:
        raise Malformed(f"{field}.json", "stands in place of columns, not beside them")
    return json_object(found["json"], f"{field}.json")
