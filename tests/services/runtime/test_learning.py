"""Do reports that wait for pseudonyms share what is looked up, and get what is theirs?"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ledger.limits import PERFORMERS_A_ROUND
from ledger.log import Missing
from ledger.store.core import PerformerRecord, StoreUnavailable
from services.runtime.learning import Learning


def missing(*numbers: int) -> Missing:
    return Missing(
        performers={
            number.to_bytes(32, "big"): PerformerRecord(f"p-{number}", "agencies/a", f"u{number}")
            for number in numbers
        }
    )


class Store:
    """In place of the log: a round takes until it is told to end."""

    def __init__(self) -> None:
        self.rounds: list[Missing] = []
        self.go = asyncio.Event()
        self.fails: set[int] = set()

    async def learn(self, some: Missing) -> None:
        self.rounds.append(some)
        number = len(self.rounds)
        await self.go.wait()
        if number in self.fails:
            raise StoreUnavailable("gone")


async def waiting(learning: Learning, *all_missing: Missing) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(learning.learn(some)) for some in all_missing]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


def test_those_who_wait_share_a_round() -> None:
    """Whatever comes while a round is under way goes into the next, all of it at once."""

    async def run() -> Store:
        store = Store()
        learning = Learning(store.learn)
        first = await waiting(learning, missing(0))
        rest = await waiting(learning, *(missing(number, number + 1) for number in range(1, 50)))
        store.go.set()
        await asyncio.gather(*first, *rest)
        await learning.learn(missing(99))
        return store

    rounds = asyncio.run(run()).rounds
    assert [missing(0), missing(*range(1, 51)), missing(99)] == rounds


def test_a_round_is_bounded() -> None:
    """No round grows beyond PERFORMERS_A_ROUND by more than one report's."""

    async def run() -> Store:
        store = Store()
        learning = Learning(store.learn)
        each = PERFORMERS_A_ROUND // 4
        parts = [missing(*range(each * n, each * (n + 1))) for n in range(9)]
        tasks = await waiting(learning, *parts)
        store.go.set()
        await asyncio.gather(*tasks)
        return store

    sizes = [len(some.performers) for some in asyncio.run(run()).rounds]
    assert 9 * (PERFORMERS_A_ROUND // 4) == sum(sizes)
    assert PERFORMERS_A_ROUND == max(sizes)


def test_a_failure_goes_to_all_of_its_round_alone() -> None:
    """The next round is tried, with whatever it brings."""

    async def run() -> tuple[list[Any], list[Any]]:
        store = Store()
        store.fails.add(1)
        learning = Learning(store.learn)
        first = await waiting(learning, missing(1), missing(2))
        later = await waiting(learning, missing(3))
        store.go.set()
        return (
            await asyncio.gather(*first, return_exceptions=True),
            await asyncio.gather(*later, return_exceptions=True),
        )

    failed, done = asyncio.run(run())
    assert [StoreUnavailable, StoreUnavailable] == [type(error) for error in failed]
    assert [None] == done


def test_a_caller_that_is_gone_keeps_nobody() -> None:
    """Cancelled while it waits, it is passed over; who shares its round is served."""

    async def run() -> None:
        store = Store()
        learning = Learning(store.learn)
        gone, stays = await waiting(learning, missing(1), missing(2))
        gone.cancel()
        store.go.set()
        await stays
        with pytest.raises(asyncio.CancelledError):
            await gone

    asyncio.run(run())


def test_agencies_are_looked_up_for_each_alone() -> None:
    """Whoever names agencies that are not there keeps no other report waiting."""

    async def run() -> Store:
        store = Store()
        store.go.set()
        learning = Learning(store.learn)
        unknown = Missing(agencies={"agencies/x"}, performers=missing(1).performers)
        await asyncio.gather(learning.learn(unknown), learning.learn(missing(2)))
        return store

    first, *rest = asyncio.run(run()).rounds
    assert Missing(agencies={"agencies/x"}) == first
    assert not any(some.agencies for some in rest)
