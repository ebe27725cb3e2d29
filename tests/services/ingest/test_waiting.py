"""Does a report wait for the checkpoint its caller asked for, and no longer than it should?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from ledger.tlog import claimed_checkpoint, open_witnessed, parse_trust_policy
from services.pb.candour.v1 import common_pb2, record_pb2, registry_pb2
from services.pb.candour.v1 import ingest_pb2 as pb
from services.runtime.hosting import open_ledger
from services.runtime.settings import Settings
from services.witness.server import WitnessServer
from tests.services.harness import AGENCY, PARENT, Server, fresh, refused, use
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


# --- a stream, and rare commands -------------------------------------------------------
def streamed(server: Server, *wait_for: int) -> list[pb.StreamToolUsesResponse]:
    """A use for each of these; the first says what the stream waits for."""
    requests = [
        pb.StreamToolUsesRequest(
            parent=PARENT, tool_use=use(), wait_for=cast(pb.WaitFor.ValueType, one)
        )
        for one in wait_for
    ]
    return list(server.ingest.StreamToolUses(iter(requests)))


def test_stream_waits_as_well(server: Server) -> None:
    """Every response carries a published checkpoint that covers its receipts."""
    responses = streamed(server, pb.WAIT_FOR_PUBLISHED, 0, pb.WAIT_FOR_PUBLISHED)

    assert 3 == sum(len(response.results) for response in responses)
    for response in responses:
        size = claimed_checkpoint(response.checkpoint.encode()).tree_size
        published = server.hosted.store.published(tree_size=size)
        assert published is not None
        assert response.checkpoint.encode() == published.note
        assert all(result.receipt.leaf_index < size for result in response.results)


def test_stream_that_cannot_wait_records_nothing(server: Server) -> None:
    """It is said at its first use; and no later one may change what it waits for."""
    size = server.size()
    found = refused(streamed, server, pb.WAIT_FOR_WITNESSED)
    assert ("FAILED_PRECONDITION", "NO_QUORUM") == (found.code, found.reason)
    assert "wait_for" == refused(streamed, server, 9).field
    assert size == server.size()
    changed = refused(streamed, server, pb.WAIT_FOR_COMMITTED, pb.WAIT_FOR_PUBLISHED)
    assert "wait_for" == changed.field


def commands(server: Server) -> dict[str, Callable[[pb.WaitFor.ValueType], Any]]:
    """Every rare command that can wait, about things that are there."""
    name = server.report(use()).receipt.name
    other = server.report(use()).receipt.name
    third = server.report(use()).receipt.name
    agency = registry_pb2.Agency(name=f"agencies/{fresh('w')}", display_name="W")
    technology = registry_pb2.Technology(name=f"technologies/{fresh('w')}", display_name="W")
    source = registry_pb2.Source(name=f"sources/{fresh('w')}", display_name="W", agency=AGENCY)
    declared = pb.DeclareImportRequest(
        parent=PARENT,
        agency=AGENCY,
        source="sources/s",
        file_sha256=f"{int(fresh('').strip('-')):064x}",
        rows=1,
        layout="x",
        capture=common_pb2.CAPTURE_BACKFILL,
    )
    file = server.ingest.DeclareImport(declared).receipt.name

    def asking(call: Callable[[Any], Any], kind: Any, **members: Any) -> Callable[[int], Any]:
        return lambda wait_for: call(kind(**members, wait_for=wait_for))

    registry, ingest = server.registry, server.ingest
    of = f"{PARENT}/"
    return {
        "agency": asking(
            registry.RegisterAgency,
            registry_pb2.RegisterAgencyRequest,
            parent=PARENT,
            agency=agency,
        ),
        "technology": asking(
            registry.RegisterTechnology,
            registry_pb2.RegisterTechnologyRequest,
            parent=PARENT,
            technology=technology,
        ),
        "source": asking(
            registry.RegisterSource,
            registry_pb2.RegisterSourceRequest,
            parent=PARENT,
            source=source,
        ),
        "link": asking(
            registry.LinkAuthorization,
            registry_pb2.LinkAuthorizationRequest,
            name=of + name,
            authorization="authorizations/k",
        ),
        "complete": asking(
            ingest.CompleteImport, pb.CompleteImportRequest, name=of + file, accepted=1
        ),
        "withdraw import": asking(
            ingest.WithdrawImport, pb.WithdrawImportRequest, name=of + file, reason="wrong"
        ),
        "withdraw": asking(
            ingest.WithdrawToolUse, pb.WithdrawToolUseRequest, name=of + name, reason="wrong"
        ),
        "same as": asking(
            ingest.MarkToolUseSameAs, pb.MarkToolUseSameAsRequest, name=of + other, same_as=third
        ),
    }


def test_rare_commands_wait_as_well(server: Server) -> None:
    """The same way for all of them; asked again, they wait for the first receipt's checkpoint."""
    for what, call in commands(server).items():
        size = server.size()
        found = refused(call, pb.WAIT_FOR_WITNESSED)
        assert (what, "NO_QUORUM") == (what, found.reason)
        assert size == server.size(), what
        for _ in range(2):
            answer = call(pb.WAIT_FOR_PUBLISHED)
            covered = claimed_checkpoint(answer.checkpoint.encode()).tree_size
            published = server.hosted.store.published(tree_size=covered)
            assert covered > answer.receipt.leaf_index, what
            assert published is not None, what
            assert answer.checkpoint.encode() == published.note, what


def recorded(wait_for: int, *names: str, checked: bool = False) -> record_pb2.BatchRecordRequest:
    """A batch that registers technologies of these names."""
    facts = [
        record_pb2.RecordedFact(
            technology_registered=record_pb2.TechnologyRegistered(technology=name, name="W")
        )
        for name in names
    ]
    chosen = cast(pb.WaitFor.ValueType, wait_for)
    return record_pb2.BatchRecordRequest(
        parent=PARENT, facts=facts, validate_only=checked, wait_for=chosen
    )


def test_batch_of_facts_waits_as_well(server: Server) -> None:
    """Its checkpoint covers every receipt, told anew or before; without a receipt there is none."""
    names = [f"technologies/{fresh('w')}" for _ in range(2)]
    size = server.size()
    found = refused(server.record.BatchRecord, recorded(pb.WAIT_FOR_WITNESSED, *names))
    assert "NO_QUORUM" == found.reason
    checked = server.record.BatchRecord(recorded(pb.WAIT_FOR_PUBLISHED, *names, checked=True))
    assert ("", size) == (checked.checkpoint, server.size())
    for _ in range(2):
        answer = server.record.BatchRecord(recorded(pb.WAIT_FOR_PUBLISHED, *names))
        covered = claimed_checkpoint(answer.checkpoint.encode()).tree_size
        published = server.hosted.store.published(tree_size=covered)
        assert size + 2 <= covered
        assert published is not None
        assert answer.checkpoint.encode() == published.note
