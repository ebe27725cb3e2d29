"""Where are the entries that a checkpoint covers? Over HTTP, before anybody published it.

    <prefix>/committed/tile/entries/<N>[.p/<W>]  ──► entries      a live ledger shows what waits
    <prefix>/tile/entries/<N>[.p/<W>]            ──► likewise     a mirror, of what is published

Whatever is read is hashed up to a root that the log signed; nothing is believed for being there.
"""

from __future__ import annotations

from typing import Final

from ledger.errors import Malformed, Refused
from ledger.limits import MAX_ENTRY_BYTES, REPLAY_REQUEST_S, TILE_WIDTH
from ledger.merkle import HASH_BYTES, TileTree, tile_width
from ledger.tlog import TilePath, decode_bundle
from services.runtime.http_client import get

_MAX_BUNDLE_BYTES: Final = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)
_COMMITTED: Final = "/committed"


class EntriesMissing(Refused):
    """The log does not show its entries now; nothing is shown by that."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url, self.reason = url, reason


class EntryReader:
    """Reads entries and hash tiles of one log; call it from one thread.

    Args:
        prefix: What its tiles lie under: `http(s)://…/ledgers/<ledger>`, or a mirror's.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix.rstrip("/")
        self._places = [_COMMITTED, ""]  # the one that worked last is asked first

    def entries(self, start: int, stop: int, *, tree_size: int) -> list[bytes]:
        """The entries start..stop-1 of a tree of `tree_size`.

        Raises:
            EntriesMissing: They cannot be read, or are none.
        """
        found: list[bytes] = []
        for index in range(start // TILE_WIDTH, -(-stop // TILE_WIDTH)):
            width = tile_width(level=0, index=index, tree_size=tree_size)
            path = TilePath(None, index, width)
            try:
                bundle = decode_bundle(self._tile(path, _MAX_BUNDLE_BYTES), width=width)
            except Malformed as error:
                raise EntriesMissing(f"{self.prefix}/{path.format()}", str(error)) from None
            first = index * TILE_WIDTH
            found += bundle[max(start - first, 0) : stop - first]
        return found

    def tree(self, tree_size: int) -> TileTree:
        """Hashes of the tree of this size; its methods raise as `entries`, and Malformed."""

        def read(level: int, index: int, width: int) -> bytes:
            return self._tile(TilePath(level, index, width), TILE_WIDTH * HASH_BYTES)

        return TileTree(tree_size, read)

    def _tile(self, path: TilePath, most: int) -> bytes:
        reasons = []
        for place in tuple(self._places):
            url = f"{self.prefix}{place}/{path.format()}"
            try:
                reply = get(url, most=most, timeout_s=REPLAY_REQUEST_S)
            except OSError as error:
                raise EntriesMissing(url, str(error) or type(error).__name__) from None
            if reply.status == 200:
                if place != self._places[0]:
                    self._places.reverse()
                return reply.body
            reasons.append(f"answers {reply.status}")
            if reply.status != 404:
                break
        raise EntriesMissing(f"{self.prefix}/{path.format()}", reasons[-1])
