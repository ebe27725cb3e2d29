"""What does one line of an example say? The entry that a ledger would have made of it.

inline table of `told` (examples.py) ──entry_of──► fact, Entry
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ledger.entry import Entry
from ledger.errors import Malformed
from ledger.events import AuthorizationLinked, Fact, read_fact
from ledger.streams import COLLECTIONS, stream_of_name
from ledger.times import full_text_of_us, us_of_text

_MINUTE_US: Final = 60_000_000
_MOMENTS: Final = ("occurred", "effective", "made", "became_aware")
_ENVELOPE: Final = ("topic", "use", "times", "link", "recorded", "capture", "source", "shown")
_DATE_CHARS: Final = 10
# Facts whose stream is called otherwise than their topic begins.
_STREAMS: Final = {"performer": "approval", "vendor": "incident"}


def time_of(item: Mapping[str, Any], before_us: int, where: str) -> int:
    """When a line was recorded, in microseconds: as it says, or a minute after the one before."""
    if "recorded" not in item:
        return before_us + _MINUTE_US
    return us_of_text(str(item["recorded"]), field=f"{where}.recorded")


def entry_of(
    item: Mapping[str, Any], recorded_us: int, agency: str, where: str
) -> tuple[Fact, Entry]:
    """The fact of one line, and the entry it stands in; its version counts for nothing here."""
    topic, event = _event(item, agency, where)
    fact = read_fact(topic, event)
    shown = item.get("shown", {})
    if not isinstance(shown, dict):
        raise Malformed(f"{where}.shown", "must be a table")
    for key in ("use", "source", "capture"):
        if not isinstance(item.get(key, ""), str):
            raise Malformed(f"{where}.{key}", "must be a text")
    entry = Entry(
        topic=topic,
        stream=_stream(topic, item, event, where),
        version=1,
        event=event,
        protected=dict.fromkeys(shown, ""),
        origin="example.invalid/rules",
        recorded_at=full_text_of_us(recorded_us),
        reporter="example",
        capture=str(item.get("capture", "live")),
        source=item.get("source") if "use" in item else None,
    )
    return fact, entry


def _event(item: Mapping[str, Any], agency: str, where: str) -> tuple[str, dict[str, Any]]:
    event = {
        key: _moment(value) if key in _MOMENTS else value
        for key, value in item.items()
        if key not in _ENVELOPE
    }
    if "topic" in item:
        topic = str(item["topic"])
        if not topic.startswith("tool_use."):  # there they belong to the envelope
            event |= {key: item[key] for key in ("source", "use") if key in item}
        return topic, event
    if "link" in item:
        return AuthorizationLinked.TOPIC, {"authorization": item["link"], "agency": agency}
    if "use" not in item:
        raise Malformed(where, "must hold a topic, a use or a link")
    return "tool_use.reported.v1", {"agency": agency, **event}


def _stream(topic: str, item: Mapping[str, Any], event: Mapping[str, Any], where: str) -> str:
    kind = topic.partition(".")[0]
    if "use" in item and (topic.startswith("tool_use.") or "link" in item):
        return f"tool_use/{item['use']}"
    if topic == "source.nil_return_attested.v1":
        kind = "nil_return"
    kind = _STREAMS.get(kind, kind)
    name = event.get("pack" if kind == "rule_pack" else kind)
    if kind not in COLLECTIONS or not isinstance(name, str):
        raise Malformed(where, f"must name its {kind}")
    return stream_of_name(name, field=where)


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return {"date": value} if len(value) == _DATE_CHARS else {"earliest": value, "latest": value}
