"""Does one committer keep the ledger's promises to many callers? Over a store that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.commands import ReportToolUse
from ledger.errors import CandourError
from ledger.events import ToolUseReported
from ledger.limits import MAX_COMMIT_ENTRIES, MAX_QUEUED_ENTRIES
from ledger.log import Log, Receipt
from ledger.store.core import Head, NewEntry, StoreUnavailable
from ledger.tlog import open_checkpoint
from services.runtime.committer import Committed, Committer
from services.runtime.refusals import Draining, Overloaded
from tests.ledgers import SIGNER, Ledger, Place

T = TypeVar("T")


def on_loop(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def entries(ledger: Ledger, ids: Sequence[str]) -> list[NewEntry]:
    commands = [
        ReportToolUse(
            use=ToolUseReported(agency="agencies/a"),
            source="sources/s",
            capture="live",
            source_event_id=own,
        )
        for own in ids
    ]
    prepared = [item for item in ledger.prepare(commands) if isinstance(item, NewEntry)]
    assert len(ids) == len(prepared)
    return prepared


class Faulty:
    """A log whose n-th append fails, before or after its commit; counts its commits."""

    def __init__(self, log: Log, faults: dict[int, str]) -> None:
        self._log, self._faults, self.sizes = log, faults, list[int]()

    def append(self, batch: Sequence[NewEntry]) -> tuple[list[Receipt | CandourError], Head]:
        self.sizes.append(len(batch))
        fault = self._faults.get(len(self.sizes))
        if fault == "before":
            raise StoreUnavailable("pulled before the commit")
        done = self._log.append(batch)
        if fault == "after":
            raise StoreUnavailable("pulled after the commit")
        return done

    def checkpoint(self, head: Head) -> bytes:
        return self._log.checkpoint(head)


def begun(place: Place, faults: dict[int, str] | None = None) -> tuple[Ledger, Committer, Faulty]:
    """A fresh ledger with its agencies, and a committer over it that fails as told."""
    store, _engine = place.begin()
    ledger = Ledger(store)
    ledger.register_agencies()
    log: Any = Faulty(ledger.log, faults or {})
    return ledger, Committer(log), log


async def until_acknowledged(ledger: Ledger, committer: Committer, ids: Sequence[str]) -> Committed:
    """Submit, as a caller does, again and again until there is an answer."""
    while True:
        try:
            return await committer.submit(entries(ledger, ids))
        except StoreUnavailable:
            await asyncio.sleep(0)


@given(
    requests=st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=6), min_size=1, max_size=6),
    faults=st.dictionaries(st.integers(1, 8), st.sampled_from(["before", "after"]), max_size=6),
)
def test_resubmission_lands_once(
    place: Place, requests: list[list[int]], faults: dict[int, str]
) -> None:
    """Whatever fails, and whether or not it was committed: every id stands once, at its receipt.

    Results come in the order of their request, and each checkpoint covers its receipts.
    """
    ledger, committer, _ = begun(place, faults)
    before = ledger.store.head().tree_size

    async def all_callers() -> list[Committed]:
        committer.start()
        callers = [
            until_acknowledged(ledger, committer, [str(number) for number in ids])
            for ids in requests
        ]
        done = await asyncio.gather(*callers)
        await committer.drain()
        return done

    places: dict[int, int] = {}
    for ids, committed in zip(requests, on_loop(all_callers()), strict=True):
        assert len(ids) == len(committed.results)
        for number, result in zip(ids, committed.results, strict=True):
            assert isinstance(result, Receipt)
            assert result.leaf_index < committed.tree_size
            assert places.setdefault(number, result.leaf_index) == result.leaf_index
        signed = open_checkpoint(committed.checkpoint, [SIGNER.verifier_key])
        assert committed.tree_size == signed.checkpoint.tree_size
    named = {number for ids in requests for number in ids}
    assert len(named) == ledger.store.head().tree_size - before
    assert len(named) == len(set(places.values()))
    assert 0 == committer.queued


def test_a_failed_commit_fails_only_its_own(place: Place) -> None:
    """Those in the failed transaction learn it; those behind them are committed."""
    ledger, committer, _ = begun(place, {1: "before"})

    async def two() -> list[Committed | BaseException]:
        first = committer.enqueue(entries(ledger, ["1"]))
        committer.start()
        with pytest.raises(StoreUnavailable):
            await first
        return [await committer.submit(entries(ledger, ["2"]))]

    (committed,) = on_loop(two())
    assert isinstance(committed, Committed)
    assert isinstance(committed.results[0], Receipt)


def test_what_gathers_is_committed_together(place: Place) -> None:
    """Requests that wait at the same time share one transaction, up to its bound."""
    ledger, committer, log = begun(place)
    more = MAX_COMMIT_ENTRIES // 2 + 1

    async def three() -> None:
        futures = [
            committer.enqueue(entries(ledger, [f"{part}-{n}" for n in range(more)]))
            for part in range(3)
        ]
        committer.start()
        sizes = {(await future).tree_size for future in futures}
        assert 2 == len(sizes)
        await committer.drain()

    on_loop(three())
    assert [MAX_COMMIT_ENTRIES, 3 * more - MAX_COMMIT_ENTRIES] == log.sizes


def test_what_stays_whole_is_in_one_commit(place: Place) -> None:
    """A request that goes on from its own entries waits for a transaction that holds all of it."""
    ledger, committer, log = begun(place)
    some = MAX_COMMIT_ENTRIES - 5

    async def scenario() -> list[Committed]:
        waiting = [
            committer.enqueue(entries(ledger, [f"a{n}" for n in range(some)])),
            committer.enqueue(entries(ledger, [f"b{n}" for n in range(10)]), whole=True),
        ]
        committer.start()
        done = await asyncio.gather(*waiting)
        await committer.drain()
        return done

    first, second = on_loop(scenario())
    assert [some, 10] == log.sizes
    assert [some, 10] == [len(first.results), len(second.results)]


def test_overload_refuses_and_takes_nothing(place: Place) -> None:
    """Beyond MAX_QUEUED_ENTRIES callers are told to retry; what was taken still lands."""
    ledger, committer, _ = begun(place)
    (entry,) = entries(ledger, ["1"])

    async def too_much() -> None:
        taken = committer.enqueue([entry] * MAX_QUEUED_ENTRIES)
        with pytest.raises(Overloaded) as refused:
            committer.enqueue([entry])
        assert MAX_QUEUED_ENTRIES == refused.value.queued
        committer.start()
        results = (await taken).results
        assert 1 == sum(not item.duplicate for item in results if isinstance(item, Receipt))
        await committer.submit([entry])
        await committer.drain()

    on_loop(too_much())


def test_draining_commits_what_was_accepted(place: Place) -> None:
    """A drain answers everybody it took from, and takes nothing more."""
    ledger, committer, _ = begun(place)

    async def drain() -> Committed:
        future = committer.enqueue(entries(ledger, ["1", "2"]))
        committer.start()
        await committer.drain()
        with pytest.raises(Draining):
            committer.enqueue(entries(ledger, ["3"]))
        return await future

    assert 2 == len(on_loop(drain()).results)


def test_a_caller_that_leaves_undoes_nothing(place: Place) -> None:
    """What was accepted is committed, also when nobody waits for it any longer."""
    ledger, committer, _ = begun(place)
    before = ledger.store.head().tree_size

    async def leave() -> None:
        call = asyncio.create_task(committer.submit(entries(ledger, ["1"])))
        await asyncio.sleep(0)
        call.cancel()
        committer.start()
        await committer.drain()

    on_loop(leave())
    assert before + 1 == ledger.store.head().tree_size


def test_followers_hear_of_each_commit(place: Place) -> None:
    """Every event in on_commit is set, and the head is at hand."""
    ledger, committer, _ = begun(place)

    async def follow() -> None:
        heard = asyncio.Event()
        committer.on_commit.append(heard)
        committer.start()
        await committer.submit(entries(ledger, ["1"]))
        assert heard.is_set()
        assert committer.head == ledger.store.head()
        await committer.drain()

    on_loop(follow())


def test_what_there_is_no_room_for_is_refused_unread(place: Place) -> None:
    """Reports inside count from before they are read until they are answered; one call that is
    larger than all the room is taken where nothing else is inside."""
    _, committer, _ = begun(place)

    with committer.room(MAX_QUEUED_ENTRIES + 1), pytest.raises(Overloaded), committer.room(1):
        raise AssertionError("there was room")
    with committer.room(MAX_QUEUED_ENTRIES - 1), committer.room(1):
        pass
    with committer.room(MAX_QUEUED_ENTRIES):  # all of it is free again
        pass


def test_drain_gives_up_where_the_store_is_away(place: Place) -> None:
    """Once a commit fails while it drains, the rest is not tried: its callers have no receipt, and
    the process ends."""
    ledger, committer, log = begun(place, {1: "before", 2: "before"})
    ids = [str(number) for number in range(3)]

    async def scenario() -> list[Committed | BaseException]:
        whole = [entries(ledger, [own]) * MAX_COMMIT_ENTRIES for own in ids]
        waiting = [committer.enqueue(each) for each in whole]
        committer.start()
        await committer.drain()
        return await asyncio.gather(*waiting, return_exceptions=True)

    told = on_loop(scenario())
    assert [StoreUnavailable] * 3 == [type(one) for one in told]
    assert 1 == len(log.sizes)
    assert 0 == committer.queued
