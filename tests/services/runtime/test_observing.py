"""Are the gauges what the ledger's tables and this process say, and unknown where they do not?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.limits import OBSERVED_FOR_S, PUBLISHER_SILENT_S, VIEWS_STUCK_S
from ledger.store.core import Published, StoreUnavailable
from ledger.tlog import parse_trust_policy
from services.runtime.health import HEAD, PUBLISHER, VIEWS, WRITING, Health
from services.runtime.hosting import Hosted, now_us, open_ledger
from services.runtime.observing import Observatory, Reading
from services.runtime.publication import Seen
from services.runtime.refusals import HistoryLost
from services.runtime.serving import Serving
from services.runtime.settings import Settings
from services.runtime.telemetry import open_telemetry
from tests.collector import value_of
from tests.ledgers import Ledger

MAIN = {"ledger": "main"}
assert parse_trust_policy is not None


class Watched:
    """An open ledger of some entries, watched; its views are where `position` says."""

    def __init__(self, hosted: Hosted, clock_us: Callable[[], int]) -> None:
        self.hosted, self.position = hosted, 0
        self.telemetry = open_telemetry("test", {})
        self.serving = Serving(hosted, self._projected, self.telemetry)
        self.observatory = Observatory(
            {"main": self.serving}, self.telemetry.instruments, clock_us=clock_us
        )
        self.health = Health({"main": self.serving}, self.observatory)

    async def _projected(self) -> int:
        return self.position

    def metric(self, name: str, **labels: str) -> float | None:
        """One metric, after a look; a reading of a moment ago is as good as new."""
        self.observatory._readings.clear()
        asyncio.run(self.observatory.look())
        assert self.telemetry.render is not None
        return value_of(self.telemetry.render(), name, labels or MAIN)

    def checks(self) -> dict[str, bool | None]:
        return {check.name: check.ok for check in asyncio.run(self.health.ask("main"))}

    def saw(self, reading: Reading) -> None:
        self.observatory._readings["main"] = reading


@pytest.fixture
def clock() -> list[int]:
    """Microseconds that the clock is ahead of this machine's."""
    return [0]


@pytest.fixture
def watched(tmp_path: Path, clock: list[int]) -> Iterator[Watched]:
    """A ledger with its agencies and three uses in it."""
    hosted = open_ledger(Settings(data=tmp_path))
    Ledger(hosted.store).register_agencies()
    yield Watched(hosted, lambda: now_us() + clock[0])
    hosted.close()


def test_lag_is_told_in_entries_and_seconds(watched: Watched, clock: list[int]) -> None:
    """Since the oldest entry was recorded that the views do not hold; 0 where they hold all."""
    size = watched.hosted.store.head().tree_size
    assert size
    assert size == watched.metric("candour_tree_size")
    assert size == watched.metric("candour_projection_lag_entries")
    watched.position = size
    assert 0 == watched.metric("candour_projection_lag_entries")
    assert 0 == watched.metric("candour_projection_lag_seconds")

    watched.position, clock[0] = size - 1, 3_600_000_000
    assert 1 == watched.metric("candour_projection_lag_entries")
    seconds = watched.metric("candour_projection_lag_seconds")
    assert seconds is not None
    assert seconds >= 3_600


