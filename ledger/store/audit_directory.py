"""Is the directory log true? Every listing against its ledger, and every ledger against its listings.

    directory's entries ──► only listings, never of itself
    each origin ──stream──► ListingCheck: signed, growing, the root that the ledger's entries give
         └──► the ledger's checkpoints: each is listed, and none is listed that is not kept

The directory is read first: what its ledgers publish meanwhile only comes on top. A listing
tells of checkpoints that somebody deleted from a ledger, which its own audit cannot see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.audit.report import AuditReport, Progress
from ledger.directory import Listing, ListingCheck, listing_stream, read_listing, rising_roots
from ledger.errors import CandourError, Unverifiable
from ledger.events import FACTS, CheckpointPublished
from ledger.limits import AUDIT_BATCH, DIRECTORY_LAG_S
from ledger.merkle import TileTree, leaf_hash, root_at
from ledger.store.audit import audit_ledger
from ledger.store.core import LedgerStore, Published
from ledger.tlog import Equivocation, VerifierKey, claimed_checkpoint, judge, open_checkpoint

_STREAMS = listing_stream("")
_NOT_CHECKED = (
    "ledgers that nobody listed, here or there: a directory speaks of what was published through it",
)


@dataclass(frozen=True, slots=True)
class AuditedLedger:
    """A ledger of the deployment, at hand.

    Members:
        key: Its checkpoint key, got by another way than its database; None for none.
    """

    name: str
    origin: str
    store: LedgerStore
    key: VerifierKey | None


@dataclass(slots=True)
class DirectoryReport:
    """The course of one audit of a directory.

    Members:
        log: The directory audited as the log that it is.
        ledgers: What was found of each ledger that is listed or at hand.
        foreign: Of entries that are no listings: (leaf index, sentence).
        not_checked: What this audit says nothing about.
    """

    log: AuditReport
    ledgers: list[ListingCheck] = field(default_factory=list)
    foreign: list[tuple[int, str]] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=lambda: list(_NOT_CHECKED))

    @property
    def good(self) -> bool:
        return self.log.good and not self.foreign and not any(c.differences for c in self.ledgers)

    def to_object(self) -> dict[str, Any]:
        """For `--format json`."""
        found = [
            {"origin": None, "where": item.where, "what": item.what, "sentence": item.sentence}
            for item in self.log.findings
        ]
        found += [
            {"origin": None, "where": where, "what": "listing", "sentence": sentence}
            for where, sentence in self.foreign
        ]
        found += [
            {
                "origin": item.origin,
                "where": item.leaf_index,
                "what": "listing",
                "sentence": item.sentence,
            }
            for check in self.ledgers
            for item in check.findings
        ]
        return {
            "verdict": "good" if self.good else "difference found",
            "tree_size": self.log.tree_size,
            "differences": self.log.differences
            + len(self.foreign)
            + sum(check.differences for check in self.ledgers),
            "ledgers": [
                {
                    "origin": check.origin,
                    "listed": check.listed,
                    "newest": check.newest and check.newest.checkpoint.tree_size,
                    "differences": check.differences,
                }
                for check in self.ledgers
            ],
            "findings": found,
            "equivocations": [
                item.marshal().decode() for check in self.ledgers for item in check.equivocations
            ],
            "not_checked": [*self.log.not_checked, *self.not_checked],
        }


def audit_directory(
    directory: LedgerStore,
    ledgers: Sequence[AuditedLedger],
    *,
    origin: str,
    key: VerifierKey | None,
    now_us: int,
    progress: Progress | None = None,
) -> DirectoryReport:
    """Audit a directory and hold every ledger to it; nothing is written.

    Args:
        directory: Its store.
        ledgers: Those at hand; of the others only what the directory itself says is checked.
        origin, key: Of the directory, got by another way than its database; no key, no
            signature checked.
        now_us: What was published longer than DIRECTORY_LAG_S before must be listed.
        progress: Told how far it is.
    Raises:
        StoreUnavailable: A database is away.
    """
    progress = progress or (lambda _stage, _done, _total: None)
    log = audit_ledger(directory, None, vkey=key, origin=origin, progress=progress)
    log.not_checked[:] = [item for item in log.not_checked if item != "the views"]  # it has none
    report = DirectoryReport(log)
    listed = _origins(directory, log.tree_size, origin, report)
    at_hand = {ledger.origin: ledger for ledger in ledgers}
    todo = [*at_hand, *sorted(listed - set(at_hand))]
    for done, name in enumerate(todo):
        progress("ledgers", done, len(todo))
        report.ledgers.append(_check_one(directory, name, at_hand.get(name), report, now_us))
    progress("ledgers", len(todo), len(todo))
    return report


def _origins(directory: LedgerStore, size: int, own: str, report: DirectoryReport) -> set[str]:
    """The ledgers that are listed; entries that are no listings are foreign here."""
    found: set[str] = set()
    for stored in directory.scan(0, size, batch=AUDIT_BATCH):
        origin = str(stored.stream).removeprefix(_STREAMS)
        if stored.topic not in FACTS:
            report.log.count("unread", 1)
        elif stored.topic != CheckpointPublished.TOPIC or origin == stored.stream:
            report.foreign.append((stored.leaf_index, "is no listing, and stands in a directory"))
        elif origin == own:
            report.foreign.append((stored.leaf_index, "is a listing of the directory itself"))
        else:
            found.add(origin)
    return found


def _check_one(
    directory: LedgerStore,
    origin: str,
    ledger: AuditedLedger | None,
    report: DirectoryReport,
    now_us: int,
) -> ListingCheck:
    if ledger is None:
        check = ListingCheck(origin, None, None)
        report.not_checked.append(f"{origin}: it is listed, and its database is not here")
    else:
        store = ledger.store
        roots = rising_roots(_leaf_hashes(store))
        check = ListingCheck(origin, ledger.key, roots, lambda one: _convict(ledger, one))
        if ledger.key is None:
            report.not_checked.append(f"{origin}: signatures, since no key was given")
    kept = None if ledger is None else _Kept(ledger.store, check)
    for leaf_index, entry in _listings(directory, origin):
        try:
            listing = read_listing(entry, leaf_index)
        except Unverifiable:
            check.skip()
            continue
        except CandourError as error:
            check.skip()
            check.differs(leaf_index, f"is no listing: {error}")
            continue
        check.add(listing)
        if kept is not None:
            kept.compare(listing)
    if kept is not None:
        kept.rest(now_us - DIRECTORY_LAG_S * 1_000_000)
    return check


def _listings(directory: LedgerStore, origin: str) -> Iterator[tuple[int, bytes]]:
    version = 0
    while True:
        rows = directory.read_stream(listing_stream(origin), gt=version, limit=AUDIT_BATCH)
        for row in rows:
            yield row.leaf_index, row.entry
        if not rows:
            return
        version = rows[-1].version


def _leaf_hashes(store: LedgerStore) -> Iterator[list[bytes]]:
    """Of the entries themselves; tiles are for the ledger's own audit."""
    size = store.head_row().size
    for start in range(0, size, AUDIT_BATCH):
        rows = store.read_entries(start, min(AUDIT_BATCH, size - start))
        yield [leaf_hash(row.entry if type(row.entry) is bytes else b"") for row in rows]


