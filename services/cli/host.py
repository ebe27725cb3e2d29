"""What is one `candour serve`? Ledgers opened, followed and served, and ended in order.

open ─► of each ledger: committer, publisher, projector (a child process) ─► gRPC, HTTP
SIGTERM: nothing new ─► what was accepted is committed ─► last checkpoint ─► views ─► close
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import uvicorn

from ledger.directory import DIRECTORY
from ledger.limits import DRAIN_S, MAX_CONCURRENT_CALLS
from services.cli.house import House, open_house
from services.gateway.app import build_app
from services.ingest import logs
from services.ingest import servicer as ingest
from services.observers import servicer as observers
from services.oversight import servicer as oversight
from services.proofs import servicer as proofs
from services.query import servicer as query
from services.record import servicer as record
from services.registry import servicer as registry
from services.runtime.health import HEAD, VIEWS, WRITING, Health, HealthTimer
from services.runtime.hosting import now_us, trust_file_name
from services.runtime.log_lines import log_to_stderr
from services.runtime.observing import Observatory
from services.runtime.reading import Reading
from services.runtime.server import AddressInUse, GrpcServer, Service
from services.runtime.serving import Serving
from services.runtime.settings import Settings, host_and_port
from services.runtime.shares import Shares
from services.runtime.telemetry import SILENT, Telemetry, open_telemetry

_log = logging.getLogger("candour.host")
# A thread that comes back from the database waits at most this long for Python's lock while
# the loop builds entries; at the default of 5 ms every round trip would cost as much.
_SWITCH_S = 0.0005
# What gRPC's health of a service rests on.
_WRITES = frozenset({HEAD, WRITING})
_READS = frozenset({HEAD, VIEWS})


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running host can be reached."""

    grpc: str
    http: str


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status.

    Raises:
        NotLoopback, StoreUnavailable, StoreMismatch, KeyFileRefused, HistoryLost, DirectoryLost,
        Damaged, AddressInUse, Malformed: Nothing is served.
    """
    settings.check_addresses()
    settings.check_names()
    log_to_stderr(settings.log_format)
    sys.setswitchinterval(_SWITCH_S)
    return asyncio.run(_until_signal(settings))


async def _until_signal(settings: Settings) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with serving(settings) as (house, addresses):
        _announce(house, addresses)
        await ended.wait()
        _log.info("stopping: committing what was accepted")
    return 0


def _announce(house: House, addresses: Addresses) -> None:
    lines = []
    for hosted in house.all_hosted:
        trust = hosted.settings.data / trust_file_name(hosted.name)
        lines += [
            f"ledger   {hosted.name}, origin {hosted.keys.origin}\n",
            f"vkey     {hosted.keys.checkpoint.verifier_key.format()}\n",
            f"trust    {trust}\n",
        ]
    lines += [f"grpc     {addresses.grpc}\n", f"http     http://{addresses.http}\n", "ready\n"]
    sys.stdout.write("".join(lines))
    sys.stdout.flush()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[House, Addresses]]:
    """All ledgers of the settings, served until the block is left.

    Raises:
        CandourError: As `open_house`, or a ledger's first publication; nothing is served.
    """
    async with AsyncExitStack() as stack:
        telemetry = open_telemetry("candour")
        stack.push_async_callback(asyncio.to_thread, telemetry.close)
        house = await open_house(settings, stack, telemetry)
        await house.follow(stack)
        ledgers = {served.name: served.serving for served in house.ledgers}
        readings = {served.name: served.reading for served in house.ledgers}
        shown = dict(ledgers)
        if house.directory is not None:
            shown[DIRECTORY] = house.directory
        shares = _shares(shown)
        services = _services(ledgers, readings, shown)
        observatory = Observatory(
            shown,
            telemetry.instruments,
            projectors=lambda: house.pids,
            database_offset_s=house.ledgers[0].database_offset_s,
            clock_us=now_us,
        )
        server = GrpcServer(settings.grpc, ledgers, services, shares, telemetry)
        http = HttpServer(settings.http, shown, telemetry, observatory)
        await server.start()
        stack.push_async_callback(server.stop)
        observatory.start()
        stack.push_async_callback(observatory.stop)
        health = HealthTimer(Health(shown, observatory), server.say_health)
        health.start()
        stack.push_async_callback(health.stop)
        await http.start()
        stack.push_async_callback(http.stop)
        house.start_timers(stack)
        host, _ = host_and_port(settings.grpc)
        yield house, Addresses(_address(host, server.port), http.address)


def _shares(shown: Mapping[str, Serving]) -> Shares:
    return Shares(
        shown,
        total=MAX_CONCURRENT_CALLS,
        turned_away=lambda ledger, error: shown[ledger].metrics.turned_away(error),
    )


def _services(
    ledgers: dict[str, Serving], readings: dict[str, Reading], shown: dict[str, Serving]
) -> list[Service]:
    """The directory is shown and proven; it takes nothing from callers, and has no views."""
    return [
        Service(
            ingest.SERVICE,
            lambda s: ingest.add_to_server(ingest.IngestServicer(ledgers), s),
            _WRITES,
        ),
        Service(logs.SERVICE, lambda s: logs.add_to_server(logs.LogsServicer(ledgers), s), _WRITES),
        Service(
            registry.SERVICE,
            lambda s: registry.add_to_server(registry.RegistryServicer(ledgers, readings), s),
            _WRITES,
        ),
        Service(
            record.SERVICE,
            lambda s: record.add_to_server(record.RecordServicer(ledgers, readings), s),
            _WRITES,
        ),
        Service(
            query.SERVICE,
            lambda s: query.add_to_server(query.QueryServicer(readings), s),
            _READS,
        ),
        Service(
            observers.SERVICE,
            lambda s: observers.add_to_server(observers.ObserversServicer(readings), s),
            _READS,
        ),
        Service(
            oversight.SERVICE,
            lambda s: oversight.add_to_server(oversight.OversightServicer(readings), s),
        ),
        Service(
            proofs.SERVICE,
            lambda s: proofs.add_to_server(proofs.ProofsServicer(shown, readings), s),
        ),
    ]


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class HttpServer:
    """uvicorn on our loop, without its own signal handlers."""

    def __init__(
        self,
        address: str,
        ledgers: Mapping[str, Serving],
        telemetry: Telemetry = SILENT,
        observatory: Observatory | None = None,
    ) -> None:
        self.address = address
        self._host, self._port = host_and_port(address)
        config = uvicorn.Config(
            build_app(ledgers, telemetry, observatory),
            host=self._host,
            port=self._port,
            log_level="warning",
            access_log=False,
            lifespan="off",
            proxy_headers=False,  # whoever connects would choose what address we see
            timeout_graceful_shutdown=DRAIN_S,  # a body may be coming in
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
