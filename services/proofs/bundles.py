"""How does an answer leave with its evidence? One bundle, in chunks of one file."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ledger.errors import Malformed
from ledger.evidence import build_bundle
from ledger.limits import BUNDLE_CHUNK_BYTES
from ledger.store.usage_nodes import NodeDamaged
from ledger.streams import check_id
from ledger.usage_evidence import build_usage_bundle
from ledger.usage_index import Days, UsageProofRefused
from ledger.usage_index.keys import day_of_text
from ledger.verify.usage_answer import UsageQuestion
from services.pb.candour.v1 import proofs_pb2 as pb
from services.runtime.checkpoints import covering, older_of
from services.runtime.reading import Reading, summary_key
from services.runtime.refusals import Damaged


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
    older, least = await reading.run(older_of, hosted, request.older)
    tree_size = await reading.settle(request.as_of, request.min_tree_size)
    question = await reading.run(reading.question, request.filter, tree_size, by)
    bundle = await reading.run(
        build_bundle,
        hosted.log,
        reading.views,
        question,
        await covering(reading, max(tree_size, least)),
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
    older, least = await reading.run(older_of, hosted, request.older)
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
    published = await covering(reading, max(root.leaf_index + 1, least))
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
        raise Damaged("the usage index", "commitment") from error
    for start in range(0, len(bundle), BUNDLE_CHUNK_BYTES):
        yield pb.ProveUsageResponse(chunk=bundle[start : start + BUNDLE_CHUNK_BYTES])


def _days(request: pb.ProveUsageRequest) -> Days:
    """Raises Malformed."""
    first = day_of_text(request.first_day, field="first_day")
    last = day_of_text(request.last_day, field="last_day")
    if first > last:
        raise Malformed("last_day", "must not lie before first_day")
    return Days(first, last)
