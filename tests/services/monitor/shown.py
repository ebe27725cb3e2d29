"""How does a log in memory get an address? What it shows can be exchanged at any time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ledger.errors import Malformed
from ledger.merkle import tile_width
from ledger.tlog import TilePath
from tests.tlog.logs import MemoryLog


class Shown:
    """A log at a size, with the tiles of that size; `note` shows another checkpoint above them."""

    def __init__(self, log: MemoryLog, size: int) -> None:
        self.url = ""
        self.show(log, size)

    def show(self, log: MemoryLog, size: int, *, note: bytes | None = None) -> None:
        self.log, self.size = log, size
        self.note = log.note(size) if note is None else note
        self.broken: set[str] = set()  # paths that answer 404
        self.no_partials = False  # as a log that has collected them

    def read(self, path: str) -> bytes | None:
        if path in self.broken:
            return None
        if path == "checkpoint":
            return self.note
        try:
            tile = TilePath.parse(path)
        except Malformed:
            return None
        there = tile_width(level=tile.level or 0, index=tile.index, tree_size=self.size)
        if tile.width > there or (self.no_partials and tile.width < there):
            return None
        return self.log.tile(tile.level or 0, tile.index, tile.width)


@contextmanager
def showing(log: MemoryLog, size: int) -> Iterator[Shown]:
    """It, on a free port of this machine."""
    shown = Shown(log, size)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = shown.read(self.path.removeprefix("/log/"))
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        shown.url = f"http://127.0.0.1:{server.server_address[1]}/log"
        try:
            yield shown
        finally:
            server.shutdown()
            thread.join()
