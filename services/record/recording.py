"""How does a fact of a request become an entry? One by one, or a batch in one commit.

    RecordedFact ──read──► Asked ──registrar──► entries of the batch ──committer──► results

What cannot be decided beside the others of its batch (the same thing named twice) is decided
after them, by itself.
"""

from __future__ import annotations

from typing import Any

import grpc.aio

from ledger.application import Registrar
from ledger.canonical_json import JsonValue
from ledger.domain.base import Provenance
from ledger.errors import CandourError, Malformed
from ledger.limits import MAX_PROTECTED_FIELDS
from ledger.log import Receipt
from ledger.store.core import NewEntry, PerformerRecord, StreamConflict
from services.pb.candour.v1 import common_pb2
from services.pb.candour.v1 import record_pb2 as pb
from services.runtime.authn import reporter_of
from services.runtime.deciding import Asked, carry_out, decide
from services.runtime.fact_messages import read_fact, read_performer
from services.runtime.messages import read_capture
from services.runtime.serving import Serving, check_deadline
from services.runtime.status import status_of
from services.runtime.value_messages import receipt_message

Context = grpc.aio.ServicerContext[Any, Any]
Decided = NewEntry | Receipt | CandourError


async def record_batch(
    serving: Serving, request: pb.BatchRecordRequest, context: Context
) -> pb.BatchRecordResponse:
    """A result for each fact, in order; those that can are committed together."""
    asked = [
        await _asked_or_refused(serving, fact, request.request_id, number, context)
        for number, fact in enumerate(request.facts)
    ]
    decided = await serving.run(_decide_all, serving, asked)
    entries = [item for item in decided if isinstance(item, NewEntry)]
    check_deadline(context)
    committed = await serving.committer.submit(entries) if entries else None
    results = iter(() if committed is None else committed.results)
    checkpoint = b"" if committed is None else committed.checkpoint
    response = pb.BatchRecordResponse()
    for question, outcome in zip(asked, decided, strict=True):
        told: Receipt | CandourError
        told = next(results) if isinstance(outcome, NewEntry) else outcome
        if isinstance(told, StreamConflict) and isinstance(question, Asked):
            try:
                told, checkpoint = await carry_out(serving, question, context)
            except CandourError as error:
                told = error
        if isinstance(told, CandourError):
            response.results.add(error=status_of(told))
        else:
            response.results.add(receipt=receipt_message(told))
    response.checkpoint = checkpoint.decode()
    return response


async def _asked_or_refused(
    serving: Serving, fact: pb.RecordedFact, request_id: str, number: int, context: Context
) -> Asked | CandourError:
    try:
        own = f"{request_id}-{number}" if request_id else ""
        return await asked_of(serving, fact, own, context)
    except CandourError as error:
        return error


def _decide_all(serving: Serving, asked: list[Asked | CandourError]) -> list[Decided]:
    """Blocking."""
    decided: list[Decided] = []
    for item in asked:
        if isinstance(item, CandourError):
            decided.append(item)
            continue
        try:
            decided.append(decide(serving, item))
        except CandourError as error:
            decided.append(error)
    return decided


async def asked_of(
    serving: Serving, message: pb.RecordedFact, request_id: str, context: Context
) -> Asked:
    """A fact of a request, as the registrar is asked to record it."""
    fact = read_fact(message)
    if len(message.protected) > MAX_PROTECTED_FIELDS:
        raise Malformed("protected", f"more than {MAX_PROTECTED_FIELDS}")
    protected: dict[str, JsonValue] = dict(message.protected)
    if message.HasField("performer"):
        protected |= await performer_fields(
            serving, getattr(fact, "agency", None), message.performer
        )

    def decide(registrar: Registrar, told: Provenance) -> NewEntry:
        return registrar.record(fact, told, protected)

    return Asked(
        decide=decide,
        reporter=reporter_of(context),
        capture=read_capture(message.capture) if message.capture else "live",
        request_id=request_id,
        said=("record", fact.TOPIC, fact.to_object(), protected),
    )


async def performer_fields(
    serving: Serving, about: str | None, message: common_pb2.Performer
) -> dict[str, JsonValue]:
    """The protected fields that name a performer: pseudonym, and what they are called.

    Args:
        about: The agency, or a use of it.
    """
    performer = read_performer(message)
    hosted = serving.hosted
    agency = about
    if about is not None and about.startswith("toolUses/"):
        agency = await serving.run(hosted.registrar.agency_of_use, about)
    if agency is None:
        raise Malformed("performer", "needs an agency beside it")
    digest = hosted.keys.identity.of_performer(agency, performer.key)
    proposed = PerformerRecord(
        f"p-{hosted.log.random_bytes(16).hex()}", agency, **performer.to_json()
    )
    found = await serving.run(hosted.store.pseudonyms, {digest: proposed})
    identity: dict[str, JsonValue] = dict(performer.to_json())
    return {"performer": found[digest], "performer_identity": identity}
