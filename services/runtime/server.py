"""How is a process reached over gRPC, and how does it leave? One server for all its services.

    start: ledgers commit ──► port is open ──► health says SERVING
    stop:  health says NOT_SERVING ──► nothing new is taken, streams end ──► calls finish
           ──► what was accepted is committed

Who assembles the process says which services there are: `runtime` knows none of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from ledger.errors import Refused
from ledger.limits import (
    DRAIN_S,
    MAX_CONCURRENT_CALLS,
    MAX_MESSAGE_BYTES,
    MAX_REFUSED_CALLS,
    MAX_UNSEEN_CALLS,
)
from services.runtime.call_interceptor import CallInterceptor
from services.runtime.interceptor import StatusInterceptor
from services.runtime.serving import Serving
from services.runtime.shares import ShareInterceptor, Shares
from services.runtime.telemetry import SILENT, Telemetry

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),  # two servers on one port would each see half the calls
    # By default it cancels calls at random from 1,000 on, and those are told nothing.
    ("grpc.server.max_pending_requests", MAX_UNSEEN_CALLS),
    ("grpc.server.max_pending_requests_hard_limit", MAX_UNSEEN_CALLS),
)


@dataclass(frozen=True, slots=True)
class Service:
    """A gRPC service: its full name, and what puts its servicer on a server.

    Members:
        needs: Checks of services/runtime/health.py without which it does not serve.
    """

    name: str
    add: Callable[[grpc.aio.Server], None]
    needs: frozenset[str] = frozenset({"head"})


class AddressInUse(Refused):
    """The port cannot be opened."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} cannot be opened; is another server running there?")
        self.address = address


class GrpcServer:
    """All services of a process, over its ledgers, on one address.

    Args:
        address: HOST:PORT; port 0 picks a free one.
        ledgers: By name; started and drained here.
        services: What is served of them.
        shares: Of the calls at once, where there are several ledgers.
        telemetry: Where it is said how calls go.
    """

    def __init__(
        self,
        address: str,
        ledgers: Mapping[str, Serving],
        services: Sequence[Service],
        shares: Shares | None = None,
        telemetry: Telemetry = SILENT,
    ) -> None:
        self.address, self.port = address, 0
        self._telemetry = telemetry
        self._ledgers, self._services, self._shares = ledgers, services, shares
        self._health = health.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Serve. Raises AddressInUse."""
        # The first is the outermost: it sees the status that the next one makes of an error.
        interceptors: list[grpc.aio.ServerInterceptor] = [
            CallInterceptor(self._telemetry),
            StatusInterceptor(),
        ]
        if self._shares is not None:
            interceptors.append(ShareInterceptor(self._shares))
        server = self._server = grpc.aio.server(
            interceptors=interceptors,
            options=_OPTIONS,
            # Shares refuse with details, as soon as they know the ledger; this is what holds
            # when even refusing takes too long, and has no details.
            maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS + MAX_REFUSED_CALLS,
        )
        for service in self._services:
            service.add(server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = [service.name for service in self._services]
        known = (*names, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(known, server)
        try:
            self.port = server.add_insecure_port(self.address)
        except RuntimeError:
            raise AddressInUse(self.address) from None
        for serving in self._ledgers.values():
            serving.start()
        await server.start()
        for name in ("", *names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def say_health(self, able: Callable[[frozenset[str]], bool]) -> None:
        """Tell each service's health anew, and that of the whole, which is to take reports."""
        whole = frozenset({"head", "writing"})
        each = ((service.name, service.needs) for service in self._services)
        for name, needs in (("", whole), *each):
            status = health_pb2.HealthCheckResponse
            await self._health.set(name, status.SERVING if able(needs) else status.NOT_SERVING)

    async def stop(self) -> None:
        """Take nothing new, answer what was taken, commit what was accepted."""
        assert self._server is not None
        await self._health.enter_graceful_shutdown()
        stopping = asyncio.create_task(self._server.stop(DRAIN_S))
        for serving in self._ledgers.values():
            serving.close_intakes()
        await stopping
        for serving in self._ledgers.values():
            await serving.drain()
