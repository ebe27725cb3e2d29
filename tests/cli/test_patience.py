"""Is a lost server waited for just as long as it should be?"""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from grpc_status.rpc_status import to_status

from ledger.limits import IMPORT_BUSY_S, IMPORT_GIVE_UP_S
from services.cli.failures import CommandFailed
from services.cli.patience import Patience, ServerLost
from tests.cli.fake_ledger import status

CODE = grpc.StatusCode


class Failed(grpc.RpcError):
    """A call that ended in a status."""

    def __init__(self, code: grpc.StatusCode, retry_s: float | None = None) -> None:
        self._code = code
        self._metadata = to_status(status(code, "x", retry_s=retry_s)).trailing_metadata

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return "x"

    def trailing_metadata(self) -> Any:
        return self._metadata


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def patience(clock: Clock, *, alive: bool = False) -> Patience:
    return Patience("here", lambda: alive, clock=clock, sleep=clock.sleep)


def waited_s(tested: Patience, clock: Clock, code: grpc.StatusCode) -> float:
    """How long the same failure is borne."""
    begun = clock.now
    try:
        while True:
            tested.wait(Failed(code), sent_at=clock.now)
    except ServerLost:
        return clock.now - begun


@pytest.mark.parametrize(
    ("code", "bound_s"),
    [
        (CODE.UNAVAILABLE, IMPORT_GIVE_UP_S),
        (CODE.RESOURCE_EXHAUSTED, IMPORT_BUSY_S),
        (CODE.ABORTED, IMPORT_BUSY_S),
    ],
)
def test_gives_up_at_the_bound(code: grpc.StatusCode, bound_s: float) -> None:
    """Neither earlier nor later; and it asks again often enough meanwhile."""
    clock = Clock()

    assert bound_s == pytest.approx(waited_s(patience(clock), clock, code))
    assert max(clock.slept) < 3
    assert clock.slept[0] < 0.2


def test_an_answer_forgives() -> None:
    """After any success the whole time is there again."""
    clock = Clock()
    tested = patience(clock)
    for _ in range(5):
        tested.wait(Failed(CODE.UNAVAILABLE), sent_at=clock.now)
    tested.heard()

    assert IMPORT_GIVE_UP_S == pytest.approx(waited_s(tested, clock, CODE.UNAVAILABLE))


def test_hanging_server_was_lost_when_it_fell_silent() -> None:
    """A request that waited its full time for nothing leaves none, unless there is life."""
    clock = Clock()
    silent = Failed(CODE.DEADLINE_EXCEEDED)
    with pytest.raises(ServerLost):
        patience(clock).wait(silent, sent_at=clock.now - IMPORT_GIVE_UP_S)

    patience(clock, alive=True).wait(silent, sent_at=clock.now - IMPORT_GIVE_UP_S)


def test_retry_info_is_honoured() -> None:
    """The server says when to come back, within reason."""
    clock = Clock()
    patience(clock).wait(Failed(CODE.UNAVAILABLE, retry_s=0.75), sent_at=clock.now)
    patience(clock).wait(Failed(CODE.UNAVAILABLE, retry_s=3_600), sent_at=clock.now)

    assert [0.75, 2.0] == clock.slept


@pytest.mark.parametrize("code", [CODE.INVALID_ARGUMENT, CODE.INTERNAL, CODE.UNAUTHENTICATED])
def test_what_waiting_cannot_mend(code: grpc.StatusCode) -> None:
    """Other failures are handed on at once."""
    clock = Clock()
    with pytest.raises(CommandFailed) as raised:
        patience(clock).wait(Failed(code), sent_at=clock.now)

    assert not isinstance(raised.value, ServerLost)
    assert [] == clock.slept
