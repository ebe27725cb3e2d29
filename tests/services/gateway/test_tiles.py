"""Is the published log there for strangers' clients, and nothing beside it? (C2SP tlog-tiles)"""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from ledger.merkle import root_at
from ledger.store.core import StoreUnavailable
from ledger.tlog import TilePath, decode_bundle, open_checkpoint, tiles_of
from services.gateway.app import build_app
from services.gateway.tiles import is_from_this_machine, takes_gzip
from services.runtime.hosting import Hosted
from tests.published_logs import append_up_to, check_whole_log, entry_of, grow, servings_of
from tests.services.gateway.conftest import SIZES, Served

TILE, PARTIAL = "tile/0/000", "tile/0/002.p/88"
BUNDLE, PARTIAL_BUNDLE = "tile/entries/000", "tile/entries/002.p/88"


def test_whole_log_leads_to_its_root(served: Served) -> None:
    """Entries hash to leaves, leaves to tiles, tiles to the root of the checkpoint."""
    vkey = served.hosted.keys.checkpoint.verifier_key
    note = served.read("checkpoint")

    assert 600 == check_whole_log(served.read, note=note, vkey=vkey)
    assert f"{vkey.format()}\n".encode() == served.read("vkey")


@pytest.mark.parametrize("size", SIZES)
def test_tiles_of_every_published_size_stay(served: Served, size: int) -> None:
    """Whoever holds an older checkpoint finds the partial tiles of its size."""
    vkey = served.hosted.keys.checkpoint.verifier_key
    checkpoint = open_checkpoint(served.notes[size], [vkey]).checkpoint
    assert size == check_whole_log(served.read, note=served.notes[size], vkey=vkey)

    def read(level: int, index: int, width: int) -> bytes:
        return served.read(TilePath(level, index, width).format())

    assert checkpoint.root == root_at(size, read)


def test_bundles_hold_the_entries(served: Served) -> None:
    """To the byte, empty and longest ones included."""
    for tile in tiles_of(600):
        if tile.level == 0:
            start = 256 * tile.index
            bundle = served.read(replace(tile, level=None).format())
            expected = [entry_of(start + place) for place in range(tile.width)]
            assert expected == decode_bundle(bundle, width=tile.width)


@pytest.mark.parametrize(
    ("path", "content_type", "kept"),
    [
        ("checkpoint", "text/plain; charset=utf-8", "no-cache"),
        ("vkey", "text/plain; charset=utf-8", None),
        (TILE, "application/octet-stream", "public, max-age=31536000, immutable"),
        (PARTIAL, "application/octet-stream", "public, max-age=31536000, immutable"),
        (BUNDLE, "application/octet-stream", "private, max-age=31536000, immutable"),
        (PARTIAL_BUNDLE, "application/octet-stream", "private, max-age=31536000, immutable"),
    ],
)
def test_types_and_caching(served: Served, path: str, content_type: str, kept: str | None) -> None:
    """A checkpoint is asked for anew, a tile is kept for good; HEAD says what GET says."""
    answer, head = served.ask(path), served.ask(path, "HEAD")

    assert (200, content_type) == (answer.status, answer.headers["content-type"])
    assert kept == answer.headers.get("cache-control")
    assert str(len(answer.body)) == answer.headers["content-length"]
    assert (200, b"") == (head.status, head.body)
    assert {**answer.headers, "date": ""} == {**head.headers, "date": ""}


@pytest.mark.parametrize("path", [BUNDLE, PARTIAL_BUNDLE])
def test_bundles_are_compressed_where_wanted(served: Served, path: str) -> None:
    """The same bytes either way, and caches are told to keep the two apart."""
    plain, zipped = served.ask(path), served.ask(path, Accept_Encoding="gzip, br")

    assert ("content-encoding" in plain.headers, zipped.headers["content-encoding"]) == (
        False,
        "gzip",
    )
    assert plain.body == gzip.decompress(zipped.body)
    assert ["Accept-Encoding"] * 2 == [answer.headers["vary"] for answer in (plain, zipped)]
    assert "content-encoding" not in served.ask(TILE, Accept_Encoding="gzip").headers


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("gzip; q=1.0", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("br, gzip; q=0.000", False),
        ("notgzip", False),
    ],
)
def test_accept_encoding(accepted: str, taken: bool) -> None:
    """A weight of 0 is a no (RFC 9110, section 12.4.2)."""
    assert taken == takes_gzip(accepted)


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/003",
        "tile/0/002",  # partial as yet
        "tile/0/002.p/89",
        "tile/0/003.p/1",
        "tile/1/000.p/3",
        "tile/1/000",
        "tile/2/000.p/1",
        "tile/63/000.p/1",
        "tile/entries/002",
        "tile/entries/002.p/89",
        "tile/entries/003.p/1",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/000",
        "tile/0/000/",
        "tile/data/000",
        "tile/8/0/000",
        "tile/0/%2e%2e/000",
        "tile/../checkpoint",
        "tile/",
        "tile",
        "checkpoint/",
        "checkpoints",
        "",
    ],
)
def test_what_is_not_there_is_not_found(served: Served, path: str) -> None:
    """Beyond the tree, wider than published, or no path at all: a real 404, HEAD too."""
    assert [404, 404] == [served.ask(path, method).status for method in ("GET", "HEAD")]


