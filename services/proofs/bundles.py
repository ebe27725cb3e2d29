"""How does an answer leave with its evidence? One bundle, in chunks of one file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from ledger.errors import Malformed
from ledger.evidence import build_bundle, opened_older
from ledger.limits import BUNDLE_CHUNK_BYTES, MAX_WAIT_S, PUBLISH_EVERY_S
from ledger.store.core import Published
from ledger.store.usage_nodes import NodeDamaged
from ledger.streams import check_id
from ledger.usage_evidence import build_usage_bundle
from ledger.usage_index import Days, UsageProofRefused
from ledger.usage_index.keys import day_of_text
from ledger.verify.usage_answer import UsageQuestion
from services.pb.candour.v1 import proofs_pb2 as pb
from services.runtime.hosting import Hosted
from services.runtime.reading import Reading, summary_key
from services.runtime.refusals import (
    CheckpointMissing,
    Damaged,
    NotPublished,
    TreeSizeBeyondHead,
)


async def prove_tool_uses(
    reading: Reading, request: pb.ProveToolUsesRequest
) -> AsyncIterator[pb.ProveToolUsesResponse]:
    """The evidence for a question, under a published checkpoint that covers it.

    Raises:
        TooManyEntries, NotPublished, Malformed, OtherHistory, CheckpointMissing, and what
            Reading.settle raises.
    """
    hosted = reading.hosted
    by = summary_key(request.by)
    older, least = await reading.run(_older, hosted, request.older)
    tree_size = await reading.settle(request.as_of, request.min_tree_size)
    question = await reading.run(reading.question, request.filter, tree_size, by)
    bundle = await reading.run(
        build_bundle,
        hosted.log,
        reading.views,
        question,
        await _published(reading, max(tree_size, least)),
        signer=hosted.keys.answers,
        disclose=tuple(request.disclose),
        complete=request.complete,
        older=older,
    )
    for start in range(0, len(bundle), BUNDLE_CHUNK_BYTES):
        yield pb.ProveToolUsesResponse(chunk=bundle[start : start + BUNDLE_CHUNK_BYTES])


async def prove_usage(
    reading: Reading, request: pb.ProveUsageRequest
) -> AsyncIterator[pb.ProveUsageResponse]:
    """A proven count, under a root that is committed already, or right now for this answer.

    Raises:
        Malformed, UsageRootMissing, UsageRootNotKept, NotPublished, ProofTooLarge, TooManyEntries, Damaged,
            OtherHistory, CheckpointMissing, and what Reading.settle raises.
    """
    hosted = reading.hosted
    check_id(request.agency, "agencies", field="agency")
    check_id(request.technology, "technologies", field="technology")
    days = _days(request)
    if request.min_tree_size < 0:
        raise Malformed("min_tree_size", "must be 0 or more")
    older, least = await reading.run(_older, hosted, request.older)
    at_most = None
    if request.HasField("as_of"):
        at_most = await reading.settle(request.as_of, request.min_tree_size)
    root = await reading.index.cited_root(at_most=at_most, least=request.min_tree_size)
    assert root.leaf_index is not None
    question = UsageQuestion(
        kind="absence" if request.absence else "count",
        agency=request.agency,
        technology=request.technology,
        days=days,
        tree_size=root.tree_size,
    )
    published = await _published(reading, max(root.leaf_index + 1, least))
    try:
        bundle = await reading.run(
            build_usage_bundle,
            hosted.log,
            reading.views,
            reading.usage,
            question,
            root,
            published,
            signer=hosted.keys.answers,
            older=older,
        )
    except (NodeDamaged, UsageProofRefused) as error:
        raise Damaged("the usage index") from error
    for start in range(0, len(bundle), BUNDLE_CHUNK_BYTES):
        yield pb.ProveUsageResponse(chunk=bundle[start : start + BUNDLE_CHUNK_BYTES])


def _older(hosted: Hosted, asked: pb.OlderCheckpoint) -> tuple[bytes | None, int]:
    """The checkpoint that growth is proven from, and its tree size; None and 0 where none is.

    Raises:
        Malformed: A note that is none of this ledger's.
        CheckpointMissing: None of this size was published.
        TreeSizeBeyondHead: It speaks of more than there is.
    """
    kind = asked.WhichOneof("checkpoint")
    if kind is None:
        return None, 0
    note = asked.note.encode() if kind == "note" else _published_at(hosted, asked.tree_size)
    size, head = opened_older(hosted.log, note).tree_size, hosted.store.head().tree_size
    if size > head:
        raise TreeSizeBeyondHead(size, head)
    return note, size


def _published_at(hosted: Hosted, tree_size: int) -> bytes:
    if tree_size < 1:
        raise Malformed("older.tree_size", "must be 1 or more: from nothing there is no proof")
    found = hosted.store.published(tree_size=tree_size)
    if found is None:
        following = hosted.store.checkpoint_rows(tree_size, 1)
        raise CheckpointMissing(tree_size, following[0].tree_size if following else None)
    return found.note


def _days(request: pb.ProveUsageRequest) -> Days:
    """Raises Malformed."""
    first = day_of_text(request.first_day, field="first_day")
    last = day_of_text(request.last_day, field="last_day")
    if first > last:
        raise Malformed("last_day", "must not lie before first_day")
    return Days(first, last)


async def _published(reading: Reading, tree_size: int) -> Published:
    """The newest published checkpoint, once it covers `tree_size`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + MAX_WAIT_S
    while True:
        newest = await reading.run(reading.hosted.store.published)
        if newest is not None and newest.tree_size >= tree_size:
            return newest
        if loop.time() > deadline:
            raise NotPublished(tree_size, reading.serving.publication.reason)
        await asyncio.sleep(PUBLISH_EVERY_S / 10)
