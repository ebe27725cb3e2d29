"""Is a CloudEvent that has a receipt durable, and is everything else refused with its reason?"""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent

from ledger.canonical_json import decode
from ledger.limits import (
    MAX_BODIES_BYTES,
    MAX_BODY_BYTES,
    MAX_CONCURRENT_CALLS,
    MAX_QUEUED_ENTRIES,
)
from ledger.merkle import leaf_hash
from ledger.store.core import StoreUnavailable
from ledger.tlog import open_checkpoint
from services.gateway import intake as intake_module
from services.gateway.intake import Body, Intake, TooMuchAtOnce, intakes_of
from services.runtime.authn import LOOPBACK
from tests.services.gateway.reporting import BATCH, EVENTS, Answered, event, post
from tests.services.harness import Server, failing_append, fresh, text, use

STRUCTURED = {"Content-Type": "application/cloudevents+json"}


def send(server: Server, one: CloudEvent, mode: Any = to_structured) -> Answered:
    return post(server, EVENTS, *mode(one))


def batch(server: Server, *events: CloudEvent | bytes) -> Answered:
    """A batch of events, or of whatever bytes stand in place of one."""
    bodies = [one if isinstance(one, bytes) else to_structured(one)[1] for one in events]
    return post(server, EVENTS, {"Content-Type": BATCH}, b"[" + b",".join(bodies) + b"]")


# --- one --------------------------------------------------------------------------
@pytest.mark.parametrize("mode", [to_structured, to_binary])
def test_a_receipt_binds_the_ledger(server: Server, mode: Any) -> None:
    """In either mode: the entry of that hash is at that place, under a checkpoint signed for it."""
    found = send(server, event(reason="Jane Roe"), mode)
    receipt = found.json["receipt"]
    key = server.hosted.keys.checkpoint.verifier_key
    signed = open_checkpoint(found.json["checkpoint"].encode(), [key]).checkpoint
    (stored,) = server.hosted.store.entries_at([receipt["leaf_index"]])

    assert (200, "no-store") == (found.status, found.headers["cache-control"])
    assert receipt["leaf_index"] < signed.tree_size
    assert receipt["leaf_hash"] == leaf_hash(stored.entry).hex()
    assert LOOPBACK == decode(stored.entry)["reporter"]
    assert b"Jane" not in stored.entry


def test_any_http_client_will_do(server: Server) -> None:
    """The SDK's own example: `requests`, with what it makes of an event."""
    headers, body = to_binary(event())
    address = f"http://{server.http.address}{EVENTS}"

    assert 200 == requests.post(address, data=body, headers=headers, timeout=60).status_code


def test_all_ways_of_one_event_are_one_report(server: Server) -> None:
    """Structured, binary, in a batch, over gRPC: the first receipt again."""
    own = fresh()
    first = send(server, event(own, reason="same")).json["receipt"]
    again = [
        send(server, event(own, reason="same"), to_binary).json["receipt"],
        batch(server, event(own, reason="same")).json["results"][0]["receipt"],
    ]
    grpc = server.report(use(own, reason=text("same"))).receipt

    assert [{**first, "duplicate": True}] * 2 == again
    assert (first["name"], True) == (grpc.name, grpc.duplicate)


def test_another_content_under_the_same_id_is_a_conflict(server: Server) -> None:
    """409, with the place of the first and nothing that either said."""
    own = fresh()
    first = send(server, event(own, reason="Jane Roe")).json["receipt"]
    found = send(server, event(own, reason="John Doe"))

    assert (409, "CONFLICTING_RESUBMISSION") == (found.status, found.json["reason"])
    assert {"name": first["name"], "leaf_index": str(first["leaf_index"])} == found.json["metadata"]
    assert not [word for word in (b"Jane", b"John", own.encode()) if word in found.body]


