"""How does a ledger get to another cluster, with nothing lost, doubled or signed twice?

    copy ─► copy what came meanwhile … ─► views ─► audit      the ledger is served as ever
    seal ─► the rest ─► compared ─► handed over ─► open       it takes nothing, for seconds
                          └─ anything wrong ─► unseal

Broken off anywhere, it is run again and goes on. Until it is handed over it can be aborted, at
the source alone; `hand_over` and `unseal` change one row of the source, so that never both places
go on, nor neither for good. Keys stay where they are: the front-ends'.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ledger.directory import DIRECTORY
from ledger.errors import CandourError, Refused
from ledger.limits import MOVE_REST, MOVE_ROUNDS, PROJECTOR_BATCH
from ledger.merkle import root_at
from ledger.store.audit import audit_ledger
from ledger.store.moved import LedgerMoved, Mark, hand_over, seal, unseal
from ledger.store.postgres import schema_of
from ledger.store.postgres_copy import (
    BESIDE,
    CITED,
    TRACKING,
    Progress,
    check_prefix,
    copy_beside,
    copy_entries,
)
from ledger.store.usage_writer import UsageWriter
from ledger.store.view_tables import open_engine
from ledger.store.view_writer import ViewWriter
from ledger.times import text_of_us
from ledger.tlog import VerifierKey, open_checkpoint
from services.moving.places import Ends, open_copy
from services.runtime.hosting import now_us

# Told before each step, by its name.
Step = Callable[[str], None]


class CopyDiffers(Refused):
    """What was copied is not what is there; the ledger goes on where it was."""


@dataclass(frozen=True, slots=True)
class Moving:
    """What is moved, and where to.

    Members:
        source_url, target_url: Of PostgreSQL itself, past any pooler.
        source_name, target_name: Likewise, for people: no password.
        say: Told before each step.
        progress: Told within them.
    """

    ledger: str
    source_url: str
    target_url: str
    source_name: str
    target_name: str
    say: Step
    progress: Progress


@dataclass(frozen=True, slots=True)
class Moved:
    """How it ended.

    Members:
        tree_size, root: At the new place; the root 32 bytes.
        stopped_us: How long nothing was taken; 0 where an earlier run had stopped it.
    """

    tree_size: int
    root: bytes
    stopped_us: int


def move(wanted: Moving) -> Moved:
    """Move a ledger; or go on with a move that was broken off.

    Raises:
        BehindPooler, PlaceTaken, StoreMismatch, LedgerMoved, NotACopy: Nothing was stopped.
        CopyDiffers: The copy is not the ledger; it goes on where it was.
        StoreUnavailable: Run it again. Where the source was away, it may be that nothing is
            taken until then.
    """
    wanted.say("open")
    ends = Ends.open(wanted.source_url, wanted.target_url, wanted.ledger)
    try:
        key = VerifierKey.parse(ends.source.meta()["vkey"])
        if ends.mark is not None and ends.mark.handed_over:
            return _open(wanted, ends, began_us=None)
        began_us = None
        if ends.mark is None:
            _copy(wanted, ends, key)
            began_us = _seal(wanted, ends)
        try:
            _finish(wanted, ends, key)
        except BaseException:
            with suppress(CandourError):
                unseal(wanted.source_url, ends.source.schema)
            raise
        wanted.say("hand over")
        hand_over(wanted.source_url, ends.source.schema, ends.id)
        return _open(wanted, ends, began_us=began_us)
    finally:
        ends.close()


def abort(source_url: str, ledger: str) -> Mark:
    """Let the ledger go on where it was; the copy stays, and is gone on with by the next move.

    Raises:
        NotSealed: Nothing has stopped it.
        LedgerMoved: It is handed over, and goes on at the new place.
        StoreUnavailable
    """
    return unseal(source_url, schema_of(ledger))


def _copy(wanted: Moving, ends: Ends, key: VerifierKey) -> None:
    """While the ledger is served, as often as it takes for the rest to be short."""
    wanted.say("copy")
    check_prefix(ends.source, ends.target)
    for _ in range(MOVE_ROUNDS):
        _round(wanted, ends)
        if ends.source.head().tree_size - ends.target.head().tree_size <= MOVE_REST:
            break
    wanted.say("audit")
    report = audit_ledger(ends.target, None, vkey=key, origin=key.name, progress=wanted.progress)
    if not report.good:
        first = report.findings[0]
        raise CopyDiffers(
            f"the copy does not pass its audit: {report.differences} differences, the first in"
            f" {first.what}: {first.sentence}; audit the ledger where it is"
        )


def _round(wanted: Moving, ends: Ends) -> None:
    head = copy_entries(ends.source, ends.target, wanted.progress)
    copy_beside(ends.source, ends.target, (*BESIDE, TRACKING), head.tree_size)
    if wanted.ledger == DIRECTORY:
        return
    engine = open_engine(wanted.target_url, ends.target.schema)
    try:
        # First what the usage index must keep, then the index.
        copy_beside(ends.source, ends.target, (CITED,), head.tree_size)
        views = ViewWriter(engine, ends.target)
        views.catch_up(batch=PROJECTOR_BATCH, stop=head.tree_size)
        UsageWriter(engine, ends.target, clock_us=now_us).catch_up(head.tree_size)
    finally:
        engine.dispose()


def _seal(wanted: Moving, ends: Ends) -> int:
    wanted.say("seal")
    began_us = now_us()
    mark = Mark(ends.id, wanted.target_name, text_of_us(began_us // 1_000_000 * 1_000_000))
    try:
        seal(wanted.source_url, ends.source.schema, mark)
    except LedgerMoved:  # by our own doing, where the answer was lost
        standing = Mark.of(ends.source.meta())
        if standing is None or standing.id != ends.id:
            raise
    return began_us


def _finish(wanted: Moving, ends: Ends, key: VerifierKey) -> None:
    """The rest, and a comparison of all there is; nobody writes at either end."""
    wanted.say("the rest")
    check_prefix(ends.source, ends.target)
    _round(wanted, ends)
    wanted.say("compare")
    source, target = ends.source.head(), ends.target.head()
    if (source.tree_size, source.root) != (target.tree_size, target.root):
        raise CopyDiffers(
            f"the copy's tree of {target.tree_size} entries is not the ledger's, of"
            f" {source.tree_size}"
        )
    if copy_beside(ends.source, ends.target, BESIDE, source.tree_size):
        raise CopyDiffers("what stands beside the log changes though the ledger is stopped")
    _hold_to_published(ends, key)


def _hold_to_published(ends: Ends, key: VerifierKey) -> None:
    """The copy holds the tree of the newest checkpoint that was published, signed by the key."""
    newest = ends.target.published()
    if newest is None:
        return
    signed = open_checkpoint(newest.note, [key]).checkpoint
    head = ends.target.head()
    if signed.tree_size > head.tree_size or signed.root != root_at(
        signed.tree_size, ends.target.read_tile
    ):
        raise CopyDiffers(
            f"the copy does not hold the published tree of {signed.tree_size} entries"
        )


def _open(wanted: Moving, ends: Ends, *, began_us: int | None) -> Moved:
    wanted.say("open the copy")
    at_us = now_us()
    at = text_of_us(at_us // 1_000_000 * 1_000_000)
    open_copy(ends.target, came_from=wanted.source_name, at=at)
    head = ends.target.head()
    return Moved(head.tree_size, head.root, 0 if began_us is None else at_us - began_us)