def _convict(ledger: AuditedLedger, listing: Listing) -> Equivocation | None:
    """What convicts the ledger of a listed root that its newest checkpoint contradicts."""
    published, size = ledger.store.published(), listing.checkpoint.tree_size
    if ledger.key is None or published is None or not 0 < size <= published.tree_size:
        return None
    tree = TileTree(published.tree_size, ledger.store.read_tile)
    try:
        older, newer = (open_checkpoint(n, [ledger.key]) for n in (listing.note, published.note))
        if size == published.tree_size:
            return judge(older, newer, [])
        proof = tree.consistency_proof(size)
        return judge(older, newer, proof, prefix_root=root_at(size, ledger.store.read_tile))
    except CandourError:
        return None  # not convicted; the finding stands all the same


class _Kept:
    """The checkpoints that a ledger keeps, read along with its listings by size."""

    def __init__(self, store: LedgerStore, check: ListingCheck) -> None:
        self._store, self._check = store, check
        self._rows = self._read()
        self._row = next(self._rows, None)

    def _read(self) -> Iterator[Published]:
        above = -1
        while rows := self._store.checkpoint_rows(above, AUDIT_BATCH):
            yield from rows
            above = rows[-1].tree_size

    def compare(self, listing: Listing) -> None:
        """The row of a listing's size must be there, and say the same."""
        size = listing.checkpoint.tree_size
        while self._row is not None and self._row.tree_size < size:
            self._missing(self._row)
            self._row = next(self._rows, None)
        if self._row is None or self._row.tree_size != size:
            if listing is self._check.newest:  # else it was said that it does not rise
                sentence = f"lists size {size}, which the ledger keeps no checkpoint of"
                self._check.differs(listing.leaf_index, sentence)
            return
        row, self._row = self._row, next(self._rows, None)
        try:
            root = claimed_checkpoint(row.note).root
        except (CandourError, TypeError):
            return  # the ledger's own audit says so
        if root != listing.checkpoint.root:
            convicted = self._check.convict(listing.note, row.note)
            signed = "both are signed by its key" if convicted else "they are not both signed"
            sentence = f"lists another root for size {size} than the ledger published; {signed}"
            self._check.differs(listing.leaf_index, sentence)

    def rest(self, before_us: int) -> None:
        """What is beyond the last listing must be new."""
        while self._row is not None:
            if self._row.published_us < before_us:
                self._missing(self._row)
            self._row = next(self._rows, None)

    def _missing(self, row: Published) -> None:
        self._check.differs(None, f"published size {row.tree_size}, which is not listed")
