"""How does a test get a published log, quickly, and put it behind HTTP? Random entries, no reports.

    begin(settings) ──grow──► entries, head, published checkpoint ──Gateway──► real HTTP, loopback
                                                                └─export_tiles──► files ──Files──► likewise

What is in an entry is nobody's business here: tiles are about bytes.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Final, Self

from ledger.limits import MAX_ENTRY_BYTES
from ledger.merkle import Frontier, leaf_hash, root_at
from ledger.store.core import LedgerStore, NewEntry, Published
from ledger.tlog import (
    Checkpoint,
    Signer,
    VerifierKey,
    decode_bundle,
    open_checkpoint,
    sign_checkpoint,
    tiles_of,
)
from services.cli.host import HttpServer
from services.runtime.hosting import Hosted
from services.runtime.serving import Serving

_BATCH: Final = 10_000
_WAIT_S: Final = 30


def entry_of(number: int, *, story: str = "") -> bytes:
    """The entry at this leaf index: short, mostly; one is empty, and one as long as may be."""
    if number == 200:
        return b""
    if number == 201:
        return Random(story).randbytes(MAX_ENTRY_BYTES)
    return f"{story}{number} ".encode() * (1 + number % 7)


def append_up_to(store: LedgerStore, size: int, *, story: str = "") -> None:
    """Grow a log to this size; each index has one entry, whatever the steps."""
    start = store.head().tree_size
    assert start <= size
    while start < size:
        stop = min(size, start + _BATCH)
        store.append(
            [
                NewEntry.of(f"{story}/{number}", 1, "t.v1", entry_of(number, story=story))
                for number in range(start, stop)
            ]
        )
        start = stop


def publish(store: LedgerStore, signer: Signer, published_us: int | None = None) -> bytes:
    """Publish the head, at the moment of its size unless one is given; returns the checkpoint."""
    head = store.head()
    checkpoint = Checkpoint(signer.verifier_key.name, head.tree_size, head.root)
    note = sign_checkpoint(checkpoint, signer)
    at_us = head.tree_size if published_us is None else published_us
    assert store.publish(Published(head.tree_size, note, at_us))
    return note


def grow(hosted: Hosted, size: int) -> bytes:
    """Grow a ledger to this size and publish it; returns the checkpoint."""
    append_up_to(hosted.store, size)
    return publish(hosted.store, hosted.keys.checkpoint)


@dataclass(frozen=True)
class Answer:
    """What a server said; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(address: str, path: str, method: str = "GET", **headers: str) -> Answer:
    """One request on a connection of its own; `_` in a header's name stands for `-`."""
    connection = HTTPConnection(address, timeout=_WAIT_S)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=sent)
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, response.read())
    finally:
        connection.close()


def servings_of(*ledgers: Hosted) -> dict[str, Serving]:
    """What the gateway shows of these ledgers."""
    return {hosted.name: Serving(hosted) for hosted in ledgers}


class Gateway:
    """Ledgers behind the HTTP server of `candour serve`, in a thread."""

    def __init__(self, *ledgers: Hosted) -> None:
        self.address = ""
        self._ledgers = ledgers
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="test-gateway")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(_WAIT_S)
        assert self.address, "it did not come up"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_WAIT_S)

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        return ask(self.address, path, method, **headers)

    def url(self, hosted: Hosted) -> str:
        """The prefix of a ledger's files, without a slash at the end."""
        return f"http://{self.address}/ledgers/{hosted.name}"

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = HttpServer("127.0.0.1:0", servings_of(*self._ledgers))
        await server.start()
        self.address = server.address
        self._ready.set()
        await self._stop.wait()
        await server.stop()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        pass


@contextmanager
def files(folder: Path) -> Iterator[str]:
    """A folder behind the standard library's file server, as anybody can start it: its address."""
    handler: Callable[..., SimpleHTTPRequestHandler] = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="test-files")
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(_WAIT_S)


def check_whole_log(read: Callable[[str], bytes], *, note: bytes, vkey: VerifierKey) -> int:
    """Every tile and bundle below a checkpoint, and the root from them: how many leaves.

    Args:
        read: The bytes at a path, `tile/0/000`; it fails where nothing is there.
        note: The checkpoint.
        vkey: Of its log.
    """
    checkpoint = open_checkpoint(note, [vkey]).checkpoint
    size = checkpoint.tree_size
    tiles = {(tile.level or 0, tile.index): tile for tile in tiles_of(size)}
    rows = {key: read(tile.format()) for key, tile in tiles.items()}
    for (level, index), tile in tiles.items():
        hashes = rows[level, index]
        assert 32 * tile.width == len(hashes)
        if level == 0:
            bundle = decode_bundle(read(replace(tile, level=None).format()), width=tile.width)
            below = [leaf_hash(entry) for entry in bundle]
        else:
            children = [rows[level - 1, 256 * index + place] for place in range(tile.width)]
            below = [tree_hash(child) for child in children]
        assert b"".join(below) == hashes, tile.format()
    assert checkpoint.root == root_at(size, lambda level, index, _width: rows[level, index])
    return size


def tree_hash(row: bytes) -> bytes:
    """Root over a full tile's hashes, as RFC 9162 says it."""
    return Frontier().extended(row[at : at + 32] for at in range(0, len(row), 32)).root()
