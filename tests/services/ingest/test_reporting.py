"""Does every report get its receipt or its reason, and does a bad one lose nothing else?"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical_json import decode
from ledger.commands import ReportToolUse
from ledger.errors import CandourError
from ledger.limits import MAX_BATCH_USES, MAX_MESSAGE_BYTES, RETRY_AFTER_S, USES_A_SLICE
from ledger.merkle import leaf_hash, verify_inclusion
from ledger.reports import check_report
from ledger.store.core import StoreUnavailable
from ledger.tlog import open_checkpoint
from services.ingest.raw import RawBatch
from services.pb.candour.v1 import common_pb2, ingest_pb2, proofs_pb2
from services.runtime.authn import LOOPBACK
from services.runtime.raw_uses import decode_use
from tests.services.harness import (
    AGENCY,
    PARENT,
    Server,
    failing_append,
    fresh,
    refusal_of,
    refused,
    text,
    use,
)

BATCH = "/candour.v1.IngestService/BatchReportToolUses"
NOT_UTF8 = use("x").SerializeToString().replace(b"technologies/t", b"technologies/\xff")


def raw_batch(server: Server, *uses: bytes) -> ingest_pb2.BatchReportToolUsesResponse:
    """Send uses as bytes: what our own clients cannot even write."""
    call: Any = server.channel.unary_unary(
        BATCH, response_deserializer=ingest_pb2.BatchReportToolUsesResponse.FromString
    )
    found: ingest_pb2.BatchReportToolUsesResponse = call(
        RawBatch(parent=PARENT, tool_uses=uses).SerializeToString()
    )
    return found


def check_receipt(server: Server, receipt: common_pb2.Receipt, checkpoint: str) -> bytes:
    """Verify a receipt as a stranger does; returns the entry."""
    key = server.hosted.keys.checkpoint.verifier_key
    signed = open_checkpoint(checkpoint.encode(), [key]).checkpoint
    assert receipt.leaf_index < signed.tree_size
    proof = server.proofs.GetInclusionProof(
        proofs_pb2.GetInclusionProofRequest(
            parent=PARENT, leaf_index=receipt.leaf_index, tree_size=signed.tree_size
        )
    )
    verify_inclusion(
        receipt.leaf_hash,
        leaf_index=receipt.leaf_index,
        tree_size=signed.tree_size,
        proof=list(proof.hashes),
        root=signed.root,
    )
    entry = server.proofs.GetEntry(
        proofs_pb2.GetEntryRequest(parent=PARENT, leaf_index=receipt.leaf_index)
    )
    assert leaf_hash(entry.entry) == receipt.leaf_hash
    return bytes(entry.entry)


# --- one --------------------------------------------------------------------------
def test_a_receipt_proves_the_report(server: Server) -> None:
    """Receipt, checkpoint, proof and entry agree; the entry says whose word it is."""
    response = server.report(use(reason=text("a reason"), performer=_who("jd")))
    entry = decode(check_receipt(server, response.receipt, response.checkpoint))

    assert f"toolUses/{entry['stream'].removeprefix('tool_use/')}" == response.receipt.name
    assert (AGENCY, LOOPBACK) == (entry["event"]["agency"], entry["reporter"])
    assert {"performer", "performer_identity", "reason", "source_event_id"} == set(
        entry["protected"]
    )
    assert not response.receipt.duplicate


def _who(user_id: str) -> common_pb2.Performer:
    return common_pb2.Performer(user_id=user_id)


def test_the_same_report_gives_the_first_receipt_again(server: Server) -> None:
    """Idempotent on source and id: nothing is added, and the receipt says it is the first's."""
    report = use(reason=text("same"))
    first, size = server.report(report).receipt, server.size()
    again = server.report(report)

    assert size == server.size()
    assert (first.name, first.leaf_index, first.leaf_hash) == (
        again.receipt.name,
        again.receipt.leaf_index,
        again.receipt.leaf_hash,
    )
    assert again.receipt.duplicate
    assert again.receipt.content_compared
    check_receipt(server, again.receipt, again.checkpoint)


