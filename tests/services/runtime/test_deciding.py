"""Is a rare command decided anew when others were faster, and once where it was asked twice?"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ledger.limits import MAX_DECISIONS
from ledger.store.core import StreamConflict
from services.pb.candour.v1 import ingest_pb2, registry_pb2
from tests.services.harness import PARENT, Server, failing_append, fresh, refused, use


def link(server: Server, name: str, own: str, **members: Any) -> Any:
    return server.registry.LinkAuthorization(
        registry_pb2.LinkAuthorizationRequest(
            name=f"{PARENT}/{name}", authorization=f"authorizations/{own}", **members
        )
    ).receipt


def test_commands_on_one_thing_are_all_carried_out(server: Server) -> None:
    """Several at once decide from the same state, collide, and decide again."""
    name = server.report(use()).receipt.name
    with ThreadPoolExecutor(3) as callers:
        receipts = list(callers.map(lambda number: link(server, name, f"k{number}"), range(3)))

    assert 3 == len({receipt.leaf_index for receipt in receipts})
    assert not any(receipt.duplicate for receipt in receipts)


def test_one_request_sent_twice_at_once_lands_once(server: Server) -> None:
    """Two copies of one request get one receipt, the later as a duplicate."""
    name = server.report(use()).receipt.name
    size, asked = server.size(), fresh("request")
    with ThreadPoolExecutor(4) as callers:
        receipts = list(callers.map(lambda _: link(server, name, "k", request_id=asked), range(4)))

    assert 1 == len({receipt.leaf_index for receipt in receipts})
    assert 3 == sum(receipt.duplicate for receipt in receipts)
    assert size + 1 == server.size()


def test_a_lost_race_is_given_up_after_some_decisions(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where others always are faster the caller is told to ask again, and nothing is recorded."""
    name = own_server.report(use()).receipt.name
    tries: list[int] = []

    def outrun(entries: Any) -> Any:
        tries.append(len(entries))
        head = own_server.hosted.store.head()
        return [StreamConflict(item.stream, item.version) for item in entries], head

    size = own_server.size()
    monkeypatch.setattr(own_server.hosted.log, "append", outrun)
    found = refused(link, own_server, name, "k")

    assert ("ABORTED", "CONCURRENT_CHANGE") == (found.code, found.reason)
    assert {"name": name} == found.facts
    assert [1] * MAX_DECISIONS == tries
    assert size == own_server.size()


@pytest.mark.parametrize("committed", [False, True])
def test_a_store_that_fails_is_asked_again_by_request_id(
    own_server: Server, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """The command lands once, whether or not the failed commit had it."""
    name = own_server.report(use()).receipt.name
    size, asked = own_server.size(), fresh("request")
    failing_append(own_server.hosted.store, monkeypatch, at={1}, committed=committed)

    assert "STORE_UNAVAILABLE" == refused(link, own_server, name, "k", request_id=asked).reason
    assert committed == link(own_server, name, "k", request_id=asked).duplicate
    assert size + 1 == own_server.size()


def test_a_caller_that_waits_no_longer_gets_nothing_submitted(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decision that outlasts the deadline is not submitted."""
    name = own_server.report(use()).receipt.name
    registrar, size = own_server.hosted.registrar, own_server.size()
    decide, decided = registrar.withdraw_use, threading.Event()

    def slow(*arguments: Any) -> Any:
        decided.wait(5)
        return decide(*arguments)

    monkeypatch.setattr(registrar, "withdraw_use", slow)
    request = ingest_pb2.WithdrawToolUseRequest(name=f"{PARENT}/{name}", reason="x")
    found = refused(own_server.ingest.WithdrawToolUse, request, timeout=0.2)
    decided.set()

    assert "DEADLINE_EXCEEDED" == found.code
    monkeypatch.undo()
    link(own_server, name, "k")  # behind it in every queue
    assert size + 1 == own_server.size()
