"""What can go wrong at the edge that the ledger itself knows nothing of?"""

from __future__ import annotations

from ledger.errors import Refused


class LedgerNotHosted(Refused):
    """This process serves no ledger of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"ledgers/{name} is not served here")
        self.name = name


class LeafBeyondTree(Refused):
    """A leaf index was named that the tree in question does not have."""

    def __init__(self, leaf_index: int, *, tree_size: int) -> None:
        super().__init__(f"leaf {leaf_index} lies beyond a tree of {tree_size}")
        self.leaf_index, self.tree_size = leaf_index, tree_size


class NotReported(Refused):
    """A source never reported anything under an id. The id is protected and not quoted."""

    def __init__(self, source: str) -> None:
        super().__init__(f"{source} has reported nothing under this source_event_id")
        self.source = source


class Unauthenticated(Refused):
    """Nobody known is behind the call."""


class DeadlineOver(Refused):
    """The caller no longer waits, so nothing was submitted."""

    def __init__(self) -> None:
        super().__init__("the deadline was over before anything was submitted")


class Damaged(Refused):
    """What is stored is not what was stored; `candour audit` names the first difference."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is damaged; run candour audit")
        self.what = what


class TreeSizeBeyondHead(Refused):
    """A tree size was named that the ledger has not reached."""

    def __init__(self, tree_size: int, head: int) -> None:
        super().__init__(f"tree size {tree_size} is beyond the head, {head}")
        self.tree_size, self.head = tree_size, head


class ViewsBehind(Refused):
    """The views did not reach the demanded tree size in time."""

    def __init__(self, demanded: int, held: int) -> None:
        super().__init__(f"the views hold {held} entries, {demanded} were demanded; ask again")
        self.demanded, self.held = demanded, held


class NotPublished(Refused):
    """No published checkpoint covers the demanded tree size yet; what is recorded stays so."""

    def __init__(self, tree_size: int, held_back_by: str = "") -> None:
        why = f" ({held_back_by})" if held_back_by else ""
        super().__init__(f"no published checkpoint covers {tree_size} entries yet{why}; ask again")
        self.tree_size, self.held_back_by = tree_size, held_back_by


class NoQuorum(Refused):
    """A witnessed checkpoint was asked for, and no witness has to cosign here."""

    def __init__(self) -> None:
        super().__init__("no witness has to cosign this ledger, so none of it counts as witnessed")


class HistoryLost(Refused):
    """This ledger has signed a tree that its database does not hold.

    The database was restored from a backup, or changed. What it would sign next would be a
    second history, so it signs nothing more.
    """

    def __init__(self, *, signed_size: int, tree_size: int) -> None:
        super().__init__(
            f"this ledger has signed a tree of {signed_size} entries, and its database, with"
            f" {tree_size}, does not hold that tree; it signs nothing more"
        )
        self.signed_size, self.tree_size = signed_size, tree_size


class UsageRootMissing(Refused):
    """No root of the usage index was committed that speaks of so many entries and no more."""

    def __init__(self, at_most: int, least: int) -> None:
        super().__init__(
            f"no root of the usage index was committed for {least} to {at_most} entries:"
            " ask as of a larger tree size"
        )
        self.at_most, self.least = at_most, least
