"""Which tile or bundle is asked for, and is it there? The tlog-tiles read side.

    GET <prefix>/tile/<L>/<N>[.p/<W>]        hashes, immutable
    GET <prefix>/tile/entries/<N>[.p/<W>]    entries, u16 length before each, gzip if wanted

Only what a published checkpoint covers is there; everything else is a real 404. Entry
bundles are open because the process serves loopback addresses only.
Source: C2SP tlog-tiles.
"""

from __future__ import annotations

import gzip

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ledger.errors import Malformed
from ledger.limits import TILE_WIDTH
from ledger.merkle import tile_width
from ledger.store.core import LedgerStore, StoreUnavailable
from ledger.tlog import TilePath
from ledger.tlog.tile_paths import encode_bundle
from services.runtime.reading import Reading

_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable"}


async def tile_response(reading: Reading, request: Request) -> Response:
    """The response to a tile's path below a ledger's prefix."""
    try:
        path = TilePath.parse(f"tile/{request.path_params['tile']}")
    except Malformed:
        return not_found()
    try:
        data = await reading.run(read_tile, reading.hosted.store, path)
    except StoreUnavailable:
        return unavailable()
    if data is None:
        return not_found()
    headers = dict(_HEADERS)
    if path.level is None:
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in request.headers.get("accept-encoding", ""):
            data = gzip.compress(data, 6, mtime=0)
            headers["Content-Encoding"] = "gzip"
    return Response(data, media_type="application/octet-stream", headers=headers)


def read_tile(store: LedgerStore, path: TilePath) -> bytes | None:
    """The bytes of a tile or bundle under the newest published checkpoint; None if not there."""
    published = store.published()
    if published is None:
        return None
    size, level = published.tree_size, path.level or 0
    if path.width > tile_width(level=level, index=path.index, tree_size=size):
        return None
    if path.level is not None:
        return store.read_tile(level, path.index, path.width)
    rows = store.read_entries(path.index * TILE_WIDTH, path.width)
    return encode_bundle([row.entry for row in rows])


def not_found() -> Response:
    return PlainTextResponse("not found\n", 404)


def unavailable() -> Response:
    return PlainTextResponse("the store is not available\n", 503, {"Retry-After": "1"})
