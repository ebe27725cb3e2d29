"""GET /metrics: how is this process doing? For Prometheus, and for a person with curl.

    Observatory.look ──► gauges ──collect──► text/plain; version=0.0.4

As everything here it can be reached from this machine; what goes beyond is a proxy's to decide
(ADR 0028). Metrics hold no protected value, and still say how busy an agency is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_KIND: Final = "text/plain; version=0.0.4; charset=utf-8"


def routes(render: Callable[[], bytes] | None, look: Callable[[], Awaitable[None]]) -> list[Route]:
    """The endpoint.

    Args:
        render: All metrics as text; blocking; None where there are none.
        look: Reads what the gauges tell.
    """

    async def metrics(_request: Request) -> Response:
        if render is None:
            return PlainTextResponse("telemetry is off (OTEL_SDK_DISABLED)\n", 404)
        await look()
        text = await asyncio.to_thread(render)
        return Response(text, media_type=_KIND, headers={"Cache-Control": "no-store"})

    return [Route("/metrics", metrics)]
