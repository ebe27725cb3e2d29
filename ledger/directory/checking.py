"""Are all listings of one ledger true together? Signed, growing, and of one tree.

    Listing, in the directory's order ──add──► 1 its place   2 the ledger's signature
                                               3 larger than the one before
                                               4 its root is that of the ledger's tree
                        findings ◄─────────────┴──► equivocations: two notes that convict

What makes a root anew is the caller's: entries, tiles over HTTP, or files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ledger.directory.listing import Listing
from ledger.errors import CandourError
from ledger.limits import MAX_FINDINGS
from ledger.merkle import Frontier
from ledger.tlog import Equivocation, SignedCheckpoint, VerifierKey, open_checkpoint

# The root over the first n entries of the ledger; None where it holds fewer.
RootAt: TypeAlias = Callable[[int], bytes | None]


@dataclass(frozen=True, slots=True)
class ListingFinding:
    """Something about a ledger in its directory that is not as it must be.

    Members:
        origin: Of the ledger.
        leaf_index: Of the entry in the directory; None where one is missing there.
        sentence: What is wrong, for a person.
    """

    origin: str
    leaf_index: int | None
    sentence: str


@dataclass(slots=True)
class ListingCheck:
    """One ledger's listings, added in the order in which they stand in the directory.

    Args:
        origin: Of the ledger.
        key: Its checkpoint key, got by another way than the directory; None where there is
            none: then no signature is checked, and nobody convicted.
        root_at: Asked for rising sizes; None where the ledger is not at hand.
        convict_by: What convicts the ledger of a listed root that is not its tree's, if anything.
    Members:
        listed: How many were added.
        newest: The last one that was larger than all before.
        findings: The first MAX_FINDINGS; `differences` counts all.
        equivocations: Pairs of signed checkpoints that cannot both be true.
    """

    origin: str
    key: VerifierKey | None
    root_at: RootAt | None
    convict_by: Callable[[Listing], Equivocation | None] | None = None
    listed: int = 0
    newest: Listing | None = None
    differences: int = 0
    findings: list[ListingFinding] = field(default_factory=list)
    equivocations: list[Equivocation] = field(default_factory=list)

    def add(self, listing: Listing) -> None:
        """Judge one more."""
        before, self.listed = self.newest, self.listed + 1
        if listing.version != self.listed:
            sentence = f"is listing {listing.version} of this ledger, and stands where"
            self.differs(listing.leaf_index, f"{sentence} number {self.listed} must")
        signed = self._signed(listing)
        size, root = listing.checkpoint.tree_size, listing.checkpoint.root
        if before is not None and size == before.checkpoint.tree_size:
            self._twice(before, listing, signed)
            return
        if before is not None and size < before.checkpoint.tree_size:
            self.differs(
                listing.leaf_index,
                f"lists size {size} after size {before.checkpoint.tree_size}:"
                " the ledger began anew from an older state",
            )
            return
        self.newest = listing
        if self.root_at is None:
            return
        held = self.root_at(size)
        if held is None:
            self.differs(listing.leaf_index, f"lists size {size}, and the ledger holds less")
        elif held != root:
            self.differs(
                listing.leaf_index,
                f"lists another root for size {size} than the ledger's entries give",
            )
            found = None if self.convict_by is None else self.convict_by(listing)
            if found is not None and len(self.equivocations) < MAX_FINDINGS:
                self.equivocations.append(found)

    def skip(self) -> None:
        """Count an entry of this ledger's stream that this release cannot read."""
        self.listed += 1

    def convict(self, one: bytes, other: bytes) -> bool:
        """Keep two notes of one size with different roots; False unless both are signed."""
        if self.key is None or len(self.equivocations) >= MAX_FINDINGS:
            return False
        try:
            signed = [open_checkpoint(note, [self.key]) for note in (one, other)]
            found = Equivocation(signed[0], signed[1])
            found.check()
        except CandourError:
            return False
        self.equivocations.append(found)
        return True

    def differs(self, leaf_index: int | None, sentence: str) -> None:
        """Note a difference."""
        self.differences += 1
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(ListingFinding(self.origin, leaf_index, sentence))

    def _twice(self, before: Listing, listing: Listing, signed: SignedCheckpoint | None) -> None:
        size = listing.checkpoint.tree_size
        if before.checkpoint.root == listing.checkpoint.root:
            self.differs(listing.leaf_index, f"lists size {size} a second time")
            return
        convicted = signed is not None and self.convict(before.note, listing.note)
        whose = "both signed by the ledger's key" if convicted else "not both signed by its key"
        self.differs(
            listing.leaf_index,
            f"lists a second root for size {size}, after entry {before.leaf_index}; {whose}",
        )

    def _signed(self, listing: Listing) -> SignedCheckpoint | None:
        """The checkpoint, its signature verified; None where that fails or there is no key."""
        if self.key is None:
            return None
        try:
            return open_checkpoint(listing.note, [self.key])
        except CandourError as error:
            self.differs(listing.leaf_index, f"is not signed by the ledger's key: {error}")
            return None


_NO_MORE: Final[tuple[bytes, ...]] = ()


def rising_roots(leaf_hashes: Iterator[Sequence[bytes]]) -> RootAt:
    """A RootAt over leaf hashes in order, by the batch; ask it for rising sizes only.

    It holds one batch and a frontier: a ledger of any size in constant memory.
    """
    frontier, waiting = Frontier(), list[bytes]()

    def root_at(size: int) -> bytes | None:
        nonlocal frontier, waiting
        assert size >= frontier.size, "sizes rise"
        while frontier.size < size:
            if not waiting:
                waiting = list(next(leaf_hashes, _NO_MORE))
                if not waiting:
                    return None
            taken = size - frontier.size
            frontier, waiting = frontier.extended(waiting[:taken]), waiting[taken:]
        return frontier.root()

    return root_at
