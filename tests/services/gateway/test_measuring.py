"""Is each HTTP request measured, by what it asked for, and never by what a caller wrote into its path?"""

from __future__ import annotations

import asyncio
from functools import partial

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.gateway.measuring import Measured
from services.runtime.telemetry import open_telemetry
from tests.collector import metrics_of

COUNT = "http_server_request_duration_seconds_count"


async def answer(_request: Request) -> Response:
    return PlainTextResponse("ok", 207)


async def fail(_request: Request) -> Response:
    raise RuntimeError("a value")


def counted(*requests: tuple[str, str]) -> dict[tuple[str, str, str], float]:
    """How many were counted of each (method, route, status), after these were answered."""
    telemetry = open_telemetry("test", {})
    app = Starlette(
        routes=[
            Route("/ledgers/{ledger}/events", answer, methods=["POST"]),
            Route("/v1/logs", answer, methods=["POST"]),
            Route("/fails", fail),
            *(Route(path, partial(answer)) for path in ("/livez", "/readyz", "/metrics")),
        ]
    )
    app.add_middleware(Measured, routes=app.routes, instruments=telemetry.instruments)

    async def ask() -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            for method, path in requests:
                await client.request(method, path)

    asyncio.run(ask())
    assert telemetry.render is not None
    found = metrics_of(telemetry.render()).get(COUNT, {})
    names = ("http_request_method", "http_route", "http_response_status_code")
    return {
        (dict(labels)[names[0]], dict(labels)[names[1]], dict(labels)[names[2]]): value
        for labels, value in found.items()
    }


def test_a_request_is_counted_by_its_pattern() -> None:
    """Two ledgers are one route, two patterns of one endpoint are two."""
    assert {
        ("POST", "/ledgers/{ledger}/events", "207"): 2.0,
        ("POST", "/v1/logs", "207"): 1.0,
    } == counted(("POST", "/ledgers/a/events"), ("POST", "/ledgers/b/events"), ("POST", "/v1/logs"))


def test_what_is_refused_and_what_fails_is_counted_too() -> None:
    """By its status; a path that is none has no route, and a method nobody knows no name."""
    assert {
        ("GET", "/ledgers/{ledger}/events", "405"): 1.0,
        ("GET", "/fails", "500"): 1.0,
        ("GET", "", "404"): 1.0,
        ("_OTHER", "", "404"): 1.0,
    } == counted(
        ("GET", "/ledgers/a/events"),
        ("GET", "/fails"),
        ("GET", "/jane-roe"),
        ("JANEROE", "/jane-roe"),
    )


def test_health_and_metrics_are_nobodys_requests() -> None:
    """A probe each second would be most of what is measured."""
    assert {} == counted(("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics"))
