"""Is a root committed when there is news, once, and never for its own sake?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.domain.base import Provenance
from ledger.events import UsageIndexCommitted
from ledger.store.usage_roots import UsageRoots
from ledger.store.usage_thinning import UsageThinning
from ledger.store.usage_writer import UsageWriter
from ledger.store.view_writer import ViewWriter
from ledger.times import DAY_US
from services.runtime.index_commits import IndexTimer, told_size
from services.runtime.reading import Reading
from services.runtime.refusals import TreeSizeBeyondHead, UsageRootMissing, UsageRootNotKept
from services.runtime.settings import Settings
from services.runtime.views import open_views
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
    """Of two that commit one root, one entry stands, and both answer from it at once."""
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

    assert 2 == kept.run(other.index.root()).tree_size
    assert 1 == kept.topics().count(UsageIndexCommitted.TOPIC)


def test_root_that_was_let_go_is_not_answered_for_by_an_older_one(kept: Kept) -> None:
    """Who asks for it is told which are kept nearest; those are answered from as ever, and a root
    that was cited is there for good."""
    roots = []
    for _ in range(4):
        kept.server.report(use())
        kept.fold()
        roots.append(kept.run(kept.index.root()))
    first, cited, gone, newest = roots
    assert not cited.cited
    kept.run(kept.index.cited_root(at_most=cited.tree_size))
    assert kept.run(kept.index.root(at_most=cited.tree_size)).cited
    now_us = kept.server.hosted.log.clock_us() + 365 * DAY_US
    (*_, done) = UsageThinning(kept.engine, kept.store).run(now_us)

    assert [gone.tree_size] == done.let_go
    for size in (gone.tree_size, newest.tree_size - 1):
        with pytest.raises(UsageRootNotKept) as refused:
            kept.run(kept.index.root(at_most=size))
        assert gone.tree_size == refused.value.tree_size
        assert (cited.tree_size, newest.tree_size) == (refused.value.before, refused.value.after)
    for root in (first, cited, newest):
        assert root == kept.run(kept.index.root(at_most=root.tree_size))
    with pytest.raises(UsageRootMissing):
        kept.run(kept.index.root(at_most=first.tree_size - 1))


def test_root_that_was_not_marked_is_found_by_its_entry(kept: Kept) -> None:
    """A server that was killed between the entry and the mark leaves a root that answers."""
    kept.server.report(use())
    kept.fold()
    roots = UsageRoots(kept.engine)
    kept_root = roots.keep_newest()
    told = Provenance(reporter="tests", recorded_us=kept.server.hosted.log.clock_us())
    entry = kept.server.hosted.registrar.commit_index(kept_root.commitment, told)
    kept.server.hosted.log.append([entry])
    assert roots.servable() is None

    found = kept.run(kept.index.root(at_most=kept_root.tree_size))
    assert kept_root.ref == found.ref
