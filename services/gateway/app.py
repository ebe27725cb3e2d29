"""The HTTP side: which ledgers are here, whose keys, and what is their newest checkpoint?

    GET /ledgers                      names, as JSON
    GET /ledgers/<ledger>/vkey        the checkpoint key, text
    GET /ledgers/<ledger>/checkpoint  the newest published checkpoint, a signed note (C2SP)
    GET /ledgers/<ledger>/status      what is published, what holds publication back, as JSON
    GET /ledgers/<ledger>/tile/…      hash tiles and entry bundles (tiles.py)
    GET /livez  /readyz               the process runs; it can serve

Source: C2SP tlog-tiles for the checkpoint's content type and caching.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ledger.store.core import StoreUnavailable
from services.gateway.tiles import not_found, tile_response, unavailable
from services.runtime.reading import Reading

_TEXT = "text/plain; charset=utf-8"


def build_app(ledgers: Mapping[str, Reading]) -> Starlette:
    """The application over the hosted ledgers."""

    async def names(_request: Request) -> Response:
        return JSONResponse({"ledgers": sorted(ledgers)})

    def ledger(request: Request) -> Reading | None:
        return ledgers.get(request.path_params["ledger"])

    async def vkey(request: Request) -> Response:
        reading = ledger(request)
        if reading is None:
            return not_found()
        text = reading.hosted.keys.checkpoint.verifier_key.format() + "\n"
        return Response(text, media_type=_TEXT)

    async def checkpoint(request: Request) -> Response:
        reading = ledger(request)
        if reading is None:
            return not_found()
        try:
            published = await reading.run(reading.hosted.store.published)
        except StoreUnavailable:
            return unavailable()
        if published is None:
            return not_found()
        headers = {"Cache-Control": "no-cache"}
        return Response(published.note, media_type=_TEXT, headers=headers)

    async def status(request: Request) -> Response:
        reading = ledger(request)
        if reading is None:
            return not_found()
        try:
            head = await reading.run(reading.hosted.store.head)
        except StoreUnavailable:
            return unavailable()
        halted = reading.hosted.log.halted
        found = {
            "ledger": reading.hosted.name,
            "origin": reading.hosted.keys.origin,
            "tree_size": head.tree_size,
            "halted": halted and str(halted),
            **reading.serving.publication.to_object(),
        }
        return JSONResponse(found, headers={"Cache-Control": "no-store"})

    async def tile(request: Request) -> Response:
        reading = ledger(request)
        return not_found() if reading is None else await tile_response(reading, request)

    async def livez(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        for name, reading in ledgers.items():
            if reading.hosted.log.halted is not None:
                return PlainTextResponse(f"ledger {name}: {reading.hosted.log.halted}\n", 503)
            try:
                await reading.run(reading.hosted.store.head)
            except StoreUnavailable:
                return PlainTextResponse(f"ledger {name}: the store is not available\n", 503)
        return PlainTextResponse("ok\n")

    app = Starlette(
        routes=[
            Route("/ledgers", names),
            Route("/ledgers/{ledger}/vkey", vkey),
            Route("/ledgers/{ledger}/checkpoint", checkpoint),
            Route("/ledgers/{ledger}/status", status),
            Route("/ledgers/{ledger}/tile/{tile:path}", tile),
            Route("/livez", livez),
            Route("/readyz", readyz),
        ]
    )
    app.router.redirect_slashes = False  # another path is another thing, and is not there
    return app
