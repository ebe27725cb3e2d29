"""What does the ledger say of a use, as it can be compared? From its entries, amendments included.

report ► amendment ► amendment … ──said_now──► Said ──Encoder──► codes      ids_of ──► ids
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from ledger.canonical_json import JsonValue
from ledger.events import ToolUseAmended
from ledger.ingest.layout import fold
from ledger.limits import MIN_MATCH_ID_CHARS
from ledger.observers.fields import Said
from ledger.observers.keys import Digests, plain
from ledger.observers.sides import NO_ID

_ID: Final = "source_event_id"
_folded = lru_cache(maxsize=4096)(fold)  # the same few columns, row after row


@dataclass(frozen=True, slots=True)
class Told:
    """One entry of a use: its topic, its event, what it commits to, and what is shown of that."""

    topic: str
    event: Mapping[str, JsonValue]
    committed: Collection[str]
    shown: Mapping[str, JsonValue]


def said_now(
    history: Iterable[Told], names: Mapping[str, Mapping[str, str]]
) -> tuple[Said, Mapping[str, JsonValue]]:
    """What a use says after these entries, the report first.

    Args:
        names: What sources call a performer, by pseudonym.
    Returns:
        What can be compared, and the protected values that are shown of the report itself.
    """
    entries = iter(history)
    report = next(entries)
    event, shown, committed = report.event, report.shown, report.committed
    for told in entries:
        if told.topic != ToolUseAmended.TOPIC:
            continue
        to: Any = told.event["to"]
        unset: Any = told.event.get("unset", ())
        event = {name: value for name, value in event.items() if name not in unset} | to
        # What is committed to anew and not shown is not known any more.
        shown = {k: v for k, v in shown.items() if k not in told.committed} | dict(told.shown)
        committed = {*committed, *told.committed}
    return (event, shown, committed, _performer(shown, names)), report.shown


def _performer(
    shown: Mapping[str, JsonValue], names: Mapping[str, Mapping[str, str]]
) -> Mapping[str, str] | None:
    found: Any = shown.get("performer")
    return found if isinstance(found, Mapping) else names.get(found)


def pseudonym_of(shown: Mapping[str, JsonValue]) -> str | None:
    """The performer's pseudonym where one is shown."""
    found = shown.get("performer")
    return found if isinstance(found, str) else None


def id_digest(digests: Digests, text: str) -> int:
    """Of a source's own id; NO_ID for one that two systems may share by chance."""
    spelled = plain(text)
    return digests.of_id(_ID, spelled) if len(spelled) >= MIN_MATCH_ID_CHARS else NO_ID


def ids_of(
    digests: Digests, shown: Mapping[str, JsonValue], id_columns: frozenset[str]
) -> tuple[int, int]:
    """The source's id of a use, and the observer's, where a column of the raw row has that.

    Args:
        id_columns: Column names, folded.
    """
    own = shown.get(_ID)
    first = id_digest(digests, own) if isinstance(own, str) else NO_ID
    record = shown.get("source_record")
    if not id_columns or not isinstance(record, Mapping):
        return first, NO_ID
    columns, row = record.get("columns"), record.get("row")
    if isinstance(columns, Sequence) and isinstance(row, Sequence):
        for column, text in zip(columns, row, strict=False):
            if _folded(str(column)) in id_columns and isinstance(text, str):
                second = id_digest(digests, text)
                if second not in (NO_ID, first):
                    return first, second
    return first, NO_ID