def test_unknown_ledger_is_not_found(served: Served) -> None:
    """Whatever is asked of it; and no cache keeps a 404, since what is asked for may come."""
    for path in ("checkpoint", "vkey", TILE, BUNDLE):
        assert 404 == served.gateway.ask(f"/ledgers/other/{path}").status
    assert "no-store" == served.ask("tile/0/002").headers["cache-control"]


def test_nothing_can_be_put_there(served: Served) -> None:
    """Reading is all there is."""
    for path in ("checkpoint", TILE, BUNDLE):
        assert {405} == {served.ask(path, method).status for method in ("POST", "PUT", "DELETE")}


def test_only_what_is_published_is_there(own: Served) -> None:
    """An entry that no checkpoint covers yet is not shown, nor is its hash."""
    assert [404, 404] == [own.ask(path).status for path in ("checkpoint", "tile/0/000.p/1")]
    grow(own.hosted, 10)
    append_up_to(own.hosted.store, 12)

    def there() -> list[int]:
        paths = [f"tile/{level}/000.p/{n}" for level in ("0", "entries") for n in (10, 11, 12)]
        return [own.ask(path).status for path in paths]

    assert [200, 404, 404] * 2 == there()
    grow(own.hosted, 12)
    assert [200, 200, 200] * 2 == there()


def test_what_waits_is_shown_to_those_who_vouch(own: Served) -> None:
    """Under `committed`, to the head and no further, and no cache keeps it."""
    grow(own.hosted, 10)
    append_up_to(own.hosted.store, 12)
    paths = [f"tile/{level}/000.p/{n}" for level in ("0", "entries") for n in (10, 12, 13)]
    answers = [own.ask(f"committed/{path}") for path in paths]

    assert [200, 200, 404] * 2 == [answer.status for answer in answers]
    assert {"no-store"} == {answer.headers["cache-control"] for answer in answers}
    bundle = own.ask("committed/tile/entries/000.p/12").body
    assert [entry_of(number) for number in range(12)] == decode_bundle(bundle, width=12)


def test_damage_and_absence_are_no_tiles(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a tile would be kept for a year; whoever asks is told to come again, or that it is lost."""
    grow(own.hosted, 10)
    paths = ("tile/0/000.p/9", "tile/entries/000.p/9")
    store: Any = own.hosted.store
    read_tile, read_entries = store.read_tile, store.read_entries
    monkeypatch.setattr(store, "read_tile", lambda *where: read_tile(*where)[:-32])
    monkeypatch.setattr(store, "read_entries", lambda *where: read_entries(*where)[:-1])
    damaged = [own.ask(path) for path in paths]

    def away(*_: object) -> None:
        raise StoreUnavailable("pulled by the test")

    monkeypatch.setattr(store, "read_tile", away)
    monkeypatch.setattr(store, "read_entries", away)
    gone = [own.ask(path) for path in paths]
    assert [500, 500, 503, 503] == [answer.status for answer in damaged + gone]
    assert {"no-store"} == {answer.headers["cache-control"] for answer in damaged + gone}


# --- who may see entries -----------------------------------------------------------------
def asked_by(client: str, hosted: Hosted, path: str, **headers: str) -> httpx.Response:
    """The application's answer to somebody at this address."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(build_app(servings_of(hosted)), client=(client, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://ledger") as http:
            return await http.get(f"/ledgers/{hosted.name}/{path}", headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize("client", ["127.0.0.1", "127.9.9.9", "::1"])
def test_entries_are_for_this_machine(served: Served, client: str) -> None:
    """Whoever is on it sees them; what stands between may not keep them for others."""
    found = asked_by(client, served.hosted, BUNDLE)

    assert 200 == found.status_code
    assert "private" in found.headers["cache-control"]


@pytest.mark.parametrize("client", ["192.0.2.1", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.1"])
def test_entries_are_for_everybody_only_where_published(served: Served, client: str) -> None:
    """From elsewhere, entries are not found and hashes are, until the operator says otherwise."""
    hosted = served.hosted
    open_to_all = replace(hosted, settings=replace(hosted.settings, publish_entries=True))

    for path in (BUNDLE, PARTIAL_BUNDLE):
        assert 404 == asked_by(client, hosted, path).status_code
        found = asked_by(client, open_to_all, path)
        assert (200, "public") == (found.status_code, found.headers["cache-control"][:6])
    for path in (TILE, "checkpoint", "vkey"):
        assert 200 == asked_by(client, hosted, path).status_code


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_proxy_on_this_machine_is_somebody_else(served: Served, header: str) -> None:
    """It asks for others; what it says of them is not believed, so it gets no entries at all."""
    for said in ("127.0.0.1", "192.0.2.1"):
        assert 404 == served.ask(BUNDLE, **{header: said}).status
        assert 200 == served.ask(TILE, **{header: said}).status


def test_who_cannot_be_told_is_somebody_else() -> None:
    """A socket without an address, or a name in place of one."""
    for client in (None, ("localhost", 1), ("testclient", 1), ("", 1)):
        scope: dict[str, Any] = {"type": "http", "headers": [], "client": client}
        assert not is_from_this_machine(Request(scope))
