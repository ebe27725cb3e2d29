"""Does a ledger still hold what the directory lists of it? Asked at start, and before each signature.

    newest listing, signed by the ledger ──► its database holds that very tree ──► all is well
                                        └──► another tree, or a smaller one ──► HistoryLost

It guards where directory and ledger live in databases that are not brought back together; and
while the process runs always, since what is listed is remembered here.
"""

from __future__ import annotations

from ledger.directory import Listing
from ledger.errors import CandourError, Malformed
from ledger.store.core import LedgerStore, StoreUnavailable
from ledger.store.directory_listing import directory_lost, holds, newest_listing
from ledger.tlog import open_checkpoint
from services.runtime.hosting import Hosted
from services.runtime.refusals import Damaged, DirectoryLost, HistoryLost


class Guard:
    """One ledger, held to the directory. Blocking; call it from one thread at a time.

    Args:
        hosted: The ledger.
        directory: The directory, open.
    Raises:
        DirectoryLost: The directory is older than the ledger knows it.
        HistoryLost: The ledger is older than the directory knows it.
        Damaged: Its listing, or a tile of the ledger, is not what it was.
    """

    def __init__(self, hosted: Hosted, directory: Hosted) -> None:
        self._hosted, self._name = hosted, directory.keys.origin
        self._held: tuple[Listing, bytes] | None = None  # with the root of the head
        self._refuse_lost_directory(directory.store)
        self.listed = self.read(directory.store)
        self.check()

    def read(self, directory: LedgerStore) -> Listing | None:
        """The newest listing, verified to be the ledger's own word. Raises Damaged."""
        try:
            found = newest_listing(directory, self._hosted.keys.origin)
            if found is not None:
                open_checkpoint(found.note, [self._hosted.keys.checkpoint.verifier_key])
        except StoreUnavailable:
            raise
        except CandourError:  # only our own signature stops a ledger, and this is none
            what = f"what the directory lists of ledger {self._hosted.name}"
            raise Damaged(what, "signature") from None
        return found

    def check(self) -> None:
        """Return where the ledger holds what is listed of it; else it signs nothing more.

        Raises:
            HistoryLost: It does not; the log is halted.
            Damaged: A tile is not whole.
            StoreUnavailable: It cannot be told.
        """
        listed, store = self.listed, self._hosted.store
        if listed is None:
            return
        head = store.head()
        if self._held == (listed, head.root):
            return
        try:
            held = holds(store, listed)
        except Malformed as error:
            raise Damaged(f"{error.field} of ledger {self._hosted.name}") from None
        if held:
            self._held = listed, head.root
            return
        lost = HistoryLost(
            signed_size=listed.checkpoint.tree_size,
            tree_size=head.tree_size,
            ledger=self._hosted.name,
        )
        self._hosted.log.halted = lost
        raise lost

    def _refuse_lost_directory(self, directory: LedgerStore) -> None:
        hosted = self._hosted
        noted = directory_lost(hosted.store, directory, origin=hosted.keys.origin, name=self._name)
        if noted:
            tree_size = directory.head().tree_size
            raise DirectoryLost(ledger=hosted.name, noted_size=noted, tree_size=tree_size)