def test_another_content_under_the_same_id_is_a_conflict(server: Server) -> None:
    """The refusal says which report holds the id, and not what either says."""
    own = fresh()
    first = server.report(use(own, reason=text("Jane"))).receipt
    found = refused(server.report, use(own, reason=text("John")))

    assert ("ALREADY_EXISTS", "CONFLICTING_RESUBMISSION") == (found.code, found.reason)
    assert {"name": first.name, "leaf_index": str(first.leaf_index)} == found.facts
    assert "Jane" not in found.message + str(found.facts)
    assert own not in found.message + str(found.facts)


def test_an_unregistered_agency_is_told_what_to_do(server: Server) -> None:
    """Nothing is recorded, and the refusal names the agency and the way out."""
    size = server.size()
    found = refused(server.report, use(agency="agencies/nobody"))

    assert ("FAILED_PRECONDITION", "AGENCY_NOT_REGISTERED") == (found.code, found.reason)
    assert {"name": "agencies/nobody"} == found.facts
    assert "RegisterAgency" in found.message
    assert size == server.size()


def test_what_is_unlawful_or_unknown_is_recorded_all_the_same(server: Server) -> None:
    """An unknown technology, source or authorization, and a time in the future, are facts."""
    future = Timestamp(seconds=250_000_000_000)
    report = use(
        source="sources/nobody-knows",
        technology="technologies/nobody-knows",
        authorizations=["authorizations/nobody-knows"],
        occurred=common_pb2.Occurred(earliest=future, latest=future),
    )
    assert server.report(report).receipt.name


@pytest.mark.parametrize(
    ("field", "members"),
    [
        ("tool_use.reason", {"reason": text("x" * 70_000)}),
        ("tool_use.trigger", {"trigger": 99}),
        ("tool_use.performer", {"performer": _who("a\0b")}),
        ("tool_use.unit", {"unit": "a\0b"}),
        (
            "tool_use.occurred.earliest",
            {"occurred": common_pb2.Occurred(earliest=Timestamp(seconds=2**60))},
        ),
        ("tool_use.agency", {"agency": ""}),
        ("tool_use.capture", {"capture": 0}),
        (
            "tool_use.source_record",
            {"source_record": common_pb2.SourceRecord(columns=["a"], row=["x" * 40_000])},
        ),
        (
            "tool_use",
            {
                "source_record": common_pb2.SourceRecord(columns=["a"], row=["x" * 30_000]),
                **{
                    field: text("y" * 16_000)
                    for field in (
                        "reason",
                        "subject",
                        "case_number",
                        "supervisor",
                        "claimed_basis",
                        "urgency_reason",
                        "occurred_text",
                    )
                },
            },
        ),
    ],
)
def test_malformed_reports_are_refused_by_field(
    server: Server, field: str, members: dict[str, Any]
) -> None:
    """INVALID_ARGUMENT names the path from the request down; nothing is recorded."""
    size = server.size()
    found = refused(server.report, use(**members))

    assert ("INVALID_ARGUMENT", field) == (found.code, found.field)
    assert size == server.size()


@pytest.mark.parametrize(
    ("code", "request_"),
    [
        ("INVALID_ARGUMENT", ingest_pb2.ReportToolUseRequest(parent="main", tool_use=use())),
        ("NOT_FOUND", ingest_pb2.ReportToolUseRequest(parent="ledgers/other", tool_use=use())),
        ("INVALID_ARGUMENT", ingest_pb2.ReportToolUseRequest(parent=PARENT)),
        (
            "INVALID_ARGUMENT",
            ingest_pb2.ReportToolUseRequest(parent=PARENT, tool_use=use(), request_id="x" * 101),
        ),
    ],
)
def test_requests_name_a_hosted_ledger_and_a_use(
    server: Server, code: str, request_: ingest_pb2.ReportToolUseRequest
) -> None:
    """Another form is malformed, another ledger is not found."""
    assert code == refused(server.ingest.ReportToolUse, request_).code


def test_texts_that_are_not_utf8_are_refused(server: Server) -> None:
    """A request that cannot be decoded is the caller's error, and says so."""
    call: Any = server.channel.unary_unary("/candour.v1.IngestService/ReportToolUse")
    data = ingest_pb2.ReportToolUseRequest(parent=PARENT).SerializeToString()
    data += b"\x12" + bytes([len(NOT_UTF8)]) + NOT_UTF8
    found = refused(call, data)

    assert ("INVALID_ARGUMENT", "request") == (found.code, found.field)


