"""What does a stored entry say, and what is disclosed of it? Read as fast as may be."""

from __future__ import annotations

import msgspec

from ledger.canonical_json import JsonValue
from ledger.entry import Entry, entry_of_object
from ledger.errors import Malformed
from ledger.events import Fact
from ledger.store.core import StoredEntry

_decode = msgspec.json.Decoder().decode


def read_stored(stored: StoredEntry) -> tuple[Entry, Fact]:
    """A stored entry and its fact, by a faster reader than `decode_entry`.

    It does not ask for the one deterministic form: what the ledger wrote has it.

    Raises:
        Malformed, Unverifiable: This release cannot fold it.
    """
    try:
        found = _decode(stored.entry)
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("entry", "is not JSON") from None
    entry = entry_of_object(found)
    return entry, entry.fact()


def shown_values(stored: StoredEntry) -> dict[str, JsonValue]:
    """The disclosed values of an entry, by field."""
    if stored.disclosures is None:
        return {}
    return {field: value for field, (_salt, value) in _decode(stored.disclosures).items()}
