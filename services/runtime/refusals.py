"""What can go wrong at the edge that the ledger itself knows nothing of?"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.errors import Refused
from ledger.rules.denials import Denial
from ledger.store.core import HistoryLost as HistoryLost  # the ledger knows it, and stops


class Overloaded(Refused):
    """More is waiting to be committed than the queue holds; try again in a while."""

    def __init__(self, queued: int) -> None:
        super().__init__(f"{queued} entries are waiting already")
        self.queued = queued


class Draining(Refused):
    """The process is shutting down and takes nothing new."""

    def __init__(self) -> None:
        super().__init__("the process is shutting down")


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
    """What is stored is not what was stored; `candour audit` names the first difference.

    Args:
        what: That is damaged.
        claim: That failed, as `candour.verification.failures` tells them apart.
    """

    def __init__(self, what: str, claim: str = "tile") -> None:
        super().__init__(f"{what} is damaged; run candour audit")
        self.what, self.claim = what, claim


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


class CheckpointMissing(Refused):
    """No checkpoint was published at just this tree size."""

    def __init__(self, tree_size: int, next_size: int | None) -> None:
        known = "" if next_size is None else f"; the next one is of {next_size} entries"
        super().__init__(f"no checkpoint of {tree_size} entries was published{known}")
        self.tree_size, self.next_size = tree_size, next_size


class NoQuorum(Refused):
    """A witnessed checkpoint was asked for, and no witness has to cosign here."""

    def __init__(self) -> None:
        super().__init__("no witness has to cosign this ledger, so none of it counts as witnessed")


class NotServable(Refused):
    """This ledger was restored, and the restore did not find it good, or did not end.

    Its database says so itself (ledger/store/copied.py), so no server takes it for whole.
    """

    def __init__(self, ledger: str, reason: str) -> None:
        super().__init__(f"ledger {ledger} is not to be served: {reason}")
        self.ledger, self.reason = ledger, reason


class Unconfirmed(Refused):
    """This ledger was started, or another database server answers than before, and too few of its
    witnesses have said what they cosigned last.

    Until then nobody knows whether its database was restored from a backup, or was behind when it
    was promoted, so nothing is appended or signed.

    Args:
        silent: Why each witness that has not answered has not.
    """

    def __init__(self, silent: Mapping[str, str]) -> None:
        said = "; ".join(f"{name}: {reason}" for name, reason in silent.items())
        super().__init__(
            "nothing is appended or signed until enough witnesses have said what they cosigned"
            f" last ({said}); if the database was not restored, `candour serve"
            " --start-unconfirmed` goes on without them"
        )
        self.silent = dict(silent)


class DirectoryLost(Refused):
    """The directory does not hold an entry that a ledger noted as its listing.

    Its database was restored from a backup, or is another's. What it would sign next would be a
    second history of the directory.
    """

    def __init__(self, *, ledger: str, noted_size: int, tree_size: int) -> None:
        super().__init__(
            f"ledger {ledger} is listed at entry {noted_size - 1} of the directory, and its"
            f" database, with {tree_size} entries, does not hold that; bring back the newest one"
        )
        self.ledger, self.noted_size, self.tree_size = ledger, noted_size, tree_size


class NotListed(Refused):
    """No directory lists this ledger under a checkpoint of its own: there is none, or not yet."""

    def __init__(self, ledger: str, reason: str) -> None:
        super().__init__(f"ledgers/{ledger}: {reason}")
        self.ledger, self.reason = ledger, reason


class LedgerBusy(Refused):
    """As many calls are under way for one ledger as may be, so that others have their share."""

    def __init__(self, ledger: str, calls: int) -> None:
        super().__init__(f"{calls} calls for ledgers/{ledger} are under way already")
        self.ledger, self.calls = ledger, calls


class UsageRootMissing(Refused):
    """No root of the usage index was committed that speaks of so many entries and no more."""

    def __init__(self, at_most: int, least: int) -> None:
        super().__init__(
            f"no root of the usage index was committed for {least} to {at_most} entries:"
            " ask as of a larger tree size"
        )
        self.at_most, self.least = at_most, least


class UsageRootNotKept(Refused):
    """The root that would answer was committed, and is no longer kept here.

    Old roots are let go, all but one a day and those that bundles rest on; an index that was
    made anew after an erasure has other roots than before.

    Args:
        at_most: Entries asked about.
        tree_size: Of a root that was passed over.
        before, after: The nearest that are kept, on both sides; None where there is none.
    """

    def __init__(self, at_most: int, tree_size: int, *, before: int | None, after: int | None):
        near = " and ".join(str(size) for size in (before, after) if size is not None)
        super().__init__(
            f"the root of the usage index over {tree_size} entries, which would answer as of"
            f" {at_most}, is no longer kept; {near or 'none'} are the nearest tree sizes that are"
        )
        self.at_most, self.tree_size = at_most, tree_size
        self.before, self.after = before, after


class CoverageThin(Refused):
    """An unqualified denial would say more than the record can bear out.

    Args:
        denial: What the ledger answers to it.
    """

    def __init__(self, denial: Denial) -> None:
        super().__init__(
            "an unqualified denial would say more than the record covers: "
            f"{'; '.join(denial.left_open())}. Asked: {'; '.join(denial.stood_behind())}"
        )
        self.denial = denial


class ContradictedByRecord(Refused):
    """A denial was to be made that the record itself contradicts.

    Args:
        denial: What the ledger answers to it.
    """

    def __init__(self, denial: Denial) -> None:
        super().__init__(f"the denial is contradicted: {'; '.join(denial.against())}")
        self.denial = denial
