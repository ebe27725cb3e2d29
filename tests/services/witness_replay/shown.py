"""How does a test show a log to a witness that replays it? Over real HTTP, as slowly as it likes.

LedgerStore ──Shown──► GET /committed/tile/… ──► EntryReader
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from ledger.errors import Malformed
from ledger.merkle import Frontier, leaf_hash
from ledger.store.core import LedgerStore
from ledger.tlog import Checkpoint, TilePath, sign_checkpoint
from services.gateway.tiles import read_tile
from tests.ledgers import ORIGIN, SIGNER


class Shown(ThreadingHTTPServer):
    """The committed tiles of a store.

    Members:
        under: What stands before `/tile/…`.
        gate: Requests wait for it; clear it, and nothing is answered.
        change: Made of every body.
        asked: How many requests came.
    """

    daemon_threads = True

    def __init__(self, store: LedgerStore, *, under: str = "/committed") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store, self.under = store, under
        self.gate = threading.Event()
        self.gate.set()
        self.change: Callable[[TilePath, bytes], bytes] = lambda _path, body: body
        self.asked = 0
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    @property
    def prefix(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.gate.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Shown

    def do_GET(self) -> None:  # http.server calls it so
        server = self.server
        server.asked += 1
        server.gate.wait(60)
        body = None
        if self.path.startswith(f"{server.under}/tile/"):
            try:
                path = TilePath.parse(self.path.removeprefix(f"{server.under}/"))
                body = read_tile(server.store, path, committed=True)
            except Malformed:
                body = None
        if body is None:
            self.send_error(404)
            return
        body = server.change(path, body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


def checkpoint_of(store: LedgerStore, size: int | None = None) -> Checkpoint:
    """The checkpoint over the head, or over the first `size` entries."""
    entries = store.read_entries(0, store.head().tree_size if size is None else size)
    frontier = Frontier().extended(leaf_hash(row.entry) for row in entries)
    return Checkpoint(ORIGIN, frontier.size, frontier.root())


def note_of(store: LedgerStore, size: int | None = None) -> bytes:
    return sign_checkpoint(checkpoint_of(store, size), SIGNER)