@pytest.mark.parametrize(
    ("expected", "reason", "field", "members"),
    [
        (400, "MALFORMED", "capture", {"capture": None}),
        (400, "MALFORMED", "occurred.latest", {"occurred": {"latest": "Jane Roe"}}),
        (400, "MALFORMED", "agency", {"agency": "Jane Roe"}),
        (400, "AGENCY_NOT_REGISTERED", None, {"agency": "agencies/nobody"}),
    ],
)
def test_a_problem_names_what_is_wrong(
    server: Server, expected: int, reason: str, field: str | None, members: dict[str, Any]
) -> None:
    """The reasons of google.rpc.Status, as problem details; nothing is recorded."""
    size = server.size()
    found = send(server, event(**members))
    fields = [violation["field"] for violation in found.json.get("violations", [])]

    assert (expected, "application/problem+json") == (found.status, found.headers["content-type"])
    assert ("about:blank", expected, reason, "candour") == tuple(
        found.json[name] for name in ("type", "status", "reason", "domain")
    )
    assert ([] if field is None else [field]) == fields
    assert b"Jane" not in found.body
    assert size == server.size()


def test_a_ledger_that_is_not_here_is_not_found(server: Server) -> None:
    """By its name."""
    found = post(server, "/ledgers/other/events", *to_structured(event()))

    assert (404, "LEDGER_NOT_FOUND") == (found.status, found.json["reason"])


# --- many -------------------------------------------------------------------------
def test_a_batch_is_answered_event_by_event(server: Server) -> None:
    """In order; a bad event loses nothing else, and the status says that there is one."""
    own = fresh()
    before = server.size()
    found = batch(
        server,
        event(own),
        b'{"id":"a","id":"b"}',
        event(agency="agencies/nobody"),
        event(own),
        event(own, reason="another"),
        b"1.5",
        event(),
    )
    results = found.json["results"]

    assert 207 == found.status
    assert [
        before,
        "MALFORMED",
        "AGENCY_NOT_REGISTERED",
        before,
        "CONFLICTING_RESUBMISSION",
        "MALFORMED",
        before + 1,
    ] == [
        one["receipt"]["leaf_index"] if "receipt" in one else one["problem"]["reason"]
        for one in results
    ]
    assert [409, 400] == [results[n]["problem"]["status"] for n in (4, 5)]
    assert before + 2 + 1 == server.size(), "and that one id came with another content"


def test_a_batch_without_fault_says_so(server: Server) -> None:
    """200; an empty one has nothing to record and no checkpoint."""
    assert 200 == batch(server, event(), event()).status
    empty = batch(server)
    assert (200, {"results": [], "checkpoint": ""}) == (empty.status, empty.json)


