"""What of a use is checked before it is taken? What makes a retry the same report.

    ToolUse ──to_bytes──► source ✓, an id of its own ✓, small enough ✓ ──► bytes to keep and send

The ledger checks the rest. The message is not changed: a generated id stands in the bytes alone,
and they are what is kept, sent, and sent again.
"""

from __future__ import annotations

import uuid

from services.client.errors import MalformedUse
from services.pb.candour.v1.common_pb2 import ToolUse


def to_bytes(use: ToolUse, *, most: int) -> bytes:
    """A use as it is kept and sent.

    One without `source_event_id` gets a random UUID, unless it has a `source_record`: the ledger
    names such a row by its cells, the same each time.

    Args:
        most: Bytes that it may have.
    Raises:
        MalformedUse: It names no source, or is larger than a batch may be.
    """
    if not use.source:
        raise MalformedUse(
            "source must be set: with source_event_id it makes a retry the same report",
            code="INVALID_ARGUMENT",
            reason="MALFORMED",
            field="source",
        )
    if not use.source_event_id and not use.HasField("source_record"):
        kept = ToolUse()
        kept.CopyFrom(use)
        kept.source_event_id = str(uuid.uuid4())
        use = kept
    data = use.SerializeToString()
    if len(data) > most:
        raise MalformedUse(
            f"a use of {len(data)} bytes is larger than a batch of {most} may be",
            code="INVALID_ARGUMENT",
            reason="MALFORMED",
            field="tool_use",
        )
    return data
