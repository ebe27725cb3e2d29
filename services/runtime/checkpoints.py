"""Which checkpoint does evidence lead to, and from which older one is growth proven?

OlderCheckpoint ──older_of──► note, tree size        tree size ──covering──► published checkpoint
"""

from __future__ import annotations

import asyncio

from ledger.errors import Malformed
from ledger.evidence import opened_older
from ledger.limits import MAX_WAIT_S, PUBLISH_EVERY_S
from ledger.store.core import Published
from services.pb.candour.v1 import proofs_pb2 as pb
from services.runtime.hosting import Hosted
from services.runtime.reading import Reading
from services.runtime.refusals import CheckpointMissing, NotPublished, TreeSizeBeyondHead


def older_of(hosted: Hosted, asked: pb.OlderCheckpoint) -> tuple[bytes | None, int]:
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


async def covering(reading: Reading, tree_size: int) -> Published:
    """The newest published checkpoint, once it covers `tree_size`. Raises NotPublished."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + MAX_WAIT_S
    while True:
        newest = await reading.run(reading.hosted.store.published)
        if newest is not None and newest.tree_size >= tree_size:
            return newest
        if loop.time() > deadline:
            raise NotPublished(tree_size, reading.serving.publication.reason)
        await asyncio.sleep(PUBLISH_EVERY_S / 10)
