"""How is NATS run for a while? A nats-server with a JetStream of its own, to be killed and started.

NatsServer(folder) ──nats-server -js, a free port──► url ──kill──► start ──► the same url
"""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import nats
import nats.errors
from nats.aio.client import Client as Nats

REQUIRE_VARIABLE: Final = "CANDOUR_REQUIRE_NATS"  # "1": what cannot run fails
START_S: Final = 60
T = TypeVar("T")


class NatsMissing(Exception):
    """There is no `nats-server` to run."""


class NatsServer:
    """One server; what it stores lies in the folder. Use it as a context manager.

    Args:
        folder: Made if missing.
        options: More of its command line: certificates.
    Raises:
        NatsMissing: As named.
    """

    def __init__(self, folder: Path, *options: str | Path) -> None:
        program = shutil.which("nats-server")
        if program is None:
            raise NatsMissing("no nats-server here: apt-get install nats-server")
        self.folder, self._options = folder, options
        self._program, self._port = program, -1
        self._tls: ssl.SSLContext | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, at the port it had before."""
        ports = self.folder / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir(parents=True)
        command = [self._program, "-a", "127.0.0.1", "-p", str(self._port), "-js"]
        command += ["-sd", str(self.folder), "--ports_file_dir", str(ports)]
        command += list(map(str, self._options))
        with (self.folder / "nats.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while not (found := list(ports.glob("*.ports"))) or not found[0].read_text().strip():
            assert self._process.poll() is None, (self.folder / "nats.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (address,) = json.loads(found[0].read_text())["nats"]
        self._port = int(address.rpartition(":")[2])

    def kill(self) -> None:
        """End it as a power cut of its process would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def trusting(self, ca: Path, certificate: Path, key: Path) -> Self:
        """Itself, called over TLS from here on."""
        self._tls = ssl.create_default_context(cafile=ca)
        self._tls.load_cert_chain(certificate, key)
        return self

    # --- as a station, and as an operator ---------------------------------------------------
    def call(self, work: Callable[[Nats], Awaitable[T]]) -> T:
        """What a coroutine makes of a connection."""

        async def connected() -> T:
            async with await nats.connect(
                self.url, connect_timeout=START_S, tls=self._tls
            ) as connection:
                return await work(connection)

        return asyncio.run(connected())

    def publish(self, subject: str, *bodies: bytes, headers: dict[str, str] | None = None) -> None:
        """Each stored when this returns."""

        async def all_of_them(connection: Nats) -> None:
            streams = connection.jetstream()
            for body in bodies:
                await streams.publish(subject, body, headers=headers)

        self.call(all_of_them)

    def held(self, stream: str) -> list[tuple[bytes, dict[str, str]]]:
        """Body and headers of all that a stream holds, in order."""

        async def read(connection: Nats) -> list[tuple[bytes, dict[str, str]]]:
            streams = connection.jetstream()
            state = (await streams.stream_info(stream)).state
            found = []
            for number in range(state.first_seq, state.last_seq + 1):
                message = await streams.get_msg(stream, number)
                found.append((message.data or b"", message.headers or {}))
            return found

        return self.call(read)

    def waiting(self, stream: str, durable: str) -> int:
        """Messages that a consumer has not acknowledged."""

        async def ask(connection: Nats) -> int:
            about = await connection.jetstream().consumer_info(stream, durable)
            return (about.num_pending or 0) + (about.num_ack_pending or 0)

        return self.call(ask)


async def publish_through(
    url: str,
    subject: str,
    bodies: list[tuple[str, bytes]],
    stored: Callable[[], None],
    headers: dict[str, str],
) -> None:
    """Store each (id, body) in order, again and again while the server is away.

    Args:
        stored: Called after each.
        headers: Of each.
    """
    connection = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=1)
    streams = connection.jetstream(timeout=2)
    try:
        for own_id, body in bodies:
            while True:
                try:
                    await streams.publish(subject, body, headers={**headers, "Nats-Msg-Id": own_id})
                    break
                except (nats.errors.Error, TimeoutError, OSError):
                    await asyncio.sleep(0.1)
            stored()
    finally:
        await connection.close()
