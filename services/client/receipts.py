"""What did the ledger answer? Receipts and refusals, out of messages and statuses.

ReportResult ──receipt, status──► Receipt | UseRefused
grpc.RpcError ──status_of_call──► Status ──► try again (after RetryInfo), or CallRefused
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2 as details_pb
from google.rpc.status_pb2 import Status

from services.client.errors import (
    AgencyNotRegistered,
    CallRefused,
    ConflictingResubmission,
    MalformedUse,
    UseRefused,
)
from services.pb.candour.v1 import common_pb2

_DETAILS: Final = "grpc-status-details-bin"
_NAMES: Final = {code.value[0]: code.name for code in grpc.StatusCode}
_BUSY: Final = frozenset({"UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED", "DEADLINE_EXCEEDED"})
# A connection that breaks, or a service that failed in itself, says nothing against the uses.
_PASSING: Final = _BUSY | {"CANCELLED", "INTERNAL", "UNKNOWN"}
_KINDS: Final[dict[str, type[UseRefused]]] = {
    "MALFORMED": MalformedUse,
    "CONFLICTING_RESUBMISSION": ConflictingResubmission,
    "AGENCY_NOT_REGISTERED": AgencyNotRegistered,
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """A use is durable in the ledger. Keep it, with its checkpoint.

    Members:
        name: `toolUses/…`
        leaf_index: Zero-based place of its entry.
        leaf_hash: Of its entry, 32 bytes.
        duplicate: True where the ledger held it already: the first receipt again.
        content_compared: False where what came first is erased.
        checkpoint: Signed note over a tree that holds the entry.
    """

    name: str
    leaf_index: int
    leaf_hash: bytes
    duplicate: bool
    content_compared: bool
    checkpoint: str


def receipt_of(message: common_pb2.Receipt, checkpoint: str) -> Receipt:
    """A receipt of a batch, with the batch's checkpoint."""
    return Receipt(
        name=message.name,
        leaf_index=message.leaf_index,
        leaf_hash=message.leaf_hash,
        duplicate=message.duplicate,
        content_compared=message.content_compared,
        checkpoint=checkpoint,
    )


@dataclass(frozen=True, slots=True)
class Said:
    """A status, unpacked.

    Members:
        retry_s: Of a RetryInfo; None where there is none.
    """

    code: str
    message: str
    reason: str = ""
    field: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    retry_s: float | None = None

    @property
    def use_may_pass(self) -> bool:
        """Whether one use of a batch, sent again as it is, may be taken."""
        return self.code in _BUSY or self.retry_s is not None

    @property
    def call_may_pass(self) -> bool:
        """Whether the whole request, sent again, may be taken."""
        return self.code in _PASSING or self.retry_s is not None

    def refused(self) -> UseRefused:
        """Of one use."""
        kind = _KINDS.get(self.reason, UseRefused)
        return kind(
            self.message,
            code=self.code,
            reason=self.reason,
            field=self.field,
            facts=dict(self.facts),
        )

    def call_refused(self) -> CallRefused:
        """Of the whole request."""
        return CallRefused(self.message, code=self.code, reason=self.reason)


def said_by(status: Status) -> Said:
    """The details that this client understands; others are passed by."""
    reason, field, retry_s = "", "", None
    facts: dict[str, str] = {}
    for detail in status.details:
        bad, info, retry = details_pb.BadRequest(), details_pb.ErrorInfo(), details_pb.RetryInfo()
        if detail.Unpack(bad):
            field = ", ".join(item.field for item in bad.field_violations)
        elif detail.Unpack(info):
            reason, facts = info.reason, dict(info.metadata)
        elif detail.Unpack(retry):
            retry_s = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    return Said(
        code=_NAMES.get(status.code, str(status.code)),
        message=status.message,
        reason=reason,
        field=field,
        facts=tuple(sorted(facts.items())),
        retry_s=retry_s,
    )


def said_by_call(error: Any) -> Said:
    """What a failed call says; `error` is a grpc.RpcError that is a grpc.Call too."""
    code = error.code()
    bare = Said(code=code.name if code else "UNKNOWN", message=str(error.details() or ""))
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS:
            try:
                return said_by(Status.FromString(value))
            except DecodeError:  # of a proxy, or nobody's: the code alone has to do
                return bare
    return bare