def test_what_cannot_be_read_is_unknown(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away gives no metric, and an old reading is none."""

    def away() -> None:
        raise StoreUnavailable("pulled by the test")

    store: Any = watched.hosted.store
    monkeypatch.setattr(store, "head", away)
    assert watched.metric("candour_tree_size") is None
    assert watched.metric("candour_projection_lag_seconds") is None
    assert 0 == watched.metric("candour_commit_queue_depth")

    old = time.monotonic() - OBSERVED_FOR_S - 1
    watched.saw(Reading(7, 7, 0.0, at=old, moved_at=old))
    assert watched.observatory.reading("main") is None


def test_a_checkpoint_has_an_age(watched: Watched) -> None:
    """Since it was published, and what it covers; none where nothing is published."""
    assert watched.metric("candour_checkpoint_age_seconds") is None
    watched.serving.publication.newest = Published(3, b"", now_us() - 90_000_000)

    assert 3 == watched.metric("candour_checkpoint_tree_size")
    age_s = watched.metric("candour_checkpoint_age_seconds")
    assert age_s is not None
    assert 90 <= age_s < 180


def test_witnesses_have_ages_and_a_clock(watched: Watched) -> None:
    """Since each cosigned, by our clock; since the start where one never has."""
    now = time.time()
    watched.serving.publication.witnesses = {
        "w": Seen(5, int(now) - 61, answered_at=now - 60),
        "never": Seen(),
    }
    labels = {**MAIN, "witness": "w"}
    age_s = watched.metric("candour_cosignature_age_seconds", **labels)
    assert age_s is not None
    assert 60 <= age_s < 120
    assert 5 == watched.metric("candour_cosignature_tree_size", **labels)
    never = watched.metric("candour_cosignature_age_seconds", **MAIN, witness="never")
    assert never is not None
    assert never < 60
    assert 0 == watched.metric("candour_cosignature_tree_size", **MAIN, witness="never")
    offset_s = watched.metric("candour_clock_offset_seconds", reference="witness")
    assert offset_s is not None
    assert 0 <= offset_s <= 3


def test_a_halted_ledger_says_why(watched: Watched) -> None:
    """By the reason that callers get; and nothing where it goes on."""
    labels = {**MAIN, "reason": "HISTORY_LOST"}
    assert watched.metric("candour_ledger_halted", **labels) is None
    watched.hosted.log.halted = HistoryLost(signed_size=9, tree_size=3)

    assert 1 == watched.metric("candour_ledger_halted", **labels)
    assert not watched.checks()[WRITING]


# --- health -----------------------------------------------------------------------
def test_checks_of_a_ledger_that_is_well(watched: Watched) -> None:
    """It has a head, writes, publishes, and its views are on their way."""
    watched.serving.publication.tried_at = time.monotonic()
    watched.metric("candour_tree_size")

    assert dict.fromkeys((HEAD, WRITING, PUBLISHER, VIEWS), True) == watched.checks()


def test_views_are_stuck_when_they_do_not_move(watched: Watched) -> None:
    """Behind is well, for a while; questions are then for others, and reports go on."""
    now = time.monotonic()
    watched.saw(Reading(9, 3, 1.0, at=now, moved_at=now - VIEWS_STUCK_S + 5))
    assert watched.checks()[VIEWS]
    watched.saw(Reading(9, 9, 0.0, at=now, moved_at=now - VIEWS_STUCK_S - 5))
    assert watched.checks()[VIEWS]
    assert watched.health.able(frozenset({HEAD, VIEWS}))

    watched.saw(Reading(9, 3, 1.0, at=now, moved_at=now - VIEWS_STUCK_S - 5))
    assert watched.checks()[VIEWS] is False
    assert not watched.health.able(frozenset({HEAD, VIEWS}))
    assert watched.health.able(frozenset({HEAD, WRITING}))
    ready, said, every = asyncio.run(watched.health.report())
    assert (True, "ok\n") == (ready, said)
    assert "[-] main views: 6 entries behind, and not moving" in every


def test_a_reading_remembers_when_views_moved(watched: Watched) -> None:
    """Two looks at views that stand still, and are behind, have one moment of moving."""

    async def looks(position: int) -> Reading | None:
        watched.position = position
        await watched.observatory.look()
        found = watched.observatory.reading("main")
        assert found is not None
        watched.saw(Reading(found.tree_size, found.position, found.lag_s, 0.0, found.moved_at))
        return found

    first, second, moved = (asyncio.run(looks(position)) for position in (0, 0, 1))
    assert first is not None
    assert second is not None
    assert moved is not None
    assert first.moved_at == second.moved_at < moved.moved_at


def test_a_publisher_that_is_silent_is_told(watched: Watched) -> None:
    """Rounds end, held back or not; without one for long, something is wrong with it."""
    publication = watched.serving.publication
    assert watched.checks()[PUBLISHER] is None
    publication.tried_at = time.monotonic()
    publication.held_back("quorum two is not met")
    assert watched.checks()[PUBLISHER]
    publication.tried_at = time.monotonic() - PUBLISHER_SILENT_S - 1
    assert watched.checks()[PUBLISHER] is False


def test_a_ledger_that_is_away_or_halted_is_not_ready(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes no reports, so callers are sent elsewhere, and told why."""
    watched.hosted.log.halted = HistoryLost(signed_size=9, tree_size=3)
    ready, said, _ = asyncio.run(watched.health.report())
    assert not ready
    assert "ledger main: this ledger has signed a tree of 9 entries" in said
    assert not watched.health.able(frozenset({HEAD, WRITING}))

    def away() -> None:
        raise StoreUnavailable("pulled by the test")

    watched.hosted.log.halted = None
    store: Any = watched.hosted.store
    monkeypatch.setattr(store, "head", away)
    ready, said, every = asyncio.run(watched.health.report())
    assert (False, "ledger main: the store is not available\n") == (ready, said)
    assert "[-] main head: the store is not available\n" in every
