"""The HTTP side: which ledgers are here, whose keys, and what is their newest checkpoint?

    GET /ledgers                      names, as JSON; the directory's apart from the others'
    GET /ledgers/<ledger>/vkey        the checkpoint key, text
    GET /ledgers/<ledger>/checkpoint  the newest published checkpoint, a signed note (C2SP)
    GET /ledgers/<ledger>/status      what is published, what holds publication back, as JSON
    GET /ledgers/<ledger>/tile/…      hash tiles and entry bundles (tiles.py)
    GET /ledgers/<ledger>/committed/tile/…  those that wait to be published, for witnesses
    POST /ledgers/<ledger>/events     uses as CloudEvents (events.py)
    POST /v1/logs                     uses as OpenTelemetry log records (logs.py)
    GET /verify                       the page that checks evidence bundles (verify_page.py)
    GET /livez  /readyz               the process runs; it can take reports (?verbose: all checks)
    GET /metrics                      metrics, for Prometheus (metrics.py)

Source: C2SP tlog-tiles for the checkpoint's content type and caching.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ledger.directory import DIRECTORY
from ledger.store.core import StoreUnavailable
from services.gateway import events, logs, metrics
from services.gateway.intake import intakes_of
from services.gateway.measuring import Measured
from services.gateway.tiles import not_found, tile_response, unavailable
from services.gateway.verify_page import verify_response
from services.runtime.health import Health
from services.runtime.observing import Observatory
from services.runtime.serving import Serving
from services.runtime.telemetry import SILENT, Telemetry

_TEXT = "text/plain; charset=utf-8"


def build_app(
    ledgers: Mapping[str, Serving],
    telemetry: Telemetry = SILENT,
    observatory: Observatory | None = None,
) -> Starlette:
    """The application over the hosted ledgers, the directory among them where there is one.

    Args:
        telemetry: What /metrics shows.
        observatory: Watches the ledgers; None where nobody does.
    """
    health = Health(ledgers, observatory)

    async def names(_request: Request) -> Response:
        found: dict[str, object] = {"ledgers": sorted(ledgers.keys() - {DIRECTORY})}
        if DIRECTORY in ledgers:
            found["directory"] = DIRECTORY
        return JSONResponse(found)

    def ledger(request: Request) -> Serving | None:
        return ledgers.get(request.path_params["ledger"])

    async def vkey(request: Request) -> Response:
        serving = ledger(request)
        if serving is None:
            return not_found()
        text = serving.hosted.keys.checkpoint.verifier_key.format() + "\n"
        return Response(text, media_type=_TEXT)

    async def checkpoint(request: Request) -> Response:
        serving = ledger(request)
        if serving is None:
            return not_found()
        try:
            published = await serving.run(serving.hosted.store.published)
        except StoreUnavailable:
            return unavailable()
        if published is None:
            return not_found()
        headers = {"Cache-Control": "no-cache"}
        return Response(published.note, media_type=_TEXT, headers=headers)

    async def status(request: Request) -> Response:
        serving = ledger(request)
        if serving is None:
            return not_found()
        try:
            head = await serving.run(serving.hosted.store.head)
        except StoreUnavailable:
            return unavailable()
        halted = serving.hosted.log.halted
        found = {
            "ledger": serving.hosted.name,
            "origin": serving.hosted.keys.origin,
            "tree_size": head.tree_size,
            "halted": halted and str(halted),
            **serving.publication.to_object(),
        }
        return JSONResponse(found, headers={"Cache-Control": "no-store"})

    async def tile(request: Request) -> Response:
        serving = ledger(request)
        return not_found() if serving is None else await tile_response(serving, request)

    async def committed_tile(request: Request) -> Response:
        serving = ledger(request)
        if serving is None:
            return not_found()
        return await tile_response(serving, request, committed=True)

    async def livez(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        ready, why, every = await health.report()
        said = every if "verbose" in request.query_params else why
        return PlainTextResponse(said, 200 if ready else 503, {"Cache-Control": "no-store"})

    async def look() -> None:
        if observatory is not None:
            await observatory.look()

    taking = {name: serving for name, serving in ledgers.items() if name != DIRECTORY}
    intakes = intakes_of(taking, lambda name: taking[name].metrics)
    app = Starlette(
        routes=[
            Route("/ledgers", names),
            Route("/ledgers/{ledger}/vkey", vkey),
            Route("/ledgers/{ledger}/checkpoint", checkpoint),
            Route("/ledgers/{ledger}/status", status),
            Route("/ledgers/{ledger}/tile/{tile:path}", tile),
            Route("/ledgers/{ledger}/committed/tile/{tile:path}", committed_tile),
            *events.routes(taking, intakes),
            *logs.routes(taking, intakes),
            Route("/verify", verify_response),
            Route("/livez", livez),
            Route("/readyz", readyz),
            *metrics.routes(telemetry.render, look),
        ]
    )
    app.router.redirect_slashes = False  # another path is another thing, and is not there
    app.add_middleware(Measured, routes=app.routes, instruments=telemetry.instruments)
    return app
