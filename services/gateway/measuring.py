"""How long does each HTTP request take, and with which status does it end? Around the whole application.

    request ──started──► router ► handler ──status──► last byte ──ended──► metric

The route is its pattern (`/ledgers/{ledger}/events`), never what stood in a path: that is the
caller's, and has no bound. Health and metrics are nobody's requests, and are not counted.

Source: OpenTelemetry's semantic conventions for HTTP, "http.server.request.duration".
"""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter
from typing import Any, Final

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.metrics import Instruments

_NOT_COUNTED: Final = frozenset({"/livez", "/readyz", "/metrics"})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_OTHER: Final = "_OTHER"  # as the conventions say: a caller's word is no label
_FAILED: Final = 500  # what a handler that raised is answered with


class Measured:
    """An application whose requests are measured.

    Args:
        app: What it is around.
        routes: Of the application.
        instruments: Of the process.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute], instruments: Instruments) -> None:
        self._app, self._duration = app, instruments.request_duration
        own = [route for route in routes if isinstance(route, Route)]
        self._patterns = {_key(route.endpoint, route.param_convertors): route.path for route in own}
        assert len(own) == len(self._patterns), "two routes of one endpoint need other parameters"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = perf_counter(), _FAILED

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self._ended(scope, status, perf_counter() - started)

    def _ended(self, scope: Scope, status: int, took_s: float) -> None:
        # The router writes into the scope what it chose; one endpoint may have two patterns.
        key = _key(scope.get("endpoint"), scope.get("path_params", {}))
        pattern = self._patterns.get(key, "")
        if pattern in _NOT_COUNTED:
            return
        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        labels = {
            "http.request.method": method,
            "http.route": pattern,
            "http.response.status_code": status,
        }
        self._duration.record(took_s, labels)


def _key(endpoint: Any, parameters: Iterable[str]) -> tuple[Any, frozenset[str]]:
    return endpoint, frozenset(parameters)
