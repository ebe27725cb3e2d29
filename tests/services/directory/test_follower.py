"""Is every published checkpoint listed, once, in order, whatever fails in between?"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import replace

import pytest

from ledger.limits import LISTED_NOTED_EVERY_S, LISTINGS_AT_ONCE
from ledger.store.core import Published, StoreUnavailable
from ledger.tlog import Checkpoint, Signer, open_checkpoint, sign_checkpoint
from services.directory import follower as module
from services.publisher.publisher import publish
from tests.faults.commits import Fault, break_commits
from tests.services.directory.deployment import Deployment, Open


def test_all_is_listed_once(together: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was published before there was a directory, and since, in order and as it was signed."""
    monkeypatch.setattr(module, "LISTINGS_AT_ONCE", 3)
    assert LISTINGS_AT_ONCE > 3
    with together.open() as running:
        running.grow("main", *range(8))
        running.grow("court", 0, 300)
        running.list_new()
        running.list_new()
        assert list(range(8)) == running.listed_sizes("main")
        assert [0, 300] == running.listed_sizes("court")
        running.grow("main", 9)
        running.list_new()
        assert [7, 9] == running.listed_sizes("main")[-2:]
        for name in ("main", "court"):
            key = running.hosted(name).keys.checkpoint.verifier_key
            for listing in running.listings(name):
                assert listing.checkpoint == open_checkpoint(listing.note, [key]).checkpoint


@pytest.mark.parametrize("fault", Fault)
def test_lost_commit_leaves_neither_hole_nor_double(together: Deployment, fault: Fault) -> None:
    """A directory that goes away around its commit is caught up with."""
    with together.open() as running:
        running.grow("main", 0, 2)
        break_commits(running.directory.store, deque([fault]))
        running.list_new()
        running.grow("main", 5)
        running.list_new()
        running.list_new()
        assert [0, 2, 5] == running.listed_sizes("main")


def test_two_processes_list_nothing_twice(together: Deployment) -> None:
    """Each finds what the other has listed, even where both began to at once."""
    with together.open() as one, together.open() as other:
        one.grow("main", 0, 1)
        for running in (one, other, other, one):
            running.list_new()
        assert [0, 1] == one.listed_sizes("main")
        one.grow("main", 2, 3)
        # The other one still takes size 1 for the newest listing, and is told better.
        one.list_new()
        other.list_new()
        one.grow("main", 4)
        other.list_new()
        one.list_new()
        assert [0, 1, 2, 3, 4] == other.listed_sizes("main")


def test_directory_that_is_away_holds_nobody_up(
    together: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Ledgers publish as ever; it is said once, and caught up with."""
    together.begin(main=1)
    with together.open() as running:

        def away(*_arguments: object, **_named: object) -> None:
            raise StoreUnavailable("pulled by the test")

        with monkeypatch.context() as pulled:
            for name in ("append", "read_stream", "head"):
                pulled.setattr(running.directory.store, name, away)
            follower = running.follower()
            hosted = running.hosted("main")
            with caplog.at_level(logging.WARNING):
                for size in (2, 3):
                    running.grow("main", size)
                    publish(hosted, size - 1)
                    for item in running.house.ledgers:
                        item.serving.publication.published(item.serving.hosted.store.published())
                    running.runner.run(_caught_up(follower, running))
            assert 1 == sum("is not listed" in record.message for record in caplog.records)
            guard = next(item.guard for item in running.house.ledgers if item.name == "main")
            assert guard is not None
            guard.check()  # what it remembers is enough
        running.list_new()
        assert [0, 1, 2, 3] == running.listed_sizes("main")


async def _caught_up(follower: module.Follower, running: Open) -> None:
    directory = running.house.directory
    assert directory is not None
    committer = asyncio.create_task(directory.committer._run())
    await follower.catch_up()
    committer.cancel()
    await asyncio.gather(committer, return_exceptions=True)


def test_nothing_is_listed_that_the_ledger_did_not_sign(
    together: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """A checkpoint that somebody put into a ledger's table stays out of the directory."""
    together.begin(main=1)
    with together.open() as running:
        hosted = running.hosted("main")
        stranger = Signer(hosted.keys.origin, bytes(32))
        note = sign_checkpoint(Checkpoint(hosted.keys.origin, 2, bytes(32)), stranger)
        hosted.store.publish(Published(2, note, 0))
        running.grow("court", 2)
        running.list_new()

        assert [0, 1] == running.listed_sizes("main")
        assert 2 == running.listed_sizes("court")[-1]
        assert "main is not listed in the directory" in caplog.text


def test_ledgers_note_their_listing_now_and_then(together: Deployment) -> None:
    """At once, then every LISTED_NOTED_EVERY_S at most: it costs them a commit."""
    with together.open() as running:
        store, now_s = running.hosted("main").store, [100.0]
        name = f"directory {running.directory.keys.origin}"
        running.grow("main", 0)
        follower = running.follower(lambda: now_s[0])

        def noted() -> int | None:
            running.follower()  # tells the publications
            running.runner.run(_caught_up(follower, running))
            return store.tracked(name)

        first = noted()
        assert running.listings("main")[-1].leaf_index + 1 == first
        running.grow("main", 1)
        assert first == noted()
        now_s[0] += LISTED_NOTED_EVERY_S
        assert running.listings("main")[-1].leaf_index + 1 == noted()


def test_trouble_of_one_is_not_the_others(
    together: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger whose database is away is listed later; the other one now."""
    together.begin(main=1)
    with together.open() as running:
        running.grow("main", 2)
        running.grow("court", 2)

        def away(*_arguments: object) -> list[Published]:
            raise StoreUnavailable("pulled by the test")

        with monkeypatch.context() as pulled:
            pulled.setattr(running.hosted("main").store, "checkpoint_rows", away)
            running.list_new()
            assert (1, 2) == (running.listed_sizes("main")[-1], running.listed_sizes("court")[-1])
        running.list_new()
        assert 2 == running.listed_sizes("main")[-1]


def test_ledgers_come_and_go(together: Deployment) -> None:
    """One alone has no directory; with a second it begins, lists what was before, and stays."""
    both = together.settings
    together.settings = replace(both, ledgers=("main",))
    with together.open() as running:
        running.grow("main", 0, 3)
        assert running.house.directory is None
    together.settings = both
    with together.open() as running:
        running.grow("court", 0)
        running.list_new()
        assert ([0, 3], [0]) == (running.listed_sizes("main"), running.listed_sizes("court"))
    together.settings = replace(both, ledgers=("court",))
    with together.open() as running:
        running.grow("court", 2)
        running.list_new()
        assert [0, 2] == running.listed_sizes("court")
    together.settings = replace(both, ledgers=(*both.ledgers, "third"))
    with together.open() as running:
        running.grow("third", 0)
        running.list_new()
        found = {name: running.listed_sizes(name) for name in ("main", "court", "third")}
        assert {"main": [0, 3], "court": [0, 2], "third": [0]} == found
