"""Which tile or bundle is asked for, is it there, and may it be seen? The tlog-tiles read side.

    GET <prefix>/tile/<L>/<N>[.p/<W>]        hashes, immutable
    GET <prefix>/tile/entries/<N>[.p/<W>]    entries, u16 length before each, gzip if wanted
    GET <prefix>/committed/tile/…            likewise, of what is committed: for no cache

Only what a published checkpoint covers is there; everything else is a real 404. What waits for
its witnesses is shown under `committed`, or none could look before it vouches. Entry bundles
are for this machine, or for everybody where the operator said so (publish_entries).
Source: C2SP tlog-tiles.
"""

from __future__ import annotations

import gzip
import ipaddress
import re
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ledger.errors import Malformed
from ledger.limits import TILE_WIDTH
from ledger.merkle import HASH_BYTES, tile_width
from ledger.store.core import LedgerStore, StoreUnavailable
from ledger.tlog import TilePath
from ledger.tlog.tile_paths import encode_bundle
from services.runtime.serving import Serving

# A tile never changes under its path. What is for this machine alone, no shared cache may keep.
_FOR_ALL: Final = "public, max-age=31536000, immutable"
_FOR_THIS_MACHINE: Final = "private, max-age=31536000, immutable"
# What is not there yet may be there soon; caches keep a 404 unless they are told not to.
_NOT_KEPT: Final = {"Cache-Control": "no-store"}
# With one of these a proxy speaks for somebody else. A header takes rights away, and gives none.
_PROXY_HEADERS: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_WEIGHT_OF_NO: Final = re.compile(r"\s*q=0(\.0{0,3})?\s*", re.I)


class TileDamaged(Exception):
    """The store holds less of a tile than a published checkpoint covers."""


async def tile_response(serving: Serving, request: Request, *, committed: bool = False) -> Response:
    """The response to a tile's path below a ledger's prefix.

    Args:
        committed: Of the head's tree, whether it is published or not.
    """
    try:
        path = TilePath.parse(f"tile/{request.path_params['tile']}")
    except Malformed:
        return not_found()
    public = path.level is not None or serving.hosted.settings.publish_entries
    if not public and not is_from_this_machine(request):
        return not_found()
    zipped = path.level is None and takes_gzip(request.headers.get("accept-encoding", ""))
    try:
        store = serving.hosted.store
        data = await serving.run(_read, store, path, zipped=zipped, committed=committed)
    except StoreUnavailable:
        return unavailable()
    except TileDamaged:
        serving.metrics.unsound("tile")
        return PlainTextResponse("damaged; run candour audit\n", 500, _NOT_KEPT)
    if data is None:
        return not_found()
    headers = {"Cache-Control": _FOR_ALL if public else _FOR_THIS_MACHINE}
    if committed:
        headers = dict(_NOT_KEPT)
    if path.level is None:
        headers["Vary"] = "Accept-Encoding"
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return Response(data, media_type="application/octet-stream", headers=headers)


def _read(store: LedgerStore, path: TilePath, *, zipped: bool, committed: bool) -> bytes | None:
    """As read_tile, compressed where wanted: both take too long for the event loop."""
    data = read_tile(store, path, committed=committed)
    return gzip.compress(data, 6, mtime=0) if zipped and data is not None else data


def read_tile(store: LedgerStore, path: TilePath, *, committed: bool = False) -> bytes | None:
    """The bytes of a tile or bundle under the newest published checkpoint; None if not there.

    Args:
        committed: Under the head instead.
    Raises:
        StoreUnavailable: The database is away.
        TileDamaged: The checkpoint covers it, and it is not there whole.
    """
    covering = store.head() if committed else store.published()
    if covering is None:
        return None
    size, level = covering.tree_size, path.level or 0
    if path.width > tile_width(level=level, index=path.index, tree_size=size):
        return None
    if path.level is not None:
        hashes = store.read_tile(level, path.index, path.width)
        if len(hashes) != path.width * HASH_BYTES:
            raise TileDamaged(path.format())
        return hashes
    rows = store.read_entries(path.index * TILE_WIDTH, path.width)
    if len(rows) != path.width:
        raise TileDamaged(path.format())
    return encode_bundle([row.entry for row in rows])


def is_from_this_machine(request: Request) -> bool:
    """True where the one who asks is on this machine, and not a proxy for somebody else."""
    if request.client is None or any(name in request.headers for name in _PROXY_HEADERS):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def takes_gzip(accepted: str) -> bool:
    """True where an Accept-Encoding header names gzip, and not with a weight of 0."""
    for item in accepted.split(","):
        coding, _, weight = item.partition(";")
        if coding.strip().lower() == "gzip":
            return _WEIGHT_OF_NO.fullmatch(weight) is None
    return False


def not_found() -> Response:
    return PlainTextResponse("not found\n", 404, _NOT_KEPT)


def unavailable() -> Response:
    return PlainTextResponse("the store is not available\n", 503, {"Retry-After": "1", **_NOT_KEPT})
