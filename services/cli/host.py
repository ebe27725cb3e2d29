"""What is one `candour serve`? A ledger opened, followed and served, and ended in order.

open ─► committer, publisher, projector (a child process) ─► gRPC, HTTP
SIGTERM: nothing new ─► what was accepted is committed ─► last checkpoint ─► views ─► close
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn

from services.gateway.app import build_app
from services.ingest import servicer as ingest
from services.projector.child import ProjectorChild
from services.proofs import servicer as proofs
from services.publisher.publisher import Publisher
from services.query import servicer as query
from services.registry import servicer as registry
from services.runtime.hosting import Hosted, open_ledger, write_trust_files
from services.runtime.index_commits import IndexTimer
from services.runtime.reading import Reading, open_views
from services.runtime.server import AddressInUse, GrpcServer, Service
from services.runtime.serving import Serving
from services.runtime.settings import Settings, host_and_port

_log = logging.getLogger("candour.host")
# A thread that comes back from the database waits at most this long for Python's lock while
# the loop builds entries; at the default of 5 ms every round trip would cost as much.
_SWITCH_S = 0.0005


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running host can be reached."""

    grpc: str
    http: str


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status.

    Raises:
        NotLoopback, StoreUnavailable, StoreMismatch, KeyFileRefused, AddressInUse: Nothing
            is served.
    """
    settings.check_addresses()
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    sys.setswitchinterval(_SWITCH_S)
    return asyncio.run(_until_signal(settings))


async def _until_signal(settings: Settings) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with serving(settings) as (hosted, addresses):
        _announce(hosted, addresses)
        await ended.wait()
        _log.info("stopping: committing what was accepted")
    return 0


def _announce(hosted: Hosted, addresses: Addresses) -> None:
    data = hosted.settings.data
    sys.stdout.write(
        f"ledger   {hosted.name}, origin {hosted.keys.origin}\n"
        f"vkey     {hosted.keys.checkpoint.verifier_key.format()}\n"
        f"trust    {data / 'trust.txt'}\n"
        f"grpc     {addresses.grpc}\n"
        f"http     http://{addresses.http}\n"
        "ready\n"
    )
    sys.stdout.flush()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[Hosted, Addresses]]:
    """One ledger, served until the block is left."""
    hosted = await asyncio.to_thread(open_ledger, settings)
    engine = await asyncio.to_thread(open_views, settings)
    try:
        await asyncio.to_thread(write_trust_files, hosted)
        views: list[Reading] = []
        served = Serving(hosted, lambda: views[0].run(views[0].views.position))
        reading = Reading(served, engine)
        views.append(reading)
        async with _running(settings, served, reading) as addresses:
            yield hosted, addresses
    finally:
        await asyncio.to_thread(engine.dispose)
        await asyncio.to_thread(hosted.close)


@asynccontextmanager
async def _running(
    settings: Settings, served: Serving, reading: Reading
) -> AsyncIterator[Addresses]:
    ledgers, readings = {served.hosted.name: served}, {served.hosted.name: reading}
    committed = asyncio.Event()
    served.committer.on_commit.append(committed)
    server = GrpcServer(settings.grpc, ledgers, _services(ledgers, readings))
    publisher, projector = Publisher(served), ProjectorChild(settings, committed)
    http = HttpServer(settings.http, readings)
    clock_us = served.hosted.log.clock_us
    timer = IndexTimer(reading.index, every_s=settings.index_every_s, clock_us=clock_us)
    await publisher.start()
    projector.start()
    try:
        await server.start()
        try:
            await http.start()
            host, _ = host_and_port(settings.grpc)
            timer.start()
            yield Addresses(_address(host, server.port), http.address)
        finally:
            await timer.stop()
            await http.stop()
            await server.stop()
    finally:
        await publisher.stop()
        await projector.stop()


def _services(ledgers: dict[str, Serving], readings: dict[str, Reading]) -> list[Service]:
    return [
        Service(ingest.SERVICE, lambda s: ingest.add_to_server(ingest.IngestServicer(ledgers), s)),
        Service(
            registry.SERVICE,
            lambda s: registry.add_to_server(registry.RegistryServicer(ledgers, readings), s),
        ),
        Service(query.SERVICE, lambda s: query.add_to_server(query.QueryServicer(readings), s)),
        Service(
            proofs.SERVICE,
            lambda s: proofs.add_to_server(proofs.ProofsServicer(ledgers, readings), s),
        ),
    ]


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class HttpServer:
    """uvicorn on our loop, without its own signal handlers."""

    def __init__(self, address: str, readings: dict[str, Reading]) -> None:
        self.address = address
        self._host, self._port = host_and_port(address)
        config = uvicorn.Config(
            build_app(readings),
            host=self._host,
            port=self._port,
            log_level="warning",
            access_log=False,
            lifespan="off",
            proxy_headers=False,  # whoever connects would choose what address we see
        )
        self._server = uvicorn.Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve. Raises AddressInUse."""
        config = self._server.config
        config.load()
        self._server.lifespan = config.lifespan_class(config)
        try:
            with contextlib.redirect_stderr(None):
                await self._server.startup()
        except (SystemExit, OSError):
            raise AddressInUse(self.address) from None
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.address = _address(self._host, port)
        self._task = asyncio.create_task(self._serve(), name="http")

    async def _serve(self) -> None:
        await self._server.main_loop()
        await self._server.shutdown()

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task
