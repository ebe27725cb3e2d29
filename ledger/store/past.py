"""Is this still the server whose commits we know, and does it hold them? Asked in every commit.

    head row + (its table, when its server started) ──meet──► as before ──► go on
        another server, or the same one anew ──► ServerChanged, once: whoever must be asked first
        (witnesses) is, and the batch is sent again
    head ──check──► extends what was committed here ──► go on; else HistoryLost, nothing is written

A failover, a restart and a pooler may put another server behind a URL at any time; one that was
promoted though it was behind would take reports for places that others have receipts for. What
this process saw committed it holds every server to; what other processes had published,
witnesses know.
"""

from __future__ import annotations

import threading
from typing import Final, TypeAlias

from ledger.merkle import ReadTile, root_at
from ledger.store.core import Head, HistoryLost, StoreUnavailable

# The object id of the head's table, and when its server started, in microseconds from 1970: a
# standby has a start of its own, a copy that was restored by statements a table of its own.
ServerId: TypeAlias = tuple[int, int]

SERVER_ID: Final = (
    "tableoid::bigint, (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint"
)


class ServerChanged(StoreUnavailable):
    """Another server answers than before, or the same one after a restart. Nothing was done."""

    def __init__(self) -> None:
        super().__init__("another database server answers than before")


class Past:
    """What one process knows of a ledger in PostgreSQL. Safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: ServerId | None = None
        self._head: Head | None = None  # the newest that was committed, here or seen from here
        self._unchecked = False  # a server was met that was not asked for the tree of `_head`

    def meet(self, server: ServerId) -> bool:
        """True where this server is not the one that was met last."""
        with self._lock:
            changed = self._server not in {None, server}
            self._server = server
            self._unchecked |= changed
            return changed

    def newest(self) -> Head | None:
        """The newest head that was committed; ask it before the head that is checked is read."""
        with self._lock:
            return self._head

    def check(self, known: Head | None, head: Head, read_tile: ReadTile) -> None:
        """Return where a head extends the newest one that was committed.

        Args:
            known: What `newest` said before `head` was read: what another thread commits meanwhile
                is not in it.
            head: Of the server that was met last.
            read_tile: Of the same server.
        Raises:
            HistoryLost: It is smaller, or another tree.
        """
        with self._lock:
            unchecked = self._unchecked
        if known is not None and head.root != known.root:
            behind = head.tree_size <= known.tree_size
            if behind or (unchecked and root_at(known.tree_size, read_tile) != known.root):
                raise HistoryLost(signed_size=known.tree_size, tree_size=head.tree_size)
        with self._lock:
            self._unchecked = False

    def remember(self, head: Head) -> None:
        """A head that was committed, on a standby too where there must be one."""
        with self._lock:
            if self._head is None or head.tree_size > self._head.tree_size:
                self._head = head
