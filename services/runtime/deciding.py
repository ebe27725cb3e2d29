"""How is a rare command carried out? Decided in a thread, committed like any report.

    Asked ──first receipt of this request_id?──► decide (registrar) ──► committer ──► receipt
                          ▲                                                 │
                          └────────── somebody else was faster ◄────────────┘

What was done before is no error: its first receipt comes again. Source: AIP-155.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from grpc.aio import ServicerContext

from ledger.application import Registrar
from ledger.canonical_json import JsonValue
from ledger.domain.base import Already, Provenance
from ledger.errors import CandourError
from ledger.limits import MAX_DECISIONS
from ledger.log import ConflictingResubmission, Receipt
from ledger.merkle import leaf_hash
from ledger.store.core import NewEntry, StreamConflict
from ledger.streams import name_of_stream
from services.runtime.serving import Serving, check_deadline
from services.runtime.value_messages import receipt_message
from services.runtime.waiting import check_wait, checkpoint_over


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A command, and how it came.

    Members:
        decide: Makes its entry; may raise Already, and whatever refuses it.
        reporter: Credential of the caller.
        capture, source: As in the envelope.
        request_id: Under which its receipt is found again; blank for none. An entry that has
            an identity of its own, as the first of a stream has, is found by that.
        said: What was asked, to tell whether a request_id is used twice.
    """

    decide: Callable[[Registrar, Provenance], NewEntry]
    reporter: str
    capture: str = "live"
    source: str | None = None
    request_id: str = ""
    said: tuple[JsonValue, ...] = ()


async def carry_out(
    serving: Serving, asked: Asked, context: ServicerContext[Any, Any]
) -> tuple[Receipt, bytes]:
    """The receipt of a command, and a checkpoint that covers it.

    Raises:
        NotRegistered, NotInState, Malformed: As the command's decision.
        ConflictingResubmission: The name or request_id stands for something else.
        StreamConflict: Others kept changing the same thing.
        StoreUnavailable, Overloaded, Draining, DeadlineOver: As named.
    """
    result: Receipt | CandourError | None = None
    for _ in range(MAX_DECISIONS):
        decided = await serving.run(decide, serving, asked)
        if isinstance(decided, Receipt):
            return decided, await serving.run(own_checkpoint, serving)
        check_deadline(context)
        committed = await serving.committer.submit([decided])
        (result,) = committed.results
        if isinstance(result, Receipt):
            return result, committed.checkpoint
        if not isinstance(result, StreamConflict):
            break
    assert isinstance(result, CandourError)
    raise result


async def answer(
    serving: Serving, asked: Asked, context: ServicerContext[Any, Any], wait_for: int = 0
) -> dict[str, Any]:
    """As `carry_out`: the two members of every response to a command.

    Args:
        wait_for: Of the request; what the response's checkpoint must be.
    Raises:
        NoQuorum, NotPublished: As of services/runtime/waiting.py.
    """
    check_wait(serving, wait_for)
    receipt, own = await carry_out(serving, asked, context)
    size = receipt.leaf_index + 1
    checkpoint = await checkpoint_over(serving, size, own, wait_for, context)
    return {"receipt": receipt_message(receipt), "checkpoint": checkpoint.decode()}


def decide(serving: Serving, asked: Asked) -> NewEntry | Receipt:
    """A new entry, or the receipt of the one that says it already. Blocking."""
    hosted = serving.hosted
    identity = content = None
    if asked.request_id:
        identity = hosted.keys.identity.of_request(asked.request_id)
        content = hosted.keys.identity.digest("asked", *asked.said)
        first = _first_receipt(serving, identity, content)
        if first is not None:
            return first
    told = Provenance(
        reporter=asked.reporter,
        recorded_us=hosted.log.clock_us(),
        capture=asked.capture,
        source=asked.source,
    )
    try:
        entry = asked.decide(hosted.registrar, told)
    except Already as already:
        return _receipt_of_version(serving, already)
    if identity is None or entry.identity is not None:
        return entry
    return replace(entry, identity=identity, content=content)


def _first_receipt(serving: Serving, identity: bytes, content: bytes) -> Receipt | None:
    store = serving.hosted.store
    held = store.held(identity)
    if held is None:
        return None
    leaf_index, said_first = held
    (first,) = store.entries_at([leaf_index])
    name = name_of_stream(first.stream)
    if said_first is not None and said_first != content:
        raise ConflictingResubmission(name, leaf_index)
    return Receipt(
        name,
        leaf_index,
        leaf_hash(first.entry),
        duplicate=True,
        content_compared=said_first is not None,
    )


def _receipt_of_version(serving: Serving, already: Already) -> Receipt:
    version = already.version
    (first,) = serving.hosted.store.read_stream(already.stream, gt=version - 1, lte=version)
    return Receipt(
        name_of_stream(first.stream),
        first.leaf_index,
        leaf_hash(first.entry),
        duplicate=True,
        content_compared=False,
    )


def own_checkpoint(serving: Serving) -> bytes:
    """Over the head as it stands. Blocking."""
    log = serving.hosted.log
    return log.checkpoint(log.durable_head())