def test_oversized_messages_are_refused(server: Server) -> None:
    """Beyond MAX_MESSAGE_BYTES gRPC itself refuses, with the size; the next call is served."""
    request = ingest_pb2.ReportToolUseRequest(
        parent=PARENT, tool_use=use(reason=text("x" * MAX_MESSAGE_BYTES))
    )
    found = refused(server.ingest.ReportToolUse, request)

    assert "RESOURCE_EXHAUSTED" == found.code
    assert str(MAX_MESSAGE_BYTES) in found.message
    assert server.report(use()).receipt.name


def test_a_deadline_that_is_over_submits_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits no longer when the entry is ready gets nothing recorded."""
    prepare = server.hosted.log.prepare

    def slow(*arguments: Any) -> Any:
        time.sleep(0.4)
        return prepare(*arguments)

    size = server.size()
    with monkeypatch.context() as patch:
        patch.setattr(server.hosted.log, "prepare", slow)
        request = ingest_pb2.ReportToolUseRequest(parent=PARENT, tool_use=use())
        found = refused(server.ingest.ReportToolUse, request, timeout=0.2)
        time.sleep(0.4)

    assert "DEADLINE_EXCEEDED" == found.code
    server.report(use())  # behind it in every queue
    assert size + 1 == server.size()


# --- by the batch -----------------------------------------------------------------
def test_a_bad_item_loses_nothing_else(server: Server) -> None:
    """One result an item, in order: receipts, duplicates, and each refusal with its reason."""
    held, own = use(), fresh()
    server.report(held)
    size = server.size()
    good = [use() for _ in range(3)]
    response = raw_batch(
        server,
        good[0].SerializeToString(),
        use(reason=text("x" * 70_000)).SerializeToString(),
        NOT_UTF8,
        held.SerializeToString(),
        use(trigger=99).SerializeToString(),
        good[1].SerializeToString(),
        use(agency="agencies/nobody", performer=_who("x")).SerializeToString(),
        use(own, reason=text("a")).SerializeToString(),
        use(own, reason=text("b")).SerializeToString(),
        b"",
        b"\xff\xff",
        good[2].SerializeToString(),
    )

    told = [
        "receipt"
        if result.HasField("receipt")
        else (refusal_of(result.error).code, refusal_of(result.error).field)
        for result in response.results
    ]
    assert [
        "receipt",
        ("INVALID_ARGUMENT", "reason"),
        ("INVALID_ARGUMENT", "tool_use"),
        "receipt",
        ("INVALID_ARGUMENT", "trigger"),
        "receipt",
        ("FAILED_PRECONDITION", ""),
        "receipt",
        ("ALREADY_EXISTS", ""),
        ("INVALID_ARGUMENT", "tool_use"),
        ("INVALID_ARGUMENT", "tool_use"),
        "receipt",
    ] == told
    assert size + 4 + 1 == server.size(), "and that the same id came with another content"
    for result in response.results:
        if result.HasField("receipt"):
            check_receipt(server, result.receipt, response.checkpoint)


def test_a_batch_of_nothing_good_has_no_checkpoint(server: Server) -> None:
    """Without a receipt there is nothing to cover."""
    response = server.batch(use(trigger=99))

    assert "" == response.checkpoint
    assert response.results[0].HasField("error")


@pytest.mark.parametrize("count", [0, MAX_BATCH_USES + 1])
def test_batches_are_bounded(server: Server, count: int) -> None:
    """None, or 10,001, is refused before any of them is read."""
    size = server.size()
    found = refused(server.batch, *[common_pb2.ToolUse(agency="x")] * count)

    assert ("INVALID_ARGUMENT", "tool_uses") == (found.code, found.field)
    assert size == server.size()


def test_a_full_batch_is_taken(server: Server) -> None:
    """10,000 uses get 10,000 receipts, in order, under one checkpoint."""
    size = server.size()
    response = server.batch(*[use() for _ in range(MAX_BATCH_USES)])
    places = [result.receipt.leaf_index for result in response.results]

    assert list(range(size, size + MAX_BATCH_USES)) == places
    check_receipt(server, response.results[-1].receipt, response.checkpoint)


def test_a_large_batch_starves_nobody(server: Server) -> None:
    """While one caller's 10,000 are prepared the loop comes round after every slice."""
    batch = [use() for _ in range(MAX_BATCH_USES)]
    rounds, done = 0, threading.Event()

    async def count() -> None:
        nonlocal rounds
        while not done.is_set():
            rounds += 1
            await asyncio.sleep(0)

    counting = threading.Thread(target=lambda: server.run(count()))
    counting.start()
    server.batch(*batch)
    done.set()
    counting.join()

    assert rounds >= MAX_BATCH_USES // USES_A_SLICE


