"""The client against a real ledger: receipts, refusals by type, batches, room, retries."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.client import (
    AgencyNotRegistered,
    AsyncClient,
    CallRefused,
    Client,
    ClientClosed,
    ConflictingResubmission,
    Full,
    LedgerAway,
    MalformedUse,
    NotDelivered,
    Receipt,
    Settings,
    SourceRecord,
    SpoolFull,
    ToolUse,
    UseRefused,
)
from tests.services.harness import Server, failing_append, fresh, use

WAIT_S = 60.0


def target(server: Server) -> str:
    return f"127.0.0.1:{server.grpc.port}"


def leaf_indexes(server: Server, uses: list[ToolUse]) -> list[int]:
    """Where they stand; each must be there already."""
    results = server.batch(*uses).results
    assert all(result.receipt.duplicate for result in results)
    return [result.receipt.leaf_index for result in results]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_each_use_has_its_receipt(server: Server) -> None:
    """With its own name and place, under the checkpoint of its batch; a second time the same."""
    uses = [use() for _ in range(1_200)]
    with Client(target(server)) as client:
        receipts = [future.result(WAIT_S) for future in [client.report(one) for one in uses]]
        again = client.report(uses[0]).result(WAIT_S)

    assert leaf_indexes(server, uses) == [receipt.leaf_index for receipt in receipts]
    assert not any(receipt.duplicate for receipt in receipts)
    assert all(receipt.leaf_index < int(receipt.checkpoint.splitlines()[1]) for receipt in receipts)
    assert (receipts[0].name, receipts[0].leaf_hash, True) == (
        again.name,
        again.leaf_hash,
        again.duplicate,
    )


def test_refusals_are_typed(server: Server) -> None:
    """Each by its class, with reason and field; those beside it are recorded."""
    good, told = use(), []
    wrong = use(good.source_event_id, purpose="other")
    nobody = use(agency="agencies/nobody")
    bad = use(technology="no such form")
    with Client(target(server), on_refused=lambda one, error: told.append((one, error))) as client:
        client.report(good).result(WAIT_S)
        futures = [client.report(one) for one in (wrong, nobody, bad, use())]
        errors = [future.exception(WAIT_S) for future in futures]

    conflict, unknown, malformed, none = errors
    assert isinstance(conflict, ConflictingResubmission)
    assert "leaf_index" in conflict.facts
    assert isinstance(unknown, AgencyNotRegistered)
    assert "agencies/nobody" == unknown.facts["name"]
    assert isinstance(malformed, MalformedUse)
    assert ("MALFORMED", "technology", "INVALID_ARGUMENT") == (
        malformed.reason,
        malformed.field,
        malformed.code,
    )
    assert none is None
    assert [(wrong, conflict), (nobody, unknown), (bad, malformed)] == told


def test_use_is_checked_before_it_is_taken() -> None:
    """One without a source, or too large for any batch, never waits for a ledger."""
    with Client("127.0.0.1:9", settings=Settings(batch_bytes=1_000)) as client:
        with pytest.raises(MalformedUse) as refused:
            client.report(ToolUse(source_event_id="1"))
        assert "source" == refused.value.field
        with pytest.raises(MalformedUse):
            client.report(use(purpose="x" * 2_000))
        with pytest.raises(ValueError, match="no spool"):
            client.report(use(), durable="spool")


def test_generated_id_makes_one_report(server: Server, monkeypatch: Any) -> None:
    """A use without an id is one use, though its batch is sent twice; the message is not changed."""
    bare = use()
    bare.ClearField("source_event_id")
    failing_append(server.hosted.store, monkeypatch, at={1}, committed=True)
    before = server.size()
    with Client(target(server)) as client:
        receipt = client.report(bare).result(WAIT_S)

    assert (True, before + 1, before) == (receipt.duplicate, server.size(), receipt.leaf_index)
    assert "" == bare.source_event_id


def test_row_names_itself(server: Server) -> None:
    """A use with a source record needs no id: the ledger finds it by its cells."""
    row = use(source_record=SourceRecord(columns=["id"], row=[fresh()]))
    row.ClearField("source_event_id")
    with Client(target(server)) as client:
        first, second = (client.report(row).result(WAIT_S) for _ in range(2))

    assert (False, True) == (first.duplicate, second.duplicate)
    assert first.name == second.name


@pytest.mark.parametrize("committed", [True, False])
def test_lost_answers_are_asked_for_again(
    server: Server, monkeypatch: Any, committed: bool
) -> None:
    """A store that fails before or after its commit costs time, and neither loses nor doubles."""
    uses = [use() for _ in range(900)]
    before = server.size()
    failing_append(server.hosted.store, monkeypatch, at={1, 2, 4}, committed=committed)
    with Client(target(server)) as client:
        futures = [client.report(one) for one in uses]
        receipts = [future.result(WAIT_S) for future in futures]
        assert client.trouble is None

    assert before + 900 == server.size()
    assert leaf_indexes(server, uses) == [receipt.leaf_index for receipt in receipts]


def test_whole_call_refused(server: Server) -> None:
    """A ledger that is not there: without a spool the future says so; no use is at fault."""
    told: list[UseRefused] = []
    with Client(
        target(server), ledger="nowhere", on_refused=lambda _, error: told.append(error)
    ) as client:
        error = client.report(use()).exception(WAIT_S)

    assert isinstance(error, CallRefused)
    assert ("NOT_FOUND", "LEDGER_NOT_FOUND") == (error.code, error.reason)
    assert [] == told


def test_nobody_answers() -> None:
    """Without a spool and a ledger, a report fails when patience ends; never in silence."""
    settings = Settings(patience_s=0.2, max_delay_s=0.1)
    with Client("127.0.0.1:9", settings=settings) as client:
        assert isinstance(client.report(use()).exception(WAIT_S), LedgerAway)


def test_closing_tells_whoever_waits() -> None:
    """What has no answer at the end has a NotDelivered; afterwards nothing is taken."""
    client = Client("127.0.0.1:9")
    futures = [client.report(use()) for _ in range(3)]
    client.close(timeout_s=0.2)
    errors = [future.exception(0) for future in futures]

    assert [False] * 3 == [isinstance(e, NotDelivered) and e.spooled for e in errors]
    assert all(isinstance(error, NotDelivered) for error in errors)
    with pytest.raises(ClientClosed):
        client.report(use())


def test_room_is_bounded() -> None:
    """Beyond its bounds a report is refused at once, or after the time that it was given."""
    client = Client("127.0.0.1:9", settings=Settings(queue_uses=2))
    for _ in range(2):
        client.report(use(), timeout_s=0)
    for timeout_s in (0.0, 0.05):
        with pytest.raises(Full):
            client.report(use(), timeout_s=timeout_s)
    client.close(timeout_s=0)


def test_report_waits_for_room(server: Server) -> None:
    """A caller that is faster than the ledger is slowed down, and loses nothing."""
    uses = [use() for _ in range(300)]
    settings = Settings(queue_uses=20, batch_uses=10)
    with Client(target(server), settings=settings) as client:
        futures = [client.report(one) for one in uses]
        receipts = [future.result(WAIT_S) for future in futures]

    assert leaf_indexes(server, uses) == [receipt.leaf_index for receipt in receipts]


def test_many_threads(server: Server) -> None:
    """Uses of several threads share batches; each has its own receipt."""
    found: dict[str, int] = {}
    uses = [use() for _ in range(400)]
    with Client(target(server)) as client:

        def report(mine: list[ToolUse]) -> None:
            for one in mine:
                found[one.source_event_id] = client.report(one).result(WAIT_S).leaf_index

        threads = [threading.Thread(target=report, args=(uses[n::8],)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)

    assert leaf_indexes(server, uses) == [found[one.source_event_id] for one in uses]


def test_awaited(server: Server) -> None:
    """The same from an event loop: receipts, typed refusals, and room that is awaited."""
    uses = [use() for _ in range(200)]

    async def reported() -> tuple[list[Receipt], BaseException | None]:
        settings = Settings(queue_uses=50)
        async with AsyncClient(target(server), settings=settings) as client:
            receipts = await asyncio.gather(*map(client.report, uses))
            with pytest.raises(AgencyNotRegistered):
                await client.report(use(agency="agencies/nobody"))
            return receipts, client.client.trouble

    receipts, trouble = asyncio.run(reported())
    assert leaf_indexes(server, uses) == [receipt.leaf_index for receipt in receipts]
    assert trouble is None


def test_awaited_room_has_an_end() -> None:
    """Full, after the time that was given; the use was not taken."""

    async def filled() -> None:
        client = await AsyncClient("127.0.0.1:9", settings=Settings(queue_uses=1)).open()
        await client.submit(use())
        with pytest.raises(Full):
            await client.submit(use(), timeout_s=0.05)
        await client.aclose(timeout_s=0)

    asyncio.run(filled())


# --- with a spool -------------------------------------------------------------------
def nothing(_use: ToolUse, error: UseRefused) -> None:
    raise AssertionError(f"refused: {error}")


def test_spool_needs_somebody_to_tell(tmp_path: Path) -> None:
    """Nobody waits for a spooled use, so its refusal needs a callback."""
    with pytest.raises(ValueError, match="on_refused"):
        Client("127.0.0.1:9", spool=tmp_path)


def test_spooled_while_away_sent_at_the_next_start(server: Server, tmp_path: Path) -> None:
    """A future of `spool` is done without a ledger; another client brings each use, once, in order."""
    uses = [use() for _ in range(700)]
    with Client("127.0.0.1:9", spool=tmp_path, on_refused=nothing) as client:
        for future in [client.report(one, durable="spool") for one in uses]:
            future.result(WAIT_S)
        waiting = client.report(use("waits"))
        client.close(timeout_s=0)
    error = waiting.exception(0)
    assert isinstance(error, NotDelivered)
    assert error.spooled
    before, told = server.size(), []
    with Client(
        target(server),
        spool=tmp_path,
        on_refused=nothing,
        settings=Settings(in_flight=1),
        on_recorded=lambda one, receipt: told.append((one, receipt.leaf_index)),
    ) as client:
        until(lambda: len(told) == 701)
        until(lambda: client.spool_bytes == 0)

    assert [*uses, use("waits")] == [one for one, _ in sorted(told, key=lambda pair: pair[1])]
    assert before + 701 == server.size()
    assert ["lock"] == [path.name for path in tmp_path.iterdir()]


def test_refused_use_is_handed_over_and_leaves_the_spool(server: Server, tmp_path: Path) -> None:
    """Of a use that nobody waits for, on_refused is told; the spool is empty then."""
    told: list[Any] = []
    bad = use(agency="agencies/nobody")
    with Client(
        target(server), spool=tmp_path, on_refused=lambda one, error: told.append((one, error))
    ) as client:
        client.report(bad, durable="spool").result(WAIT_S)
        client.report(use(), durable="ledger").result(WAIT_S)
        until(lambda: client.spool_bytes == 0)

    [(one, error)] = told
    assert bad == one
    assert isinstance(error, AgencyNotRegistered)


def test_refusal_that_nobody_took_stays(server: Server, tmp_path: Path) -> None:
    """If on_refused itself fails, the spool keeps the use, and the next start tells again."""
    bad, told = use(agency="agencies/nobody"), threading.Event()

    def fails(_use: ToolUse, _error: UseRefused) -> None:
        told.set()
        raise RuntimeError("no room for it")

    with Client(target(server), spool=tmp_path, on_refused=fails) as client:
        client.report(bad, durable="spool").result(WAIT_S)
        assert told.wait(WAIT_S)
    heard: list[ToolUse] = []
    with Client(
        target(server), spool=tmp_path, on_refused=lambda one, _: heard.append(one)
    ) as client:
        until(lambda: heard == [bad])


def test_spool_outlives_a_refused_call(server: Server, tmp_path: Path) -> None:
    """Nothing is lost to a wrong ledger name or credential: the uses stay, and trouble says why."""
    with Client(target(server), ledger="nowhere", spool=tmp_path, on_refused=nothing) as client:
        client.report(use(), durable="spool").result(WAIT_S)
        until(lambda: isinstance(client.trouble, CallRefused))
        assert client.spool_bytes > 0
    assert [path for path in tmp_path.iterdir() if path.suffix == ".spool"]


def test_full_spool_is_refused_at_once(tmp_path: Path) -> None:
    """The caller is told before the use is taken."""
    settings = Settings(spool_bytes=2_000)
    with Client("127.0.0.1:9", spool=tmp_path, on_refused=nothing, settings=settings) as client:
        with pytest.raises(SpoolFull) as refused:
            deque((client.report(use(), durable="spool") for _ in range(100)), maxlen=0)
        assert 2_000 == refused.value.bound_bytes
        client.close(timeout_s=0)
