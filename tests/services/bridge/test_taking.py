"""What becomes of each message, whatever the ledger and the dead letters' stream say?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final

import pytest

from services.bridge import taking as module
from services.bridge.course import Course
from services.bridge.dead_letters import NotKept
from services.bridge.measuring import BridgeMetrics
from services.bridge.reporting import Away, ForGood, Recorded
from services.bridge.settings import InTheClear, Settings
from services.bridge.taking import Taker
from services.runtime.metrics import Instruments
from tests.services.harness import use

PROTOBUF: Final = {"Content-Type": "application/x-protobuf"}
Outcome = Recorded | ForGood | Away
Answer = list[Outcome] | Away


@dataclass
class Message:
    """As nats-py's, and keeps what it was told."""

    data: bytes
    headers: dict[str, str] | None = None
    told: list[str] = field(default_factory=list)
    metadata: Any = field(
        default_factory=lambda: SimpleNamespace(
            stream="USES",
            sequence=SimpleNamespace(stream=1),
            timestamp=datetime.now(UTC),
            num_pending=0,
        )
    )

    @property
    def is_acked(self) -> bool:
        return self.told != [] and self.told[-1] != "progress"

    async def ack(self) -> None:
        self.told.append("ack")

    async def term(self) -> None:
        self.told.append("term")

    async def nak(self, delay: float | None = None) -> None:
        self.told.append("nak" if delay is None else "nak later")

    async def in_progress(self) -> None:
        self.told.append("progress")


class Ledger:
    """Answers as it is told to, then records everything."""

    def __init__(self, *answers: Answer, before: Callable[[], None] = lambda: None) -> None:
        self.answers, self.before = list(answers), before
        self.requests: list[list[bytes]] = []

    async def report(self, uses: list[bytes]) -> list[Outcome]:
        self.requests.append(uses)
        self.before()
        answer: Answer = self.answers.pop(0) if self.answers else [Recorded(False)] * len(uses)
        if isinstance(answer, Away):
            raise answer
        return answer


class Letters:
    """Keeps what is dead, while it may."""

    def __init__(self, keeps: bool = True) -> None:
        self.keeps, self.kept = keeps, list[tuple[bytes, str]]()

    async def keep(self, message: Message, reason: str, _says: str) -> None:
        if not self.keeps:
            raise NotKept("no stream keeps it")
        self.kept.append((message.data, reason))


class Connection:
    is_connected, is_closed = True, False

    async def flush(self, _timeout: float) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BRIDGE_MAX_DELAY_S", 0.001)
    monkeypatch.setattr(module, "BRIDGE_NAK_DELAY_S", 0.001)


def made(ledger: Ledger, letters: Letters | None = None, **said: Any) -> tuple[Taker, Course]:
    settings, course = Settings(stream="USES", durable="d", target="127.0.0.1:1", **said), Course()
    nats, reporter, dead_letters = Connection(), ledger, letters or Letters()
    taker = Taker(
        settings,
        nats,  # type: ignore[arg-type]
        reporter,  # type: ignore[arg-type]
        dead_letters,  # type: ignore[arg-type]
        BridgeMetrics(Instruments(), "USES"),
        course,
    )
    return taker, course


def messages(count: int) -> list[Any]:
    return [Message(use(f"e-{n}").SerializeToString(), PROTOBUF) for n in range(count)]


def told(taken: list[Any]) -> list[list[str]]:
    return [message.told for message in taken]


def test_each_message_ends_as_its_use_did() -> None:
    """A receipt, old or new: ack. Refused or malformed: a dead letter with the reason, then term."""
    ledger, letters = Ledger([Recorded(False), Recorded(True), ForGood("X", "x")]), Letters()
    taken = [*messages(3), Message(b"{")]
    asyncio.run(made(ledger, letters)[0].take(taken))

    assert [["ack"], ["ack"], ["term"], ["term"]] == told(taken)
    assert [(b"{", "MALFORMED"), (taken[2].data, "X")] == letters.kept
    assert [[message.data for message in taken[:3]]] == ledger.requests


def test_ledger_that_is_away_is_asked_the_same_again_and_nothing_is_let_go() -> None:
    """Until it answers; of a part that it could not take, that part alone, in order."""
    busy = Away("RESOURCE_EXHAUSTED")
    ledger = Ledger(Away("UNAVAILABLE"), [busy, Recorded(False), busy], Away("UNAVAILABLE", 0.001))
    taken = messages(3)
    taker, course = made(ledger)
    asyncio.run(taker.take(taken))
    first, second, third = (message.data for message in taken)

    assert [["ack"]] * 3 == told(taken)
    whole, part = [first, second, third], [first, third]
    assert [whole, whole, part, part] == ledger.requests
    assert course.trouble is None


def test_beyond_patience_messages_are_given_back_with_a_delay() -> None:
    """None of them is ended, and the bridge says why nothing gets through."""
    taken = messages(2)
    taker, course = made(Ledger(*[Away("UNAVAILABLE")] * 9), patience_s=0)
    asyncio.run(taker.take(taken))

    assert [["nak later"]] * 2 == told(taken)
    assert "UNAVAILABLE" in (course.trouble or "")


def test_asked_to_end_it_gives_back_at_once() -> None:
    """What has no answer by then is delivered again without a delay: the next bridge begins with it."""
    taken = messages(2)
    ledger = Ledger(*[Away("UNAVAILABLE")] * 9)
    taker, course = made(ledger)
    ledger.before = course.ended.set
    asyncio.run(taker.take(taken))

    assert [["nak"]] * 2 == told(taken)


def test_what_nobody_keeps_is_not_ended() -> None:
    """Without a stream for dead letters a refused message goes back: it is never lost silently."""
    taken = [*messages(2), Message(b"{")]
    taker, _ = made(Ledger([Recorded(False), ForGood("X", "x")]), Letters(keeps=False))
    asyncio.run(taker.take(taken))

    assert [["ack"], ["nak later"], ["nak later"]] == told(taken)


def test_while_it_waits_it_says_that_it_works() -> None:
    """A batch that takes longer than ack_wait is not delivered to somebody else meanwhile."""
    taken = messages(1)
    taker, _ = made(Ledger(*[Away("UNAVAILABLE", 0.02)] * 5), ack_wait_s=0.03)
    asyncio.run(taker.take(taken))

    assert "ack" == taken[0].told[-1]
    assert {"progress"} == set(taken[0].told[:-1])


@pytest.mark.parametrize(
    "said",
    [
        {"servers": ("nats://192.0.2.1:4222",)},
        {"servers": ("nats://user:secret@nats.example",)},
        {"target": "192.0.2.1:8443"},
    ],
)
def test_nothing_goes_to_another_machine_in_the_clear(said: dict[str, Any]) -> None:
    """Neither to NATS nor to a ledger, and the error quotes no password."""
    settings = {"stream": "USES", "durable": "d", "target": "127.0.0.1:1", **said}
    with pytest.raises(InTheClear) as caught:
        Settings(**settings).check()
    assert "secret" not in str(caught.value)
