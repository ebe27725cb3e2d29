"""What does a log show? Its checkpoint and hash tiles, over HTTP. (C2SP tlog-tiles)

    <prefix>/checkpoint ──────► SignedCheckpoint, its key verified
    <prefix>/tile/<L>/<N>… ───► TileTree of any size up to the one shown

Tiles are believed by nobody: whatever is made of them is compared with signed roots.
"""

from __future__ import annotations

from ledger.errors import Refused
from ledger.limits import MAX_NOTE_BYTES, MONITOR_TIMEOUT_S, TILE_WIDTH
from ledger.merkle import HASH_BYTES, TileTree, tile_width
from ledger.tlog import SignedCheckpoint, TilePath, VerifierKey, open_checkpoint
from services.runtime.http_client import get


class LogUnreadable(Refused):
    """The log cannot be read now, or shows something that is none; nothing is shown by it."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url, self.reason = url, reason


class LogReader:
    """Reads one log; keeps nothing.

    Args:
        prefix: What its checkpoint and tiles lie under.
        key: Its own, from somewhere else than the log.
    """

    def __init__(self, prefix: str, key: VerifierKey) -> None:
        self.prefix, self.key = prefix.rstrip("/"), key

    def checkpoint(self) -> SignedCheckpoint:
        """What it shows now.

        Raises:
            LogUnreadable: Nothing.
            Malformed, VerificationFailed: As `open_checkpoint`.
        """
        return open_checkpoint(self._read("checkpoint", MAX_NOTE_BYTES), [self.key])

    def trees(self, shown_size: int) -> Trees:
        """The trees of all sizes up to one that the log shows."""
        return Trees(self, shown_size)

    def tile(self, path: TilePath) -> bytes:
        """Hashes of a tile; a partial one that is gone is cut from the whole one.

        Raises:
            LogUnreadable: It is not there, or not of this width.
        """
        try:
            return self._tile(path, path.width)
        except LogUnreadable:
            if not path.is_partial:
                raise
        return self._tile(TilePath(path.level, path.index), path.width)

    def _tile(self, path: TilePath, width: int) -> bytes:
        data = self._read(path.format(), TILE_WIDTH * HASH_BYTES)
        if len(data) != path.width * HASH_BYTES:
            raise LogUnreadable(f"{self.prefix}/{path.format()}", f"is not {path.width} hashes")
        return data[: width * HASH_BYTES]

    def _read(self, path: str, most: int) -> bytes:
        url = f"{self.prefix}/{path}"
        try:
            reply = get(url, most=most, timeout_s=MONITOR_TIMEOUT_S)
        except OSError as error:
            raise LogUnreadable(url, str(error) or type(error).__name__) from None
        if reply.status != 200:
            raise LogUnreadable(url, f"answers {reply.status}")
        return reply.body


class Trees:
    """Trees of several sizes from the same tiles, each fetched once.

    Args:
        reader: Of the log.
        shown_size: Of the largest; tiles are asked for as wide as they are in it, since
            narrower ones may be gone.
    """

    def __init__(self, reader: LogReader, shown_size: int) -> None:
        self._reader, self._shown_size = reader, shown_size
        self._kept: dict[tuple[int, int], bytes] = {}  # some tiles a level: one look's

    def of(self, tree_size: int) -> TileTree:
        """The tree of this size; its methods raise as `LogReader.tile`."""
        return TileTree(tree_size, self._read_tile)

    def _read_tile(self, level: int, index: int, width: int) -> bytes:
        data = self._kept.get((level, index))
        if data is None:
            there = tile_width(level=level, index=index, tree_size=self._shown_size)
            data = self._reader.tile(TilePath(level, index, max(there, width)))
            self._kept[level, index] = data
        return data[: width * HASH_BYTES]
