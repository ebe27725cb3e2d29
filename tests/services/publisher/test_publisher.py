"""Is every head published soon, in order, and in spite of a store that goes away?"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from ledger.limits import PUBLISH_EVERY_S
from ledger.merkle import EMPTY_ROOT
from ledger.store.core import NewEntry, Published, StoreUnavailable
from ledger.tlog import open_checkpoint
from services.publisher.publisher import Publisher, publish
from services.runtime.hosting import open_ledger
from services.runtime.serving import Serving
from services.runtime.settings import Settings
from tests.services.harness import Server, use

_SOON_S = 10.0  # a shared machine; on an idle one it takes PUBLISH_EVERY_S


def await_published(server: Server, tree_size: int) -> Published:
    deadline = time.monotonic() + _SOON_S
    while time.monotonic() < deadline:
        found = server.hosted.store.published()
        if found is not None and found.tree_size >= tree_size:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{tree_size} was not published")


def test_an_empty_log_has_a_checkpoint(settings: Settings) -> None:
    """What is published first says that nothing is there, and is signed."""
    hosted = open_ledger(settings)
    assert 0 == publish(hosted, -1)
    found = hosted.store.published()

    assert found is not None
    signed = open_checkpoint(found.note, [hosted.keys.checkpoint.verifier_key]).checkpoint
    assert (0, EMPTY_ROOT) == (signed.tree_size, signed.root)
    hosted.close()


def test_a_head_is_published_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is signed and written for a head that has not moved."""
    hosted = open_ledger(settings)
    assert 0 == publish(hosted, -1)
    monkeypatch.setattr(hosted.store, "publish", lambda _: pytest.fail("published again"))

    assert 0 == publish(hosted, 0)
    hosted.close()


def test_commits_are_published_soon(own_server: Server) -> None:
    """Every commit comes under a published checkpoint, and those under it are kept."""
    sizes = []
    for _ in range(3):
        own_server.report(use())
        sizes.append(own_server.size())
        await_published(own_server, sizes[-1])

    for size in sizes:
        kept = own_server.hosted.store.published(tree_size=size)
        assert kept is not None
        assert size == kept.tree_size


def test_publishing_keeps_its_distance(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many commits in a moment are not many checkpoints."""
    published: list[int] = []
    publish_one = own_server.hosted.store.publish

    def counting(checkpoint: Published) -> bool:
        published.append(checkpoint.tree_size)
        return publish_one(checkpoint)

    monkeypatch.setattr(own_server.hosted.store, "publish", counting)
    started = time.monotonic()
    for _ in range(40):
        own_server.report(use())
    await_published(own_server, own_server.size())

    assert len(published) <= 2 + (time.monotonic() - started) / PUBLISH_EVERY_S


def test_a_store_that_goes_away_is_waited_for(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be published is published when the store is back."""
    tries: list[Any] = []

    def gone(checkpoint: Published) -> bool:
        tries.append(checkpoint)
        raise StoreUnavailable("pulled by the test")

    with monkeypatch.context() as patch:
        patch.setattr(own_server.hosted.store, "publish", gone)
        own_server.report(use())
        size = own_server.size()
        deadline = time.monotonic() + _SOON_S
        while not tries and time.monotonic() < deadline:
            time.sleep(0.02)
        assert tries
        found = own_server.hosted.store.published()
        assert found is None or found.tree_size < size
    await_published(own_server, size)


def test_the_last_head_is_published_at_the_end(settings: Settings) -> None:
    """A process that ends leaves no commit without a published checkpoint."""
    with Server(settings) as server:
        server.report(use())
        size = server.size()
    hosted = open_ledger(settings)
    found = hosted.store.published()

    assert found is not None
    assert size == found.tree_size
    hosted.close()


def test_ends_though_a_commit_comes_just_then(tmp_path: Path) -> None:
    """As the last commit of a process does: it is published, and the publisher ends."""

    async def work() -> int:
        hosted = open_ledger(Settings(data=tmp_path))
        publisher = Publisher(Serving(hosted))
        await publisher.start()
        await asyncio.sleep(1.5 * PUBLISH_EVERY_S)  # it waits for a commit then
        hosted.store.append([NewEntry.of("tool_use/x", 1, "x.v1", b"{}")])
        publisher._committed.set()
        await asyncio.sleep(0)
        await asyncio.wait_for(publisher.stop(), _SOON_S)
        found = hosted.store.published()
        hosted.close()
        return 0 if found is None else found.tree_size

    assert 1 == asyncio.run(work())
