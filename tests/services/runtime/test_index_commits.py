"""Is a root committed when there is news, once, and never for its own sake?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.events import UsageIndexCommitted
from ledger.store.usage_writer import UsageWriter
from ledger.store.view_writer import ViewWriter
from services.runtime.index_commits import IndexTimer, told_size
from services.runtime.reading import Reading, open_views
from services.runtime.refusals import TreeSizeBeyondHead, UsageRootMissing
from services.runtime.settings import Settings
from tests.services.harness import Server, use


class Kept:
    """A served ledger whose views and index are folded when the test says so."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.engine = open_views(server.settings)
        self.store = server.hosted.store
        self.reading = server.run(self._reading())
        self.index = self.reading.index

    async def _reading(self) -> Reading:
        return Reading(self.server.serving, self.engine)

    def fold(self) -> None:
        views = ViewWriter(self.engine, self.store).catch_up(batch=100)
        UsageWriter(self.engine, self.store).catch_up(views)

    def topics(self) -> list[str]:
        return [row.topic for row in self.store.read_entries(0, 1_000)]

    def run(self, work: Any) -> Any:
        return self.server.run(work)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    with Server(Settings(data=tmp_path)) as server:
        kept = Kept(server)
        yield kept
        kept.engine.dispose()


def test_only_news_is_committed(kept: Kept) -> None:
    """A root for what was reported; none for an entry that only commits a root."""
    kept.server.report(use())
    kept.fold()
    first = kept.run(kept.index.root())

    assert (2, 2) == (first.tree_size, first.leaf_index)
    kept.fold()
    assert first == kept.run(kept.index.root())
    assert not kept.run(kept.index.commit_news())
    assert 2 == told_size(kept.store, kept.server.size())

    kept.server.report(use())
    kept.fold()
    assert kept.run(kept.index.commit_news())
    assert not kept.run(kept.index.commit_news())
    assert 2 == kept.topics().count(UsageIndexCommitted.TOPIC)


def test_those_who_ask_at_once_share_a_root(kept: Kept) -> None:
    """Ten callers, one entry."""
    kept.server.report(use())
    kept.fold()

    async def ask() -> set[int]:
        return {
            root.tree_size for root in await asyncio.gather(*[kept.index.root() for _ in range(10)])
        }

    assert {2} == kept.run(ask())
    assert 1 == kept.topics().count(UsageIndexCommitted.TOPIC)


def test_root_of_the_past_must_have_been_committed(kept: Kept) -> None:
    """As of a size before the first root there is none; beyond the head there is nothing yet."""
    kept.server.report(use())
    kept.fold()
    root = kept.run(kept.index.root())

    assert root == kept.run(kept.index.root(at_most=root.tree_size))
    with pytest.raises(UsageRootMissing):
        kept.run(kept.index.root(at_most=root.tree_size - 1))
    with pytest.raises(TreeSizeBeyondHead):
        kept.run(kept.index.root(least=1_000))


def test_timer_commits_by_itself(kept: Kept) -> None:
    """Every so often where there is news, and at midnight without being asked more often."""
    kept.server.report(use())
    kept.fold()

    async def wait(timer: IndexTimer) -> None:
        timer.start()
        await asyncio.sleep(0.3)
        await timer.stop()

    kept.run(wait(IndexTimer(kept.index, every_s=0, clock_us=lambda: 0)))
    assert 0 == kept.topics().count(UsageIndexCommitted.TOPIC)
    kept.run(wait(IndexTimer(kept.index, every_s=0, clock_us=lambda: 86_399_950_000)))
    assert 1 == kept.topics().count(UsageIndexCommitted.TOPIC)
    kept.server.report(use())
    kept.fold()
    kept.run(wait(IndexTimer(kept.index, every_s=0.05, clock_us=lambda: 0)))
    assert 2 == kept.topics().count(UsageIndexCommitted.TOPIC)


def test_another_process_that_was_faster_is_believed(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two that commit one root, one entry stands, and both answer from it."""
    kept.server.report(use())
    kept.fold()
    other = kept.run(kept._reading())
    decide, fast = kept.server.hosted.registrar.commit_index, list[bool]()

    def slower(*arguments: Any) -> Any:
        entry = decide(*arguments)
        if not fast:
            fast.append(True)
            kept.server.hosted.log.append([decide(*arguments)])
        return entry

    monkeypatch.setattr(kept.server.hosted.registrar, "commit_index", slower)
    with pytest.raises(Exception, match="ask again"):
        kept.run(other.index.root())
    kept.fold()

    assert 2 == kept.run(other.index.root()).tree_size
    assert 1 == kept.topics().count(UsageIndexCommitted.TOPIC)
