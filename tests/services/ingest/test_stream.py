"""Do uses that come one by one get their receipts in order, as they commit?"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import grpc
import pytest

from ledger.limits import RETRY_AFTER_S
from services.ingest.raw import RawStreamed
from services.pb.candour.v1 import common_pb2, ingest_pb2
from tests.services.harness import PARENT, Server, failing_append, fresh, refusal_of, refused, use
from tests.services.ingest.test_reporting import NOT_UTF8, check_receipt


def requests(uses: Iterable[common_pb2.ToolUse]) -> Iterator[ingest_pb2.StreamToolUsesRequest]:
    """The first request names the ledger; the others need not."""
    for index, one in enumerate(uses):
        yield ingest_pb2.StreamToolUsesRequest(parent="" if index else PARENT, tool_use=one)


def results(
    responses: Iterable[ingest_pb2.StreamToolUsesResponse],
) -> list[ingest_pb2.ReportResult]:
    return [result for response in responses for result in response.results]


def test_receipts_come_in_order(server: Server) -> None:
    """As many results as requests, each at its place, and each group under its checkpoint."""
    ids = [fresh() for _ in range(3_000)]
    places = []
    for response in server.ingest.StreamToolUses(requests(use(own) for own in ids)):
        places += [result.receipt.leaf_index for result in response.results]
        last = response.results[-1]
        check_receipt(server, last.receipt, response.checkpoint)

    assert len(ids) == len(places)
    assert sorted(places) == places
    (first,) = results(server.ingest.StreamToolUses(requests([use(ids[0])])))
    assert places[0] == first.receipt.leaf_index
    assert first.receipt.duplicate


def test_a_bad_use_keeps_its_place(server: Server) -> None:
    """A refusal stands among the receipts, and the stream goes on."""

    def raw() -> Iterator[bytes]:
        good = [use().SerializeToString() for _ in range(2)]
        for data in (good[0], NOT_UTF8, use(trigger=99).SerializeToString(), good[1]):
            yield RawStreamed(parent=PARENT, tool_use=data).SerializeToString()
        yield ingest_pb2.StreamToolUsesRequest().SerializeToString()

    call: Any = server.channel.stream_stream(
        "/candour.v1.IngestService/StreamToolUses",
        response_deserializer=ingest_pb2.StreamToolUsesResponse.FromString,
    )
    told = [
        "receipt" if result.HasField("receipt") else refusal_of(result.error).field
        for result in results(call(raw()))
    ]
    assert ["receipt", "tool_use", "trigger", "receipt", "tool_use"] == told


def test_receipts_do_not_wait_for_the_next_use(server: Server) -> None:
    """Who sends one use and waits is answered; who says nothing more ends the stream."""
    waiting: queue.Queue[common_pb2.ToolUse | None] = queue.Queue()
    call = server.ingest.StreamToolUses(requests(iter(waiting.get, None)))
    for _ in range(3):
        waiting.put(use())
        assert 1 == len(next(call).results)
    waiting.put(None)

    assert [] == list(call)


def test_an_empty_stream_has_no_answer(server: Server) -> None:
    """Nothing said, nothing recorded, no error."""
    size = server.size()

    assert [] == list(server.ingest.StreamToolUses(iter([])))
    assert size == server.size()


@pytest.mark.parametrize(
    ("code", "parents"),
    [
        ("INVALID_ARGUMENT", [""]),
        ("NOT_FOUND", ["ledgers/other"]),
        ("INVALID_ARGUMENT", [PARENT, "ledgers/other"]),
    ],
)
def test_a_stream_speaks_of_one_ledger(server: Server, code: str, parents: list[str]) -> None:
    """Another parent ends the stream; what came before it has its receipts."""
    size = server.size()
    call = server.ingest.StreamToolUses(
        ingest_pb2.StreamToolUsesRequest(parent=parent, tool_use=use()) for parent in parents
    )
    answered: list[Any] = []
    with pytest.raises(grpc.RpcError) as error:
        answered.extend(iter(lambda: next(call), None))

    assert code == error.value.code().name
    assert len(parents) - 1 == len(answered) == server.size() - size


def test_a_store_gone_fails_the_uses_of_one_commit(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those in the failed commit are told to come again; the stream and the others go on."""
    failing_append(own_server.hosted.store, monkeypatch, at={2}, committed=True)
    uses = [use() for _ in range(3)]
    waiting: queue.Queue[common_pb2.ToolUse | None] = queue.Queue()
    call = own_server.ingest.StreamToolUses(requests(iter(waiting.get, None)))
    told: list[Any] = []
    for one in uses:
        waiting.put(one)
        told += next(call).results
    waiting.put(None)

    assert [True, False, True] == [result.HasField("receipt") for result in told]
    found = refusal_of(told[1].error)
    assert ("STORE_UNAVAILABLE", RETRY_AFTER_S) == (found.reason, found.retry_s)
    (again,) = results(own_server.ingest.StreamToolUses(requests([uses[1]])))
    assert again.receipt.duplicate


def test_a_drain_ends_streams_after_their_receipts(own_server: Server) -> None:
    """A process that ends does not wait for a silent caller, and owes nobody a receipt."""
    silence = threading.Event()

    def two_and_silence() -> Iterator[common_pb2.ToolUse]:
        yield from (use(), use())
        silence.wait(60)

    call = own_server.ingest.StreamToolUses(requests(two_and_silence()))
    received = len(next(call).results)
    stopping = threading.Thread(target=own_server.stop)
    stopping.start()
    found = None
    try:
        for response in call:
            received += len(response.results)
    except grpc.RpcError as error:
        found = error
    stopping.join(30)
    silence.set()

    assert not stopping.is_alive()
    assert 2 == received
    assert found is not None
    assert grpc.StatusCode.UNAVAILABLE == found.code()


def test_a_caller_that_hangs_up_leaves_nothing_behind(server: Server) -> None:
    """A cancelled stream lets go of its task; the next call is served."""
    waiting: queue.Queue[common_pb2.ToolUse | None] = queue.Queue()
    call = server.ingest.StreamToolUses(requests(iter(waiting.get, None)))
    waiting.put(use())
    next(call)
    call.cancel()
    waiting.put(None)

    assert server.report(use()).receipt.name
    for _ in range(100):
        if not server.serving.intakes:
            break
        silence = threading.Event()
        silence.wait(0.05)
    assert set() == server.serving.intakes


def test_a_stream_is_refused_as_a_whole_where_it_cannot_begin(server: Server) -> None:
    """The refusal of the first request is the status of the call."""
    call = server.ingest.StreamToolUses(
        iter([ingest_pb2.StreamToolUsesRequest(parent="main", tool_use=use())])
    )
    assert "parent" == refused(lambda: call).field
