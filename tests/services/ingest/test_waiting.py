"""Does a report wait for the checkpoint its caller asked for, and no longer than it should?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from ledger.tlog import claimed_checkpoint, open_witnessed, parse_trust_policy
from services.pb.candour.v1 import ingest_pb2 as pb
from services.runtime.hosting import open_ledger
from services.runtime.settings import Settings
from services.witness.server import WitnessServer
from tests.services.harness import PARENT, Server, refused, use
from tests.services.witness.harness import served


def one(wait_for: int, **members: str) -> pb.ReportToolUseRequest:
    chosen = cast(pb.WaitFor.ValueType, wait_for)
    return pb.ReportToolUseRequest(parent=PARENT, tool_use=use(**members), wait_for=chosen)


def batch(wait_for: pb.WaitFor.ValueType, count: int) -> pb.BatchReportToolUsesRequest:
    uses = [use() for _ in range(count)]
    return pb.BatchReportToolUsesRequest(parent=PARENT, tool_uses=uses, wait_for=wait_for)


def test_published_is_what_everybody_is_shown(server: Server) -> None:
    """The checkpoint of the answer covers its receipts, and is served from now on."""
    alone = server.ingest.ReportToolUse(one(pb.WAIT_FOR_PUBLISHED))
    many = server.ingest.BatchReportToolUses(batch(pb.WAIT_FOR_PUBLISHED, 3))
    for note, leaf_index in (
        (alone.checkpoint, alone.receipt.leaf_index),
        (many.checkpoint, many.results[-1].receipt.leaf_index),
    ):
        size = claimed_checkpoint(note.encode()).tree_size
        published = server.hosted.store.published(tree_size=size)
        assert size > leaf_index
        assert published is not None
        assert note.encode() == published.note


def test_a_repeated_report_waits_as_well(server: Server) -> None:
    """Whoever got no answer in time sends it again, and gets the first receipt and a checkpoint."""
    request = one(pb.WAIT_FOR_PUBLISHED, source_event_id="again")
    first, second = (server.ingest.ReportToolUse(request) for _ in range(2))

    assert second.receipt.duplicate
    assert first.receipt.leaf_index == second.receipt.leaf_index
    assert claimed_checkpoint(second.checkpoint.encode()).tree_size > first.receipt.leaf_index


def test_nothing_is_witnessed_without_a_quorum(server: Server) -> None:
    """It is said before anything is recorded; and so is a choice that nobody knows."""
    size = server.size()
    for call, request in (
        (server.ingest.ReportToolUse, one(pb.WAIT_FOR_WITNESSED)),
        (server.ingest.BatchReportToolUses, batch(pb.WAIT_FOR_WITNESSED, 2)),
    ):
        found = refused(call, request)
        assert ("FAILED_PRECONDITION", "NO_QUORUM") == (found.code, found.reason)
    assert "wait_for" == refused(server.ingest.ReportToolUse, one(9)).field
    assert size == server.size()


def test_batch_of_refused_uses_waits_for_nothing(server: Server) -> None:
    """Each has its status; there is no checkpoint to wait for."""
    request = pb.BatchReportToolUsesRequest(
        parent=PARENT, tool_uses=[use(agency="")], wait_for=pb.WAIT_FOR_PUBLISHED
    )
    response = server.ingest.BatchReportToolUses(request)

    assert "" == response.checkpoint
    assert response.results[0].HasField("error")


@pytest.fixture
def witness(settings: Settings, tmp_path: Path) -> Iterator[WitnessServer]:
    """A witness of the ledger that `settings` will host."""
    hosted = open_ledger(settings)
    key = hosted.keys.checkpoint.verifier_key
    hosted.close()
    with served(tmp_path / "witness", [key]) as server:
        yield server


def test_witnessed_report(settings: Settings, witness: WitnessServer, tmp_path: Path) -> None:
    """Without the witness it waits, and is recorded all the same; with it, the quorum signed."""
    policy, key = tmp_path / "policy", witness.service.verifier_key
    policy.write_text(f"witness w {key.format()} {witness.url}\nquorum w\n")
    answering, ask = threading.Event(), witness.service.add_checkpoint

    def slow(body: bytes) -> object:
        answering.wait(20)
        return ask(body)

    witness.service.add_checkpoint = slow  # type: ignore[assignment, method-assign]
    watched = Settings(
        data=settings.data, database_url=settings.database_url, witness_policy=policy
    )
    answering.set()
    with Server(watched) as server:
        answering.clear()
        request = one(pb.WAIT_FOR_WITNESSED)
        found = refused(server.ingest.ReportToolUse, request, timeout=1.5)
        assert ("UNAVAILABLE", "NOT_PUBLISHED") == (found.code, found.reason)
        answering.set()
        response = server.ingest.ReportToolUse(request)

        assert response.receipt.duplicate
        witnessed = open_witnessed(
            response.checkpoint.encode(),
            parse_trust_policy(server.hosted.keys.trust_text(server.hosted.policy).encode()),
            server.hosted.keys.origin,
        )
        assert witnessed.checkpoint.tree_size > response.receipt.leaf_index
        assert "w" in witnessed.cosigned
