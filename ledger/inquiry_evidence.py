"""How is the answer to a numbered question packed so that a stranger can check it?

    question ─► views: what it counts, lists, rests on ─► log: their entries ─► World ─► answer
             ─► inclusion proofs under one checkpoint ─► signature ─► one file

The answer in the file is made from the file's own entries, as the verifier will make it. All
entries of the registers go in where they fit; else those that bear on the scope.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from ledger.entry import Entry, decode_entry
from ledger.errors import Malformed
from ledger.evidence import (
    TooManyEntries,
    consistency_from,
    disclosures_of,
    fields_to_show,
    officers_in,
)
from ledger.inquiries.asked import Asked
from ledger.inquiries.pure_asker import PureAsker
from ledger.inquiries.recording import Recorder
from ledger.inquiries.table import inquiry_of
from ledger.inquiries.world import World
from ledger.limits import MAX_BUNDLE_BYTES, MAX_BUNDLE_ENTRIES, MAX_JSON_VALUES
from ledger.log import Log
from ledger.rules.active import packs_of
from ledger.store.chunks import chunks
from ledger.store.core import Published, StoredEntry
from ledger.store.view_asker import ViewAsker
from ledger.store.view_queries import ViewReader
from ledger.streams import name_of_stream, stream_of_name
from ledger.tlog import Signer
from ledger.verify.bundle import INQUIRY_FORMAT, BundledEntry, check_bounds, write_bundle

# Entries of the registers that are looked through for those that bear on a scope.
_LOOKED_THROUGH: Final = 10 * MAX_BUNDLE_ENTRIES


def build_inquiry_bundle(
    log: Log,
    views: ViewReader,
    asked: Asked,
    checkpoint: Published,
    *,
    signer: Signer,
    disclose: Collection[str] = (),
    complete: bool = False,
    older: bytes | None = None,
) -> bytes:
    """The evidence for the answer to a numbered question, or for findings.

    Args:
        log, views: Of the ledger; the views hold at least `asked.tree_size` entries.
        checkpoint: What the proofs lead to; of that size or larger.
        signer: The answers key.
        disclose: Protected fields to show beside those the question needs.
        complete: Put every entry of the tree in, which proves that none was left out.
        older: A checkpoint of this ledger, from which growth to `checkpoint` is shown.
    Raises:
        OtherHistory, Malformed: As `consistency_from`.
        TooManyEntries: Beyond MAX_BUNDLE_ENTRIES, or what else a verifier reads.
        PackUnknown: A rule pack was activated that this release does not have.
    """
    inquiry = inquiry_of(asked.question)
    needed = inquiry.protected(asked)
    shown = fields_to_show(needed - {"performer_identity"}, disclose)
    if complete:
        if asked.tree_size > MAX_BUNDLE_ENTRIES:
            raise TooManyEntries
        stored = log.store.read_entries(0, asked.tree_size, with_disclosures=True)
    else:
        stored = _Gathered(log, views, asked).entries()
    # Who acted is named where that decides: where they had granted the authority themselves.
    officers = officers_in(stored) if "performer_identity" in needed else frozenset[str]()
    tree, world, items = log.tree(checkpoint.tree_size), World(), []
    for row in stored:
        entry = decode_entry(row.entry)
        disclosures = disclosures_of(entry, row, shown, officers)
        world.add(row.leaf_index, entry, {item.field: item.value for item in disclosures})
        proof = tree.inclusion_proof(row.leaf_index)
        items.append(BundledEntry(row.leaf_index, row.entry, proof, disclosures))
    bundle = write_bundle(
        origin=log.origin,
        checkpoint=checkpoint.note,
        question=asked.to_object() | {"packs": packs_of(world.registers, asked.text("agency"))},
        answer=inquiry.answer(PureAsker(world, asked.tree_size), asked),
        entries=items,
        signer=signer,
        format=INQUIRY_FORMAT,
        consistency=None if older is None else consistency_from(log, older, checkpoint),
    )
    try:
        check_bounds(bundle)
    except Malformed:
        most = f"{MAX_BUNDLE_BYTES} bytes or {MAX_JSON_VALUES} values"
        raise TooManyEntries(most) from None
    return bundle


class _Gathered:
    """The entries that an answer rests on, by leaf index."""

    def __init__(self, log: Log, views: ViewReader, asked: Asked) -> None:
        self._store, self._asked = log.store, asked
        self._asker = ViewAsker(views, asked.tree_size)
        self._rows: dict[int, StoredEntry] = {}

    def entries(self) -> list[StoredEntry]:
        """Raises TooManyEntries."""
        noted = Recorder(self._asker)
        inquiry_of(self._asked.question).answer(noted, self._asked)
        cited = self._add_uses(self._firsts(noted))
        self._add(self._differences(noted))
        if noted.last and self._asked.tree_size:
            (last,) = self._store.entries_at([self._asked.tree_size - 1])
            self._add_streams([last.stream])
        self._add_registers(cited)
        return [self._rows[leaf] for leaf in sorted(self._rows)]

    def _firsts(self, noted: Recorder) -> set[int]:
        """Leaf indexes of the reports of every use that the answer counts or lists."""
        firsts = set(noted.firsts)
        for found, grace_us in noted.whole:
            marks = self._asker.marks(found, MAX_BUNDLE_ENTRIES + 1, grace_us=grace_us)
            firsts.update(mark.first for mark in marks)
            _check(firsts)
        for source in sorted(noted.sources):
            firsts.update(first for first, _ in self._asker.reports_of(source))
            _check(firsts)
        return firsts

    def _differences(self, noted: Recorder) -> set[int]:
        leaves = set(noted.found)
        for wanted in noted.differing:
            for _name, history in self._asker.differences(wanted, MAX_BUNDLE_ENTRIES + 1):
                leaves.update(told.leaf_index for told in history)
            _check(leaves)
        return leaves

    def _add_uses(self, firsts: Iterable[int]) -> list[str]:
        """Whole histories; returns the streams of the authorizations they cite."""
        streams = []
        for some in chunks(sorted(firsts)):
            streams += [item.stream for item in self._store.entries_at(some)]
        cited: set[str] = set()
        for entry in self._add_streams(streams):
            event = entry.event
            cited.update(event.get("authorizations") or ())
            cited.update(filter(None, (event.get("authorization"),)))
        return sorted(stream_of_name(name) for name in cited)

    def _add_streams(self, streams: Iterable[str]) -> list[Entry]:
        added = []
        for some in chunks(sorted(set(streams))):
            for row in self._store.entries_of_streams(some):
                if row.leaf_index < self._asked.tree_size:
                    self._rows[row.leaf_index] = row
                    added.append(decode_entry(row.entry))
            _check(self._rows)
        return added

    def _add(self, leaves: Iterable[int]) -> None:
        for some in chunks(sorted(set(leaves) - self._rows.keys())):
            for row in self._store.entries_at(some, with_disclosures=True):
                self._rows[row.leaf_index] = row
            _check(self._rows)

    def _add_registers(self, cited: list[str]) -> None:
        """All entries of the registers; or, where they are too many, those that bear on it."""
        room = MAX_BUNDLE_ENTRIES - len(self._rows)
        leaves = self._asker.register_leaves(room + 1)
        if len(leaves) <= room:
            self._add(leaves)
            return
        self._add_streams(cited)
        room = MAX_BUNDLE_ENTRIES - len(self._rows)
        leaves = self._asker.register_leaves(_LOOKED_THROUGH + 1, but=("authorization",))
        if len(leaves) > _LOOKED_THROUGH:
            raise TooManyEntries
        self._add(leaves if len(leaves) <= room else self._concerning(leaves))

    def _concerning(self, leaves: list[int]) -> list[int]:
        """Those of streams that begin with a fact of the agency asked about, or of nobody's."""
        agency = self._asked.text("agency")
        others: set[str] = set()
        kept = []
        for some in chunks(leaves):
            for row in self._store.entries_at(some):
                if row.version == 1:
                    whose = decode_entry(row.entry).event.get("agency")
                    own = name_of_stream(row.stream) == whose
                    if agency is not None and whose not in (None, agency) and not own:
                        others.add(row.stream)
                if row.stream not in others:
                    kept.append(row.leaf_index)
        return kept


def _check(held: Collection[Any]) -> None:
    if len(held) > MAX_BUNDLE_ENTRIES:
        raise TooManyEntries
