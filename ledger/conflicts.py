"""What if a source says something else under an id that it used before? It is refused, and recorded.

    Held, other content ──told before? (keyed digest)──► nothing
                        └─► ResubmissionConflicted in the first report's stream: names of members,
                            no value; the digest of what was said as a commitment

Once for each content, and MAX_CONFLICTS times for one use, so that no caller fills the log by
sending one id again and again. Only what is refused costs anything here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ledger.canonical_json import decode, encode
from ledger.disclosure import protect
from ledger.entry import Entry, decode_entry, encode_entry
from ledger.events import ResubmissionConflicted
from ledger.identity import IdentityKeys
from ledger.limits import MAX_CONFLICTS, MAX_DECISIONS
from ledger.merkle import leaf_hash
from ledger.store.core import Clash, Head, LedgerStore, NewEntry, StoredEntry

_TOPIC: Final = ResubmissionConflicted.TOPIC


class Conflicts:
    """Records conflicts of one ledger.

    Args:
        store, origin, keys, random_bytes: As of Log.
    """

    def __init__(
        self,
        store: LedgerStore,
        *,
        origin: str,
        keys: IdentityKeys,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._store, self._origin = store, origin
        self._keys, self._random_bytes = keys, random_bytes

    def record(self, refused: Sequence[tuple[NewEntry, StoredEntry]]) -> Head | None:
        """Record each that is not on record; the head then, None where nothing was.

        Args:
            refused: Reports that were refused, each with the first of its id.
        Raises:
            StoreUnavailable: It is not known which are recorded; refused again, they are found.
        """
        new: dict[bytes, tuple[NewEntry, str]] = {}
        for again, first in refused:
            assert again.content is not None, "it was compared"
            identity = self._keys.of_conflict(first.stream, again.content)
            if identity not in new and self._store.held(identity) is None:
                new[identity] = again, first.stream
        head: Head | None = None
        for _ in range(MAX_DECISIONS):  # another process may say more of the same use meanwhile
            entries = self._entries(new)
            if not entries:
                break
            outcomes, head = self._store.append(entries)
            late = [one for one, what in zip(entries, outcomes, strict=True) if type(what) is Clash]
            new = {one.identity: new[one.identity] for one in late if one.identity is not None}
        return head

    def _entries(self, new: Mapping[bytes, tuple[NewEntry, str]]) -> list[NewEntry]:
        """An entry for each, after all that its stream holds; none beyond MAX_CONFLICTS."""
        if not new:
            return []
        streams: dict[str, list[StoredEntry]] = {}
        for stored in self._store.entries_of_streams(
            sorted({stream for _, stream in new.values()})
        ):
            streams.setdefault(stored.stream, []).append(stored)
        told = {
            stream: sum(stored.topic == _TOPIC for stored in history)
            for stream, history in streams.items()
        }
        versions = {stream: history[-1].version for stream, history in streams.items()}
        entries = []
        for identity, (again, stream) in new.items():
            if told[stream] >= MAX_CONFLICTS:
                continue
            told[stream] += 1
            versions[stream] += 1
            entries.append(self._entry(identity, again, streams[stream][0], versions[stream]))
        return entries

    def _entry(
        self, identity: bytes, again: NewEntry, first: StoredEntry, version: int
    ) -> NewEntry:
        said = decode_entry(again.entry)
        fact = ResubmissionConflicted(differing=differing(first, again))
        assert again.content is not None
        values = {"content": again.content.hex()}
        committed, kept = protect(values, first.stream, self._random_bytes)
        entry = encode_entry(
            Entry(
                topic=_TOPIC,
                stream=first.stream,
                version=version,
                event=fact.to_object(),
                protected=committed,
                origin=self._origin,
                recorded_at=said.recorded_at,
                reporter=said.reporter,
                capture=said.capture,
                source=said.source,
            )
        )
        return NewEntry(
            stream=first.stream,
            version=version,
            topic=_TOPIC,
            entry=entry,
            leaf_hash=leaf_hash(entry),
            identity=identity,
            content=again.content,
            disclosures=encode(kept),
        )


def differing(first: StoredEntry, again: NewEntry) -> tuple[str, ...]:
    """The members in which two reports differ, by name, sorted.

    The import is left out, as it is where contents are compared. `performer` is whoever it was,
    and by what name; where nothing else differs, it is that.
    """
    before, after = decode_entry(first.entry), decode_entry(again.entry)
    names = set(_differing(before.event, after.event)) - {"import"}
    names |= {"capture"} if before.capture != after.capture else set()
    names.update(_differing(_values(first.disclosures), _values(again.disclosures)))
    named = names - {"performer_identity"}
    return tuple(sorted(named if named == names and names else named | {"performer"}))


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [name for name in {*one, *other} if one.get(name) != other.get(name)]


def _values(disclosures: bytes | None) -> dict[str, Any]:
    """Protected values by field, without their salts."""
    if disclosures is None:
        return {}
    return {name: value for name, (_salt, value) in decode(disclosures, what="disclosures").items()}
