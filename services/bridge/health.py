"""Is a bridge alive, does anything get through, and how much? Three answers over HTTP, to this machine.

/livez    it runs               /readyz   503 and why, while NATS or the ledger is away
/metrics  the bridge's rows of services/runtime/metric_names.py
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.bridge.course import Course
from services.runtime.server import AddressInUse
from services.runtime.settings import host_and_port
from services.runtime.telemetry import Telemetry

_NO_STORE: Final = {"Cache-Control": "no-store"}
_KIND: Final = "text/plain; version=0.0.4; charset=utf-8"


@asynccontextmanager
async def served(address: str, course: Course, telemetry: Telemetry) -> AsyncIterator[str]:
    """Answers at HOST:PORT until the block is left; yields where. Raises AddressInUse."""
    host, port = host_and_port(address)
    config = uvicorn.Config(
        _app(course, telemetry),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        proxy_headers=False,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    try:
        with contextlib.redirect_stderr(None):
            await server.startup()  # by itself: `serve` would take our signals
    except (SystemExit, OSError):
        raise AddressInUse(address) from None
    task = asyncio.create_task(_until_ended(server), name="http")
    try:
        yield f"{host}:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def _until_ended(server: uvicorn.Server) -> None:
    await server.main_loop()
    await server.shutdown()


def _app(course: Course, telemetry: Telemetry) -> Starlette:
    async def livez(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        why = course.trouble
        return PlainTextResponse(f"{why or 'ok'}\n", 503 if why else 200, _NO_STORE)

    async def metrics(_request: Request) -> Response:
        if telemetry.render is None:
            return PlainTextResponse("telemetry is off (OTEL_SDK_DISABLED)\n", 404)
        text = await asyncio.to_thread(telemetry.render)
        return Response(text, media_type=_KIND, headers=_NO_STORE)

    handlers = {"/livez": livez, "/readyz": readyz, "/metrics": metrics}
    return Starlette(routes=[Route(path, handler) for path, handler in handlers.items()])
