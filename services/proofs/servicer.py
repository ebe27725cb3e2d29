"""ProofsService: what a stranger needs to check the ledger without trusting it.

    request ──names──► tiles, entries, checkpoints (a thread) ──► hashes of RFC 9162

Each request reads the few tiles its proof needs; nothing is kept in between.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import grpc.aio

from ledger.directory import DIRECTORY
from services.pb.candour.v1 import proofs_pb2 as pb
from services.pb.candour.v1 import proofs_pb2_grpc
from services.proofs import proving
from services.proofs.bundles import prove_tool_uses, prove_usage
from services.proofs.directory import directory_proof, ledger_message
from services.runtime.hosting import Hosted
from services.runtime.names import ledger_of
from services.runtime.reading import Reading
from services.runtime.serving import Serving

Context = grpc.aio.ServicerContext[Any, Any]
SERVICE: Final = pb.DESCRIPTOR.services_by_name["ProofsService"].full_name


class ProofsServicer(proofs_pb2_grpc.ProofsServiceServicer):
    """Proves what the hosted ledgers hold, the directory among them where there is one."""

    def __init__(
        self, ledgers: Mapping[str, Serving], readings: Mapping[str, Reading] | None = None
    ) -> None:
        self._ledgers, self._readings = ledgers, readings or {}

    @property
    def _directory(self) -> Hosted | None:
        found = self._ledgers.get(DIRECTORY)
        return None if found is None else found.hosted

    async def ListLedgers(  # noqa: N802
        self, _request: pb.ListLedgersRequest, _context: Context
    ) -> pb.ListLedgersResponse:
        return pb.ListLedgersResponse(
            ledgers=[
                await self._ledgers[name].run(
                    ledger_message, self._ledgers[name].hosted, self._directory
                )
                for name in sorted(self._ledgers, key=lambda name: (name == DIRECTORY, name))
            ]
        )

    async def GetDirectoryProof(  # noqa: N802
        self, request: pb.GetDirectoryProofRequest, _context: Context
    ) -> pb.GetDirectoryProofResponse:
        serving = ledger_of(request.parent, self._ledgers)
        return await serving.run(directory_proof, serving.hosted, self._directory)

    async def GetTreeHead(  # noqa: N802
        self, request: pb.GetTreeHeadRequest, _context: Context
    ) -> pb.GetTreeHeadResponse:
        serving = ledger_of(request.parent, self._ledgers)
        response = await serving.run(proving.tree_head, serving.hosted)
        response.held_back_seconds = int(serving.publication.held_s)
        response.held_back_reason = serving.publication.reason
        if serving.projected is not None:
            response.projected_tree_size = await serving.projected()
        return response

    async def GetInclusionProof(  # noqa: N802
        self, request: pb.GetInclusionProofRequest, _context: Context
    ) -> pb.GetInclusionProofResponse:
        serving = ledger_of(request.parent, self._ledgers)
        return await serving.run(
            proving.inclusion,
            serving.hosted,
            leaf_index=request.leaf_index,
            tree_size=request.tree_size,
        )

    async def GetConsistencyProof(  # noqa: N802
        self, request: pb.GetConsistencyProofRequest, _context: Context
    ) -> pb.GetConsistencyProofResponse:
        serving = ledger_of(request.parent, self._ledgers)
        return await serving.run(
            proving.consistency,
            serving.hosted,
            old_size=request.old_tree_size,
            new_size=request.tree_size,
        )

    async def GetEntry(  # noqa: N802
        self, request: pb.GetEntryRequest, _context: Context
    ) -> pb.GetEntryResponse:
        serving = ledger_of(request.parent, self._ledgers)
        return await serving.run(proving.entry, serving.hosted, request.leaf_index)

    async def GetReceipt(  # noqa: N802
        self, request: pb.GetReceiptRequest, _context: Context
    ) -> pb.GetReceiptResponse:
        serving = ledger_of(request.parent, self._ledgers)
        return await serving.run(
            proving.receipt, serving.hosted, request.source, request.source_event_id
        )

    async def ProveToolUses(  # noqa: N802
        self, request: pb.ProveToolUsesRequest, _context: Context
    ) -> AsyncIterator[pb.ProveToolUsesResponse]:
        async for part in prove_tool_uses(ledger_of(request.parent, self._readings), request):
            yield part

    async def ProveUsage(  # noqa: N802
        self, request: pb.ProveUsageRequest, _context: Context
    ) -> AsyncIterator[pb.ProveUsageResponse]:
        async for part in prove_usage(ledger_of(request.parent, self._readings), request):
            yield part


def add_to_server(servicer: ProofsServicer, server: grpc.aio.Server) -> None:
    proofs_pb2_grpc.add_ProofsServiceServicer_to_server(servicer, server)
