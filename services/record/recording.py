"""How does a fact of a request become an entry? One by one, or a batch in one commit.

    RecordedFact ──read──► Asked ──registrar──► entries of the batch ──committer──► results

Each fact of a batch is decided on what those before it say, so a trial may begin and end in one.
Where somebody else changed the same thing meanwhile, what rests on it is decided again, by
itself, after the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc.aio

from ledger.application import Drafts
from ledger.canonical_json import JsonValue
from ledger.errors import CandourError, Malformed
from ledger.events import Fact
from ledger.limits import MAX_PROTECTED_FIELDS
from ledger.log import Receipt
from ledger.store.core import NewEntry, PerformerRecord, StreamConflict
from services.pb.candour.v1 import common_pb2
from services.pb.candour.v1 import record_pb2 as pb
from services.runtime.authn import reporter_of
from services.runtime.deciding import Asked, carry_out, decide, own_checkpoint
from services.runtime.fact_messages import read_fact, read_performer
from services.runtime.messages import read_capture
from services.runtime.names import check_request_id
from services.runtime.serving import Serving, check_deadline
from services.runtime.status import status_of
from services.runtime.value_messages import receipt_message
from services.runtime.waiting import check_wait, checkpoint_over

Context = grpc.aio.ServicerContext[Any, Any]
Decided = NewEntry | Receipt | CandourError | None


async def record_batch(
    serving: Serving, request: pb.BatchRecordRequest, context: Context
) -> pb.BatchRecordResponse:
    """A result for each fact, in order; those that can are committed together.

    Raises:
        NoQuorum, NotPublished: As of services/runtime/waiting.py.
    """
    check_wait(serving, request.wait_for)
    checking = request.validate_only
    asked = [
        await _read_or_refused(serving, fact, request.request_id, number, context, checking)
        for number, fact in enumerate(request.facts)
    ]
    decided = await serving.run(_decide_all, serving, asked)
    if checking:
        return pb.BatchRecordResponse(results=map(_checked, decided))
    entries = [item for item in decided if isinstance(item, NewEntry)]
    check_deadline(context)
    committed = await serving.committer.submit(entries, whole=True) if entries else None
    results = iter(() if committed is None else committed.results)
    checkpoint = b"" if committed is None else committed.checkpoint
    response = pb.BatchRecordResponse()
    for question, outcome in zip(asked, decided, strict=True):
        told: Receipt | CandourError | None
        told = next(results) if isinstance(outcome, NewEntry) else outcome
        if isinstance(question, ToRecord) and (told is None or isinstance(told, StreamConflict)):
            try:
                told, checkpoint = await carry_out(serving, question.asked(), context)
            except CandourError as error:
                told = error
        assert told is not None
        if isinstance(told, CandourError):
            response.results.add(error=status_of(told))
        else:
            response.results.add(receipt=receipt_message(told))
    places = [item.receipt.leaf_index for item in response.results if item.HasField("receipt")]
    if places:
        size = max(places) + 1
        own = checkpoint or await serving.run(own_checkpoint, serving)
        checkpoint = await checkpoint_over(serving, size, own, request.wait_for, context)
    response.checkpoint = checkpoint.decode()
    return response


def _checked(decided: Decided) -> pb.RecordResult:
    """What is said of a fact that was only to be checked."""
    if isinstance(decided, CandourError):
        return pb.RecordResult(error=status_of(decided))
    if isinstance(decided, Receipt):
        return pb.RecordResult(receipt=receipt_message(decided))
    return pb.RecordResult()


async def _read_or_refused(
    serving: Serving,
    fact: pb.RecordedFact,
    request_id: str,
    number: int,
    context: Context,
    checking: bool,
) -> ToRecord | CandourError:
    try:
        own = check_request_id(fact.request_id)
        if not own and request_id:
            own = f"{request_id}-{number}"
        return await read_recorded(serving, fact, own, context, checking=checking)
    except CandourError as error:
        return error


def _decide_all(serving: Serving, asked: list[ToRecord | CandourError]) -> list[Decided]:
    """Each on what those before it say; None for one to be decided after all. Blocking."""
    decided: list[Decided] = []
    drafts: Drafts = {}
    met: set[str] = set()
    for item in asked:
        if isinstance(item, CandourError):
            decided.append(item)
        elif item.request_id and item.request_id in met:  # the first of its id stands for it
            decided.append(None)
        else:
            met.add(item.request_id)
            try:
                decided.append(decide(serving, item.asked(drafts)))
            except CandourError as error:
                decided.append(error)
    return decided


@dataclass(frozen=True, slots=True, kw_only=True)
class ToRecord:
    """A fact as a request holds it, ready to be decided."""

    fact: Fact
    protected: dict[str, JsonValue]
    reporter: str
    capture: str
    request_id: str

    def asked(self, drafts: Drafts | None = None) -> Asked:
        """As a command; `drafts` of its batch."""
        return Asked(
            decide=lambda registrar, told: registrar.record(
                self.fact, told, self.protected, drafts
            ),
            reporter=self.reporter,
            capture=self.capture,
            request_id=self.request_id,
            said=("record", self.fact.TOPIC, self.fact.to_object(), self.protected),
        )


async def read_recorded(
    serving: Serving,
    message: pb.RecordedFact,
    request_id: str,
    context: Context,
    *,
    checking: bool = False,
) -> ToRecord:
    """A fact of a request, as the registrar is asked to record it.

    Args:
        checking: Nothing will be recorded, so nobody gets a pseudonym.
    """
    fact = read_fact(message)
    if len(message.protected) > MAX_PROTECTED_FIELDS:
        raise Malformed("protected", f"more than {MAX_PROTECTED_FIELDS}")
    protected: dict[str, JsonValue] = dict(message.protected)
    if message.HasField("performer"):
        if checking:
            protected["performer_identity"] = dict(read_performer(message.performer).to_json())
        else:
            protected |= await performer_fields(
                serving, getattr(fact, "agency", None), message.performer
            )
    return ToRecord(
        fact=fact,
        protected=protected,
        reporter=reporter_of(context),
        capture=read_capture(message.capture) if message.capture else "live",
        request_id=request_id,
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