@given(st.data())
def test_any_item_is_decoded_or_refused(data: st.DataObject) -> None:
    """Whatever bytes stand for a use: a command, which is let through or refused, or our error.

    A blank source is decoded (an empty field 3 after the first) and refused by the check.
    """
    good = use("1", reason=text("x"), performer=_who("jd")).SerializeToString()
    cut = data.draw(st.integers(0, len(good)))
    found = decode_use(good[:cut] + data.draw(st.binary(max_size=20)) + good[cut:])

    if not isinstance(found, CandourError):
        assert isinstance(found, ReportToolUse)
        with suppress(CandourError):
            check_report(found)
            assert found.source


# --- a store that fails -----------------------------------------------------------
@pytest.mark.parametrize("committed", [False, True])
def test_a_store_gone_in_mid_batch_is_worth_a_retry(
    own_server: Server, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """UNAVAILABLE with retry info; resubmission lands once, whether or not it was committed."""
    batch = [use() for _ in range(2_500)]
    before = own_server.size()
    failing_append(own_server.hosted.store, monkeypatch, at={2}, committed=committed)
    found = refused(own_server.batch, *batch)

    assert ("UNAVAILABLE", "STORE_UNAVAILABLE", RETRY_AFTER_S) == (
        found.code,
        found.reason,
        found.retry_s,
    )
    again = own_server.batch(*batch)
    assert len(batch) == len({result.receipt.leaf_index for result in again.results})
    assert before + len(batch) == own_server.size()


def test_a_store_gone_at_a_look_up_is_worth_a_retry(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A performer who cannot be looked up now is no error of the report."""

    def gone(*_: Any) -> Any:
        raise StoreUnavailable("pulled by the test")

    report = use(performer=_who("new"))
    with monkeypatch.context() as patch:
        patch.setattr(own_server.hosted.store, "pseudonyms", gone)
        assert "STORE_UNAVAILABLE" == refused(own_server.report, report).reason
    assert own_server.report(report).receipt.name


def test_performers_keep_their_pseudonym(server: Server) -> None:
    """One user id at one agency is one pseudonym, in every entry that commits to it."""
    receipts = [server.report(use(performer=_who("same"))).receipt for _ in range(2)]
    found = [
        decode(stored.disclosures or b"")["performer"][1]
        for stored in server.hosted.store.entries_at(
            [receipt.leaf_index for receipt in receipts], with_disclosures=True
        )
    ]
    assert found[0] == found[1]
    assert {"same"} == {
        record.user_id for record in server.hosted.store.describe_performers(found).values()
    }


def test_an_overloaded_ledger_says_when_to_come_again(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While more waits than the queue holds nothing is taken; what was taken gets its receipt."""
    append, free = own_server.hosted.store.append, threading.Event()

    def held_up(*arguments: Any, **named: Any) -> Any:
        free.wait(30)
        return append(*arguments, **named)

    monkeypatch.setattr("services.runtime.committer.MAX_QUEUED_ENTRIES", 5)
    monkeypatch.setattr(own_server.hosted.store, "append", held_up)
    with ThreadPoolExecutor(1) as caller:
        taken = caller.submit(own_server.batch, *[use() for _ in range(5)])
        while own_server.serving.committer.queued < 5:
            time.sleep(0.01)
        found = refused(own_server.report, use())
        free.set()
        answered = taken.result(30)

    assert ("RESOURCE_EXHAUSTED", "OVERLOADED", RETRY_AFTER_S) == (
        found.code,
        found.reason,
        found.retry_s,
    )
    assert 5 == sum(result.HasField("receipt") for result in answered.results)
    assert own_server.report(use()).receipt.name
