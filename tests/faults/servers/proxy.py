"""What if the wire to a server is slow, hangs, breaks, or leads elsewhere? A TCP proxy that does it.

    client ──► Proxy ──pump (delay, rate, gate)──► server
                 ◄──pump──────────────────────────

Its loop runs in a thread of its own; whatever is set holds from now on, for open connections too.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

T = TypeVar("T")

_CHUNK: Final = 65_536
_QUEUED: Final = 64  # chunks of one direction that are on their way: 4 MB
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: close() sends a reset
_WAIT_S: Final = 10.0
_CLOSE_S: Final = 0.05


@dataclass(eq=False, slots=True)
class _Pair:
    """A client's connection and ours to the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Proxy:
    """A way to `port` on loopback. Use it as a context manager.

    Members:
        port: Where it listens; it stays, whatever happens.
        delay_s: Added to what goes to the server, so to every round trip.
        bytes_a_s: Of each direction of each connection; None for no bound.
    """

    def __init__(self, port: int) -> None:
        self.port, self._to = 0, port
        self.delay_s = 0.0
        self.bytes_a_s: int | None = None
        self._trap: bytes | None = None
        self._trap_passes = False
        self._trapped = threading.Event()
        self._pairs: set[_Pair] = set()
        self._loop = asyncio.new_event_loop()
        self._open = True
        self._listener: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WAIT_S)
        self._loop.close()

    def url(self, database_url: str) -> str:
        """The same database, by this way."""
        parts = urlsplit(database_url)
        host, _, _ = parts.netloc.rpartition(":")
        return urlunsplit(parts._replace(netloc=f"{host}:{self.port}"))

    # --- what can go wrong --------------------------------------------------------------
    def stall(self) -> None:
        """Take no bytes and give none; connections stay open, new ones are accepted and hang."""
        self._run(self._set_gates(False))

    def strand(self) -> None:
        """What is connected hangs for good, as when a machine between is gone; others may connect."""
        self._run(self._set_gates(False))
        self._open = True

    def stall_at(self, words: bytes, *, passes: bool) -> threading.Event:
        """Stall when a client sends these words; set once it has happened.

        Args:
            passes: The server gets them, and its answer hangs; else it never sees them.
        """
        self._trapped.clear()
        self._trap_passes, self._trap = passes, words
        return self._trapped

    def flow(self) -> None:
        """As ever."""
        self._trap, self.delay_s, self.bytes_a_s = None, 0.0, None
        self._run(self._set_gates(True))

    def cut(self) -> int:
        """Reset every connection, both ways; returns how many there were."""
        return self._run(self._cut())

    def refuse(self) -> None:
        """Cut all, and let nobody connect."""
        self._run(self._close())
        self.cut()

    def accept(self) -> None:
        """Let them connect again."""
        self._run(self._listen())

    def lead_to(self, port: int) -> None:
        """Cut all; from now on the way leads elsewhere."""
        self._to = port
        self.cut()

    # --- on the loop --------------------------------------------------------------------
    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_WAIT_S)

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
            self.port = self._listener.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _set_gates(self, is_open: bool) -> None:
        self._open = is_open
        for pair in self._pairs:
            if is_open:
                pair.gate.set()
            else:
                pair.gate.clear()

    async def _cut(self) -> int:
        pairs = list(self._pairs)
        for pair in pairs:
            self._drop(pair)
        return len(pairs)

    async def _end(self) -> None:
        await self._close()
        await self._cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(
            _CLOSE_S
        )  # transports that were aborted close in the loop's next rounds

    def _drop(self, pair: _Pair) -> None:
        self._pairs.discard(pair)
        for writer in (pair.client, pair.server):
            sock = writer.get_extra_info("socket")
            if sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        for task in pair.tasks:
            task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair(writer, to_server)
        if self._open:
            pair.gate.set()
        self._pairs.add(pair)
        for source, target, upstream in (
            (reader, to_server, True),
            (from_server, writer, False),
        ):
            way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUED)
            pair.tasks += [
                asyncio.create_task(self._take(source, way, pair, upstream=upstream)),
                asyncio.create_task(self._give(way, target, pair)),
            ]

    async def _take(
        self,
        source: asyncio.StreamReader,
        way: asyncio.Queue[tuple[float, bytes]],
        pair: _Pair,
        *,
        upstream: bool,
    ) -> None:
        data = b"-"
        while data:
            await pair.gate.wait()
            try:
                data = await source.read(_CHUNK)
            except OSError:
                data = b""
            if upstream and self._trap is not None and self._trap in data:
                self._spring(data if self._trap_passes else b"", way)
                if self._trap_passes:
                    continue
            await pair.gate.wait()
            delay_s = self.delay_s if upstream else 0.0
            await way.put((self._loop.time() + delay_s, data))

    def _spring(self, passed: bytes, way: asyncio.Queue[tuple[float, bytes]]) -> None:
        self._trap, self._open = None, False
        for pair in self._pairs:
            pair.gate.clear()
        if passed:
            way.put_nowait((-1.0, passed))  # before the gate closed
        self._trapped.set()

    async def _give(
        self, way: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter, pair: _Pair
    ) -> None:
        while True:
            due, data = await way.get()
            if due >= 0:
                await pair.gate.wait()
                await asyncio.sleep(due - self._loop.time())
            if not data:
                self._drop(pair)
                return
            if self.bytes_a_s is not None:
                await asyncio.sleep(len(data) / self.bytes_a_s)
            try:
                target.write(data)
                await target.drain()
            except OSError:
                self._drop(pair)
                return
