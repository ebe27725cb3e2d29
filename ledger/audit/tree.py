"""Do the slices make up the tree that was signed? (RFC 9162, section 2.1.1)

    roots of full slices ──upper_tiles──► every tile from level 2 up
                 └─ and the edge of the last one ──root_of──► root ══ checkpoint
    first leaves of a slice ──prefix_root──► root of an older tree ══ checkpoint seen before

A full slice is one hash of level 2, so what is left to hash is little: 15 for a million entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ledger.audit.checks import Course, Number
from ledger.audit.slices import SLICE_ENTRIES, SliceAudit, compare_tile, root_of_full
from ledger.limits import MAX_FINDINGS, TILE_WIDTH
from ledger.merkle import Frontier
from ledger.tlog import Checkpoint, TilePath

CHECKPOINTS: Final = "checkpoints"


def upper_tiles(audits: Sequence[SliceAudit], tree_size: int) -> Iterator[tuple[TilePath, bytes]]:
    """Every tile from level 2 up, with the hashes that it must hold."""
    level = 2
    hashes = [audit.subtrees[0] for audit in audits[: tree_size // SLICE_ENTRIES]]
    while hashes:
        for start in range(0, len(hashes), TILE_WIDTH):
            some = hashes[start : start + TILE_WIDTH]
            yield TilePath(level, start // TILE_WIDTH, len(some)), b"".join(some)
        full = range(0, len(hashes) - TILE_WIDTH + 1, TILE_WIDTH)
        hashes = [root_of_full(hashes[start : start + TILE_WIDTH]) for start in full]
        level += 1


def root_of(audits: Sequence[SliceAudit], tree_size: int) -> bytes:
    """Root over all entries, from what their slices make; 32 bytes."""
    full = tree_size // SLICE_ENTRIES
    upper = Frontier().extended(audit.subtrees[0] for audit in audits[:full]).subtrees
    edge = audits[full].subtrees if tree_size % SLICE_ENTRIES else []
    return Frontier(tree_size, (*upper, *edge)).root()


def prefix_root(audits: Sequence[SliceAudit], size: int, leaves: Sequence[bytes]) -> bytes:
    """Root over the first `size` entries.

    Args:
        audits: Of all slices.
        size: 1 or more.
        leaves: Leaf hashes of the slice in which it ends, from its start up to `size`.
    """
    assert len(leaves) == size % SLICE_ENTRIES
    upper = Frontier().extended(a.subtrees[0] for a in audits[: size // SLICE_ENTRIES]).subtrees
    return Frontier(size, (*upper, *Frontier().extended(leaves).subtrees)).root()


def gather(audits: Sequence[SliceAudit], course: Course) -> None:
    """Put together what the slices found, in order."""
    for audit in audits:
        course.report.take(audit.findings, audit.differences)
        for number, times in audit.failed.items():
            course.fail(number, times)
        for what, more in audit.counts.items():
            course.report.count(what, more)
    report = course.report
    counted = report.counts.get("entries", 0)
    course.made(Number.ENTRIES, f"{counted} entries, each in its place")
    course.made(Number.LEAF_HASHES, f"each of {counted} entries hashes to its leaf")
    unread = report.counts.get("unread", 0)
    later = f"; {unread} say what this release does not know" if unread else ""
    course.made(Number.FORM, f"{counted} entries are entries of this ledger{later}")


def compare_upper_tiles(
    audits: Sequence[SliceAudit],
    tree_size: int,
    course: Course,
    stored: Iterator[bytes | None],
) -> None:
    """Compare the tiles from level 2 up.

    Args:
        stored: What lies under the path of each of `upper_tiles`, in order.
    """
    found = SliceAudit(len(audits))
    for tile, made in upper_tiles(audits, tree_size):
        compare_tile(tile, made, next(stored), found)
    report = course.report
    report.take(found.findings[:MAX_FINDINGS], found.differences)
    for number, times in found.failed.items():
        course.fail(number, times)
    report.count("tile_hashes", found.counts.get("tile_hashes", 0))
    held = report.counts.get("tile_hashes", 0)
    course.made(Number.TILES, f"{held} stored hashes of all levels are those of the entries")


def compare_root(audits: Sequence[SliceAudit], checkpoint: Checkpoint, course: Course) -> None:
    """Compare the root with the checkpoint's."""
    size = checkpoint.tree_size
    if not all(audit.whole for audit in audits):
        course.not_made(Number.ROOT, "entries are missing or cannot be read")
    elif root_of(audits, size) != checkpoint.root:
        sentence = "the entries up to there give another root than was published"
        course.differs(Number.ROOT, CHECKPOINTS, size, sentence)
    else:
        course.made(Number.ROOT, f"{size} entries lead to the root that was signed")


def compare_older(
    audits: Sequence[SliceAudit], older: Checkpoint, leaves: Sequence[bytes], course: Course
) -> None:
    """Compare the tree with one that was seen before, of a size that it has reached.

    Args:
        leaves: As of `prefix_root`.
    """
    size = older.tree_size
    ends_in = -(-size // SLICE_ENTRIES)
    if not all(audit.whole for audit in audits[:ends_in]):
        course.not_made(Number.OLDER, "entries are missing or cannot be read")
    elif prefix_root(audits, size, leaves) != older.root:
        sentence = "the entries up to there give another root than was published"
        course.differs(Number.OLDER, CHECKPOINTS, size, sentence)
    else:
        course.made(Number.OLDER, f"the log only added to the {size} entries seen before")
