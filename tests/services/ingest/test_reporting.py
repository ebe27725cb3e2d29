"""Does every report get its receipt or its reason, and lose nothing else?"""

from __future__ import annotations

import pytest

from ledger.merkle import verify_inclusion
from ledger.tlog import open_checkpoint
from services.pb.candour.v1 import common_pb2, ingest_pb2, proofs_pb2
from tests.services.harness import PARENT, Server, fresh, refused, text, use


def test_report_gets_a_receipt(server: Server) -> None:
    """A receipt names the use."""
    response = server.report(use())
    assert response.receipt.name.startswith("toolUses/")
