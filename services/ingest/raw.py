"""How is a batch read without decoding its uses? Each is left in bytes, for one at fault harms no other.

    batch as sent ──RawBatch──► bytes a use ──services/runtime/reporting.py──► entry, or why not

These two classes read the requests of the contract and leave each use as it came.
"""

from __future__ import annotations

from typing import Final

from services.pb.candour.v1 import ingest_pb2
from services.runtime.undecoded import undecoded

RawBatch: Final = undecoded(ingest_pb2.BatchReportToolUsesRequest, "tool_uses")
RawStreamed: Final = undecoded(ingest_pb2.StreamToolUsesRequest, "tool_use")
