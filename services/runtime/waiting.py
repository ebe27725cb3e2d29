"""Which checkpoint does an answer carry? The one the caller asked to wait for.

    Committed ──COMMITTED──► its own    ──PUBLISHED, WITNESSED──► the published one that covers it

With a policy only what the quorum has cosigned is published, so the two differ in one thing:
without a quorum nothing is ever witnessed, and that is said before anything is recorded.
"""

from __future__ import annotations

from typing import Any, Final

from grpc.aio import ServicerContext

from ledger.errors import Malformed
from ledger.limits import MAX_WAIT_S
from services.pb.candour.v1 import ingest_pb2 as pb
from services.runtime.committer import Committed
from services.runtime.serving import Serving

_NOTHING: Final = (pb.WAIT_FOR_UNSPECIFIED, pb.WAIT_FOR_COMMITTED)
_MARGIN_S: Final = 0.2  # of the caller's deadline, so that our answer is there before it


def check_wait(serving: Serving, wait_for: int) -> None:
    """Before anything is recorded: can this be waited for at all?

    Raises:
        Malformed: It is not a choice of this release.
        NoQuorum: WITNESSED, and no witness has to cosign here.
    """
    if wait_for not in pb.WaitFor.values():
        raise Malformed("wait_for", f"{wait_for} is not a choice known to this release")
    if wait_for == pb.WAIT_FOR_WITNESSED:
        serving.publication.check_witnessed()


async def checkpoint_for(
    serving: Serving,
    committed: Committed,
    wait_for: int,
    context: ServicerContext[Any, Any],
) -> bytes:
    """The signed note that the answer carries; raises as `checkpoint_over`."""
    own, tree_size = committed.checkpoint, committed.tree_size
    return await checkpoint_over(serving, tree_size, own, wait_for, context)


async def checkpoint_over(
    serving: Serving,
    tree_size: int,
    own: bytes,
    wait_for: int,
    context: ServicerContext[Any, Any],
) -> bytes:
    """`own`, a checkpoint over these entries, or the published one that was waited for.

    Raises:
        NotPublished: Not in time; what was committed stays.
    """
    if wait_for in _NOTHING:
        return own
    left_s: float | None = context.time_remaining()
    timeout_s = MAX_WAIT_S if left_s is None else min(left_s - _MARGIN_S, MAX_WAIT_S)
    found = await serving.publication.covering(tree_size, timeout_s=timeout_s)
    return found.note
