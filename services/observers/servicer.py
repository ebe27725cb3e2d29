"""ObserversService: does somebody else's log agree with this ledger?

    request ──names, tree size──► streaming.py, listing.py ──► response

Decode, reads, encode. Nothing here writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import grpc.aio

from ledger.limits import MAX_MATCH_STREAMS
from ledger.observers.keys import key_of_observer
from ledger.streams import check_id
from services.observers.listing import list_discrepancies
from services.observers.streaming import check_observer, stream_uses
from services.pb.candour.v1 import common_pb2, observers_pb2_grpc
from services.pb.candour.v1 import observers_pb2 as pb
from services.runtime.names import ledger_of
from services.runtime.reading import Reading

Context = grpc.aio.ServicerContext[Any, Any]
SERVICE: Final = pb.DESCRIPTOR.services_by_name["ObserversService"].full_name


class ObserversServicer(observers_pb2_grpc.ObserversServiceServicer):
    """Compares the hosted ledgers with logs of other observers."""

    def __init__(self, ledgers: Mapping[str, Reading]) -> None:
        self._ledgers = ledgers
        self._streams = {name: asyncio.Semaphore(MAX_MATCH_STREAMS) for name in ledgers}

    async def BeginMatching(  # noqa: N802
        self, request: pb.BeginMatchingRequest, _context: Context
    ) -> pb.BeginMatchingResponse:
        reading = ledger_of(request.parent, self._ledgers)
        observer = check_observer(request.observer)
        tree_size = await reading.settle(common_pb2.AsOf(), request.min_tree_size)
        technology = request.technology
        if technology:
            check_id(technology, "technologies", field="technology")
            aliases = await reading.run(reading.views.aliases, tree_size)
            technology = aliases.head(technology)
        return pb.BeginMatchingResponse(
            key=key_of_observer(reading.hosted.keys.identity, observer),
            technology=technology,
            tree_size=tree_size,
        )

    async def StreamUsesForMatching(  # noqa: N802
        self, request: pb.StreamUsesForMatchingRequest, _context: Context
    ) -> AsyncIterator[pb.StreamUsesForMatchingResponse]:
        reading = ledger_of(request.parent, self._ledgers)
        async with self._streams[reading.hosted.name]:
            async for message in stream_uses(reading, request):
                yield message

    async def ListDiscrepancies(  # noqa: N802
        self, request: pb.ListDiscrepanciesRequest, _context: Context
    ) -> pb.ListDiscrepanciesResponse:
        return await list_discrepancies(ledger_of(request.parent, self._ledgers), request)


def add_to_server(servicer: ObserversServicer, server: grpc.aio.Server) -> None:
    observers_pb2_grpc.add_ObserversServiceServicer_to_server(servicer, server)