def test_a_batch_is_one_request_to_the_committer(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2,500 events, more than one transaction takes, are accepted whole or not at all."""
    taken: list[int] = []
    committer = own_server.serving.committer
    enqueue = committer.enqueue

    def counting(entries: Any) -> Any:
        taken.append(len(entries))
        return enqueue(entries)

    monkeypatch.setattr(committer, "enqueue", counting)
    found = batch(own_server, *(event() for _ in range(2_500)))
    places = [one["receipt"]["leaf_index"] for one in found.json["results"]]

    assert [2_500] == taken
    assert list(range(places[0], places[0] + 2_500)) == places


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"\xff", b"[" * 100])
def test_what_is_no_batch_is_refused_whole(server: Server, body: bytes) -> None:
    """There are no items to answer for."""
    found = post(server, EVENTS, {"Content-Type": BATCH}, body)

    assert (400, "MALFORMED") == (found.status, found.json["reason"])


# --- bodies -----------------------------------------------------------------------
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json"},
        {"Content-Type": "application/cloudevents+avro", "ce-specversion": "1.0"},
        {"Content-Type": "application/cloudevents+json; charset=utf-16"},
        {"Content-Type": "text/plain", "ce-specversion": "1.0"},
        {**STRUCTURED, "Content-Encoding": "br"},
    ],
    ids=str,
)
def test_other_content_types_are_refused(server: Server, headers: dict[str, str]) -> None:
    """415: neither an event, a batch, nor JSON beside ce-… headers; or packed in another way."""
    found = post(server, EVENTS, headers, to_structured(event())[1])

    assert 415 == found.status
    assert found.json["reason"] in ("UNSUPPORTED_MEDIA_TYPE", "UNSUPPORTED_ENCODING")


@pytest.mark.parametrize(
    ("packing", "pack"),
    [
        ("gzip", gzip.compress),
        ("gzip", lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])),
        ("deflate", zlib.compress),
    ],
)
def test_packed_bodies_are_unpacked(server: Server, packing: str, pack: Any) -> None:
    """gzip, also in several members, and what HTTP calls deflate."""
    body = pack(to_structured(event())[1])

    assert 200 == post(server, EVENTS, {**STRUCTURED, "Content-Encoding": packing}, body).status


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"{}", mtime=0)[:-4], b""])
def test_what_is_packed_otherwise_is_malformed(server: Server, body: bytes) -> None:
    """Another format, or one that breaks off."""
    found = post(server, EVENTS, {**STRUCTURED, "Content-Encoding": "gzip"}, body)

    assert (400, "MALFORMED", "body") == (
        found.status,
        found.json["reason"],
        found.json["metadata"]["field"],
    )


def test_bodies_are_bounded(server: Server) -> None:
    """By what they say, by what comes in chunks, and by what they unpack to."""
    blank = b" " * 65_536
    chunks = MAX_BODY_BYTES // len(blank) + 1

    def parts() -> Iterator[bytes]:
        for _ in range(chunks):
            yield blank

    packed = {**STRUCTURED, "Content-Encoding": "gzip"}
    found = [
        post(server, EVENTS, {**STRUCTURED, "Content-Length": str(MAX_BODY_BYTES + 1)}, b""),
        post(server, EVENTS, STRUCTURED, parts()),
        post(server, EVENTS, packed, gzip.compress(blank * chunks)),
    ]
    assert [(413, "TOO_LARGE")] * 3 == [(one.status, one.json["reason"]) for one in found]


def test_bodies_together_are_bounded(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no room is asked to come again; when the others are gone there is room."""
    first, rest, size = threading.Event(), threading.Event(), 300
    taken: list[Answered] = []

    def slowly() -> Iterator[bytes]:
        yield b" " * size
        first.set()
        assert rest.wait(60)
        yield to_structured(event())[1]

    slow = threading.Thread(
        target=lambda: taken.append(post(own_server, EVENTS, STRUCTURED, slowly()))
    )
    monkeypatch.setattr(Body, "read", _with_room_for(2 * size - 1))
    slow.start()
    assert first.wait(60)
    found = _until(429, lambda: post(own_server, EVENTS, STRUCTURED, b" " * size))
    rest.set()
    slow.join()

    assert (429, "OVERLOADED", "1") == (
        found.status,
        found.json["reason"],
        found.headers["retry-after"],
    )
    assert [200] == [one.status for one in taken]
    assert 200 == send(own_server, event()).status


def _with_room_for(size_bytes: int) -> Any:
    """A Body.read with less room; its ledger's, for as long as the test lasts."""
    read = Body.read

    async def reading(self: Body, request: Any) -> bytes:
        self.intake.max_bytes = size_bytes
        return await read(self, request)

    return reading


def _until(status: int, ask: Callable[[], Answered]) -> Answered:
    """Ask until that is the answer: a body on its way may not be counted yet."""
    for _ in range(600):
        found = ask()
        if found.status == status:
            return found
        threading.Event().wait(0.05)
    raise AssertionError(f"never {status}")


def test_ledgers_do_not_take_each_others_room() -> None:
    """Each has its share of the calls and of the bytes, and one body always fits."""
    two, many = intakes_of(["a", "b"]), intakes_of(map(str, range(40)))

    assert {(MAX_CONCURRENT_CALLS // 2, MAX_BODIES_BYTES // 2)} == {
        (one.max_calls, one.max_bytes) for one in two.values()
    }
    assert two["a"] is not two["b"]
    assert {MAX_BODY_BYTES} == {one.max_bytes for one in many.values()}


def test_calls_at_once_are_bounded() -> None:
    """One more than there are places is asked to come again, until one is free."""
    intake = Intake(MAX_CONCURRENT_CALLS)
    with intake.body(), pytest.raises(TooMuchAtOnce), intake.body():
        pass
    with intake.body():
        pass


def test_a_silent_body_is_not_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """408, and its room is free again."""
    monkeypatch.setattr(intake_module, "BODY_S", 0.2)
    host, port = server.http.address.split(":")
    head = f"POST {EVENTS} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(f"{head}Content-Type: application/cloudevents+json\r\n\r\n{{".encode())
        said = connection.recv(1_000)

    assert said.startswith(b"HTTP/1.1 408 ")


# --- who reports ------------------------------------------------------------------
@pytest.mark.parametrize(
    "header", [{"Origin": "http://127.0.0.1"}, {"Origin": "null"}, {"X-Forwarded-For": "::1"}]
)
def test_pages_and_proxies_cannot_report(server: Server, header: dict[str, str]) -> None:
    """They speak for others, and an entry says whose word it is."""
    size = server.size()
    headers, body = to_structured(event())
    found = post(server, EVENTS, {**headers, **header}, body)

    assert (403, "UNAUTHENTICATED") == (found.status, found.json["reason"])
    assert size == server.size()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_events_are_only_posted(server: Server, method: str) -> None:
    """Nothing is read here, and nothing replaced or taken away."""
    address = f"http://{server.http.address}{EVENTS}"

    assert 405 == requests.request(method, address, timeout=60).status_code


# --- a ledger that cannot take it now ---------------------------------------------
@pytest.mark.parametrize("committed", [False, True])
def test_a_store_that_goes_away_is_worth_a_retry(
    own_server: Server, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """503 and when to come again; the same batch again lands once, whatever was committed."""
    events = [event() for _ in range(3)]
    before = own_server.size()
    failing_append(own_server.hosted.store, monkeypatch, at={1}, committed=committed)
    found = batch(own_server, *events)

    assert (503, "STORE_UNAVAILABLE", "1") == (
        found.status,
        found.json["reason"],
        found.headers["retry-after"],
    )
    assert 200 == batch(own_server, *events).status
    assert before + 3 == own_server.size()


def test_an_overloaded_ledger_takes_nothing_of_a_batch(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429; what waits already gets its receipts."""
    store, free = own_server.hosted.store, threading.Event()
    append = store.append

    def slow(*arguments: Any, **named: Any) -> Any:
        assert free.wait(60)
        return append(*arguments, **named)

    monkeypatch.setattr(store, "append", slow)
    waiting: list[Answered] = []
    first = threading.Thread(target=lambda: waiting.append(send(own_server, event())))
    first.start()
    while not own_server.serving.committer.queued:
        threading.Event().wait(0.01)
    monkeypatch.setattr("services.runtime.committer.MAX_QUEUED_ENTRIES", 2)
    found = batch(own_server, event(), event())
    monkeypatch.setattr("services.runtime.committer.MAX_QUEUED_ENTRIES", MAX_QUEUED_ENTRIES)
    free.set()
    first.join()

    assert (429, "OVERLOADED", "1") == (
        found.status,
        found.json["reason"],
        found.headers["retry-after"],
    )
    assert [200] == [one.status for one in waiting]


def test_what_goes_wrong_in_us_is_our_fault(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 and an incident to ask for; the caller sees no trace and no value."""

    def broken(*_: Any) -> Any:
        raise RuntimeError("Jane Roe")

    monkeypatch.setattr(own_server.hosted.log, "check", broken)
    found = send(own_server, event())

    assert (500, "INTERNAL") == (found.status, found.json["reason"])
    assert found.json["metadata"]["incident"]
    assert b"Jane" not in found.body


def test_a_name_that_cannot_be_looked_up_is_worth_a_retry(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no error of the event."""

    def gone(*_: Any) -> Any:
        raise StoreUnavailable("pulled by the test")

    one = event(performer={"name": "Jane Roe"})
    with monkeypatch.context() as patch:
        patch.setattr(own_server.hosted.store, "pseudonyms", gone)
        assert 503 == send(own_server, one).status
    assert 200 == send(own_server, one).status
