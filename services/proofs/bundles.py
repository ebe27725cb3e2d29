"""How does an answer leave with its evidence? One bundle, in chunks of one file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from ledger.evidence import build_bundle
from ledger.limits import BUNDLE_CHUNK_BYTES, MAX_WAIT_S, PUBLISH_EVERY_S
from ledger.store.core import Published
from services.pb.candour.v1 import proofs_pb2 as pb
from services.runtime.reading import Reading, summary_key
from services.runtime.refusals import NotPublished


async def prove_tool_uses(
    reading: Reading, request: pb.ProveToolUsesRequest
) -> AsyncIterator[pb.ProveToolUsesResponse]:
    """The evidence for a question, under a published checkpoint that covers it.

    Raises:
        TooManyEntries, NotPublished, Malformed, and what Reading.settle raises.
    """
    hosted = reading.hosted
    by = summary_key(request.by)
    tree_size = await reading.settle(request.as_of, request.min_tree_size)
    question = await reading.run(reading.question, request.filter, tree_size, by)
    bundle = await reading.run(
        build_bundle,
        hosted.log,
        reading.views,
        question,
        await _published(reading, tree_size),
        signer=hosted.keys.answers,
        disclose=tuple(request.disclose),
        complete=request.complete,
    )
    for start in range(0, len(bundle), BUNDLE_CHUNK_BYTES):
        yield pb.ProveToolUsesResponse(chunk=bundle[start : start + BUNDLE_CHUNK_BYTES])


async def _published(reading: Reading, tree_size: int) -> Published:
    """The newest published checkpoint, once it covers `tree_size`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + MAX_WAIT_S
    while True:
        newest = await reading.run(reading.hosted.store.published)
        if newest is not None and newest.tree_size >= tree_size:
            return newest
        if loop.time() > deadline:
            raise NotPublished(tree_size)
        await asyncio.sleep(PUBLISH_EVERY_S / 10)
