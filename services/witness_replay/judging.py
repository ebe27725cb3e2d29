"""What does a witness demand of an entry, and of a root that it commits to?

    entry bytes ──read──► stream, fact ──fold──► keys   │ anything it cannot read or fold: Differs
    commitment  ──root over families made anew, one closed──► the same root, or Differs

Stricter than the projector, which passes by what it cannot read: whoever vouches for an answer
must have understood all that could change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.entry import Entry, UnknownEnvelope, decode_entry
from ledger.errors import CandourError, Malformed, Refused, Unverifiable
from ledger.events import Fact, UsageIndexCommitted
from ledger.usage_index import Commitment, Ref, UsageFold, is_of_performers, root_of_families
from ledger.usage_index.families import AGENCIES, PERFORMERS
from ledger.usage_index.keys import WITHDRAWN_BIT

# What stands in these streams changes counts; an unknown fact elsewhere changes none.
_COUNTED: Final = ("tool_use/", "import/", "usage_index/")


class Differs(Refused):
    """This witness does not vouch for a tree that holds this entry."""

    def __init__(self, leaf_index: int, reason: str) -> None:
        super().__init__(f"entry {leaf_index} {reason}")
        self.leaf_index, self.reason = leaf_index, reason


def read_entry(leaf_index: int, data: bytes, *, origin: str) -> tuple[Entry, Fact | None]:
    """An entry and its fact; None for a fact that this release does not know and no count needs.

    Raises:
        Differs: It is malformed, of another ledger, or may change counts in a way not known here.
    """
    try:
        entry = decode_entry(data)
        if entry.origin != origin:
            raise Differs(leaf_index, "names another ledger as its origin")
        return entry, entry.fact()
    except UnknownEnvelope as error:
        raise Differs(leaf_index, f"cannot be read by this witness: {error}") from None
    except Unverifiable as error:
        if entry.stream.startswith(_COUNTED):
            reason = f"may change counts, and cannot be folded by this witness: {error}"
            raise Differs(leaf_index, reason) from None
        return entry, None
    except Malformed as error:
        raise Differs(leaf_index, f"is malformed: {error}") from None


def keys_of(leaf_index: int, entry: Entry, fact: Fact, fold: UsageFold) -> list[bytes]:
    """The keys that the entry's leaf hash goes to, but for those that rest on pseudonyms.

    Raises:
        Differs: It cannot be folded: a change of a use that was not reported, and the like.
    """
    try:
        keys = fold.add(entry.stream, fact)
    except CandourError as error:
        raise Differs(leaf_index, f"cannot be folded: {error}") from None
    return [key for key in keys if not is_of_performers(key)]


def read_commitment(leaf_index: int, fact: UsageIndexCommitted, *, least: int) -> Commitment:
    """What an entry commits to.

    Args:
        least: What the commitment before it spoke of.
    Raises:
        Differs: It is malformed, ahead of itself, or speaks of fewer entries than the last one.
    """
    try:
        said = Commitment.of_fact(fact)
    except CandourError as error:
        raise Differs(leaf_index, f"commits to nothing that can be judged: {error}") from None
    if said.tree_size > leaf_index:
        raise Differs(leaf_index, f"commits to {said.tree_size} entries, ahead of itself")
    if said.tree_size < least:
        reason = f"commits to {said.tree_size} entries, after one that spoke of {least}"
        raise Differs(leaf_index, reason)
    return said


def check_commitment(leaf_index: int, said: Commitment, made: Mapping[int, Ref]) -> None:
    """Return where the families made anew, with that of performers closed, give the root.

    Args:
        made: Subtrees of the first `said.tree_size` entries, by first byte, without performers.
    Raises:
        Differs: They do not, or as many performers are not counted as uses are.
    """
    placed, withdrawn = said.performers
    none = Ref(0, 0, b"")
    uses = made.get(AGENCIES, none).total - made.get(AGENCIES | WITHDRAWN_BIT, none).total
    if placed.total - withdrawn.total != uses:
        raise Differs(leaf_index, "counts other uses by performer than by agency")
    root = root_of_families(
        {**made, PERFORMERS: placed, PERFORMERS | WITHDRAWN_BIT: withdrawn},
    )
    if (root.total, root.hash) != (said.total, said.root):
        reason = f"commits to a root that the first {said.tree_size} entries do not give"
        raise Differs(leaf_index, reason)
