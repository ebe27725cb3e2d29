"""The client SDK, imported as `candour.client`: report uses, and lose none.

Client.report(use) ──► Future[Receipt]      AsyncClient.report(use) ──► await Receipt
"""

from services.client.aio import AsyncClient
from services.client.client import Client
from services.client.errors import (
    AgencyNotRegistered,
    CallRefused,
    ClientClosed,
    ClientError,
    ConflictingResubmission,
    Full,
    LedgerAway,
    MalformedUse,
    NotDelivered,
    SpoolDamaged,
    SpoolFailed,
    SpoolFull,
    SpoolInUse,
    SpoolOfAnotherLedger,
    UseRefused,
)
from services.client.receipts import Receipt
from services.client.settings import Settings
from services.pb.candour.v1.common_pb2 import (
    CAPTURE_BACKFILL,
    CAPTURE_LIVE,
    Count,
    DataFlow,
    Interval,
    Occurred,
    Performer,
    ProtectedText,
    SourceRecord,
    ToolUse,
)

__all__ = [
    "CAPTURE_BACKFILL",
    "CAPTURE_LIVE",
    "AgencyNotRegistered",
    "AsyncClient",
    "CallRefused",
    "Client",
    "ClientClosed",
    "ClientError",
    "ConflictingResubmission",
    "Count",
    "DataFlow",
    "Full",
    "Interval",
    "LedgerAway",
    "MalformedUse",
    "NotDelivered",
    "Occurred",
    "Performer",
    "ProtectedText",
    "Receipt",
    "Settings",
    "SourceRecord",
    "SpoolDamaged",
    "SpoolFailed",
    "SpoolFull",
    "SpoolInUse",
    "SpoolOfAnotherLedger",
    "ToolUse",
    "UseRefused",
]
