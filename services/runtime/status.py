"""How does a caller learn what went wrong? Our errors as google.rpc.Status with details.

    error ──explain──► Explained ──status_of──► google.rpc.Status ──► a batch's item
                                                          └── abort ──► the call's status

Servicers only raise; `raising_status`, or the interceptor over all of them, does the rest. A
status names the field, the rule and the resource, and never quotes a protected value.

Source: AIP-193; google/rpc/error_details.proto.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import singledispatch, wraps
from inspect import isasyncgenfunction
from typing import Any, Final, NoReturn, TypeVar, cast

from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2 as details_pb
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from grpc.aio import AbortError, ServicerContext
from grpc_status.rpc_status import to_status

from ledger.domain.base import NotInState, NotRegistered
from ledger.errors import Malformed, Refused, Unverifiable
from ledger.evidence import TooManyEntries
from ledger.limits import MAX_BUNDLE_ENTRIES, RETRY_AFTER_S
from ledger.log import ConflictingResubmission
from ledger.store.core import StoreUnavailable, StreamConflict
from ledger.streams import name_of_stream
from services.runtime.committer import Draining, Overloaded
from services.runtime.refusals import (
    Damaged,
    DeadlineOver,
    LeafBeyondTree,
    LedgerNotHosted,
    NotPublished,
    NotReported,
    TreeSizeBeyondHead,
    Unauthenticated,
    ViewsBehind,
)

Handler = TypeVar("Handler", bound=Callable[..., Any])

DOMAIN: Final = "candour"
_log = logging.getLogger("candour.status")


@dataclass(frozen=True, slots=True)
class Explained:
    """What a caller is told.

    Members:
        code, message: For people.
        reason, metadata: For programs, as ErrorInfo.
        retry: True where the same request may succeed in a while.
        violation: Field and broken rule, as BadRequest.
    """

    code: StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry: bool = False
    violation: tuple[str, str] | None = None


@singledispatch
def explain(error: Exception) -> Explained:
    """What to tell of an error; register more classes with `explain.register`."""
    incident = os.urandom(4).hex()
    # Its text may hold what a database was given, so neither caller nor log gets it.
    _log.error(
        "incident %s: unexpected %s\n%s",
        incident,
        type(error).__qualname__,
        "".join(traceback.format_tb(error.__traceback__)),
    )
    message = f"an error of the service itself; its log says more of incident {incident}"
    return Explained(StatusCode.INTERNAL, "INTERNAL", message, {"incident": incident})


@explain.register
def _(error: Malformed) -> Explained:
    code, violation = StatusCode.INVALID_ARGUMENT, (error.field, error.reason)
    return Explained(code, "MALFORMED", str(error), {"field": error.field}, violation=violation)


@explain.register
def _(error: NotRegistered) -> Explained:
    names = {"name": error.name}
    if error.name.startswith("agencies/"):  # only ever named beside what is asked for
        message = f"{error}: call RegistryService.RegisterAgency, then submit again"
        code = StatusCode.FAILED_PRECONDITION
        return Explained(code, "AGENCY_NOT_REGISTERED", message, names)
    return Explained(StatusCode.NOT_FOUND, "NOT_FOUND", str(error), names)


@explain.register
def _(error: ConflictingResubmission) -> Explained:
    facts = {"name": error.name, "leaf_index": str(error.leaf_index)}
    return Explained(StatusCode.ALREADY_EXISTS, "CONFLICTING_RESUBMISSION", str(error), facts)


@explain.register
def _(error: NotInState) -> Explained:
    facts = {
        "name": name_of_stream(error.stream),
        "state": error.state,
        "allowed": ",".join(error.allowed),
    }
    return Explained(StatusCode.FAILED_PRECONDITION, "NOT_IN_STATE", str(error), facts)


@explain.register
def _(error: StoreUnavailable) -> Explained:
    message = "the store is not available; submit again: what was recorded lands once"
    return Explained(StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", message, retry=True)


@explain.register
def _(error: Overloaded) -> Explained:
    facts = {"queued": str(error.queued)}
    return Explained(StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", str(error), facts, retry=True)


@explain.register
def _(error: Draining) -> Explained:
    return Explained(StatusCode.UNAVAILABLE, "DRAINING", str(error), retry=True)


@explain.register
def _(error: StreamConflict) -> Explained:
    facts = {"name": name_of_stream(error.stream)}
    message = f"others keep changing {facts['name']}; ask again"
    return Explained(StatusCode.ABORTED, "CONCURRENT_CHANGE", message, facts, retry=True)


@explain.register
def _(error: LeafBeyondTree) -> Explained:
    facts = {"tree_size": str(error.tree_size)}
    return Explained(StatusCode.OUT_OF_RANGE, "BEYOND_TREE", str(error), facts)


@explain.register
def _(error: TreeSizeBeyondHead) -> Explained:
    facts = {"tree_size": str(error.tree_size), "head": str(error.head)}
    return Explained(StatusCode.OUT_OF_RANGE, "BEYOND_HEAD", str(error), facts)


@explain.register
def _(error: ViewsBehind) -> Explained:
    facts = {"demanded": str(error.demanded), "held": str(error.held)}
    return Explained(StatusCode.UNAVAILABLE, "VIEWS_BEHIND", str(error), facts, retry=True)


@explain.register
def _(error: NotPublished) -> Explained:
    facts = {"tree_size": str(error.tree_size)}
    return Explained(StatusCode.UNAVAILABLE, "NOT_PUBLISHED", str(error), facts, retry=True)


@explain.register
def _(error: TooManyEntries) -> Explained:
    facts = {"most": str(MAX_BUNDLE_ENTRIES)}
    return Explained(StatusCode.FAILED_PRECONDITION, "TOO_MANY_ENTRIES", str(error), facts)


@explain.register
def _(error: LedgerNotHosted) -> Explained:
    facts = {"name": f"ledgers/{error.name}"}
    return Explained(StatusCode.NOT_FOUND, "LEDGER_NOT_FOUND", str(error), facts)


@explain.register
def _(error: NotReported) -> Explained:
    return Explained(StatusCode.NOT_FOUND, "NOT_REPORTED", str(error), {"source": error.source})


@explain.register
def _(error: Unauthenticated) -> Explained:
    return Explained(StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", str(error))


@explain.register
def _(error: DeadlineOver) -> Explained:
    return Explained(StatusCode.DEADLINE_EXCEEDED, "DEADLINE_OVER", str(error))


@explain.register
def _(error: Damaged) -> Explained:
    return Explained(StatusCode.DATA_LOSS, "DAMAGED", str(error), {"what": error.what})


@explain.register
def _(error: Unverifiable) -> Explained:
    return Explained(StatusCode.FAILED_PRECONDITION, "NOT_KNOWN_TO_THIS_RELEASE", str(error))


@explain.register
def _(error: Refused) -> Explained:
    return Explained(StatusCode.FAILED_PRECONDITION, "REFUSED", str(error))


def status_of(error: Exception) -> Status:
    """The google.rpc.Status of an error: an item's of a batch, or a whole call's."""
    said = explain(error)
    status = Status(code=said.code.value[0], message=said.message)
    if said.violation is not None:
        where, rule = said.violation
        violation = details_pb.BadRequest.FieldViolation(field=where, description=rule)
        status.details.add().Pack(details_pb.BadRequest(field_violations=[violation]))
    info = details_pb.ErrorInfo(reason=said.reason, domain=DOMAIN, metadata=said.metadata)
    status.details.add().Pack(info)
    if said.retry:
        delay = Duration()
        delay.FromMilliseconds(int(RETRY_AFTER_S * 1000))
        status.details.add().Pack(details_pb.RetryInfo(retry_delay=delay))
    return status


async def abort(context: ServicerContext[Any, Any], error: Exception) -> NoReturn:
    """End a call with the status of an error."""
    await context.abort_with_status(to_status(status_of(error)))
    raise AssertionError("abort does not return")


def raising_status(method: Handler) -> Handler:
    """A servicer's method that only raises, made one that aborts its call with a status.

    Works on coroutine methods and on async generators, whose last argument is the context.
    """

    @wraps(method)
    async def one(*arguments: Any) -> Any:
        try:
            return await method(*arguments)
        except AbortError:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, the caller gets a status
            await abort(arguments[-1], error)

    @wraps(method)
    async def many(*arguments: Any) -> AsyncIterator[Any]:
        try:
            async with aclosing(method(*arguments)) as responses:
                async for response in responses:
                    yield response
        except AbortError:
            raise
        except Exception as error:  # noqa: BLE001  as above
            await abort(arguments[-1], error)

    return cast(Handler, many if isasyncgenfunction(method) else one)
