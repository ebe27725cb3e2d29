"""Is a restored ledger whole, and may it sign? The audit, its own checkpoint, and those of others.

audit ─► manifest's root and checkpoint ─► each Seen ─► Restored ─settle─► the database's own word
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.audit.report import AuditReport, Progress
from ledger.errors import CandourError, Malformed
from ledger.merkle import root_at
from ledger.store.audit import audit_ledger
from ledger.store.copied import NOT_SERVABLE, RESTORED, mark
from ledger.store.core import LedgerStore, Published
from ledger.times import text_of_us
from ledger.tlog import VerifierKey, open_checkpoint
from services.backup import manifest as m
from services.backup.witnessed import Seen
from services.runtime.hosting import now_us


@dataclass(slots=True)
class Restored:
    """How a restore ended.

    Members:
        tree_size: Of what was restored.
        audit: Of it.
        missing: Entries that somebody saw in the tree, and that are not here.
        lost: What parts that were left out have taken with them, each in words.
        wrong: Why it may not be served; empty where it may.
        not_known: What this restore says nothing about.
    """

    tree_size: int
    audit: AuditReport
    missing: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    not_known: list[str] = field(default_factory=list)

    @property
    def servable(self) -> bool:
        return not self.wrong


def judge(
    store: LedgerStore,
    manifest: m.Manifest,
    key: VerifierKey,
    seen: Sequence[Seen],
    progress: Progress,
) -> Restored:
    report = audit_ledger(store, None, vkey=key, origin=key.name, progress=progress)
    head = store.head()
    found = Restored(head.tree_size, report)
    if not report.good:
        found.wrong.append(
            f"the audit found {report.differences} differences, the first in"
            f" {report.findings[0].what}: {report.findings[0].sentence}"
        )
    if (head.tree_size, head.root.hex()) != (manifest.tree_size, manifest.root):
        found.wrong.append(
            f"its tree is of {head.tree_size} entries, and not the one of {manifest.tree_size}"
            " that the manifest names"
        )
    if manifest.checkpoint is not None:
        _hold_to_own(store, manifest.checkpoint.encode(), key, found)
    for one in seen:
        _hold_to(store, one, found)
    if not seen:
        found.not_known.append(
            "whether entries are missing that were signed after the backup: no checkpoint that"
            " others kept was given (--witness-checkpoint)"
        )
    else:
        most = max(one.checkpoint.tree_size for one in seen)
        found.not_known.append(
            f"whether more than {most} entries were ever signed: only receipts and other"
            " checkpoints can tell"
        )
    return found


def _hold_to_own(store: LedgerStore, note: bytes, key: VerifierKey, found: Restored) -> None:
    try:
        checkpoint = open_checkpoint(note, [key]).checkpoint
    except CandourError as error:
        found.wrong.append(f"the checkpoint in the manifest does not hold: {error}")
        return
    _hold_to(store, Seen("the manifest", checkpoint, note), found)


def _hold_to(store: LedgerStore, one: Seen, found: Restored) -> None:
    size = one.checkpoint.tree_size
    if size > found.tree_size:
        found.missing = max(found.missing, size - found.tree_size)
        found.wrong.append(
            f"{size - found.tree_size} entries are missing: {one.where} shows that this ledger has"
            f" signed {size}, and {found.tree_size} are here"
        )
        return
    try:
        same = one.checkpoint.root == root_at(size, store.read_tile)
    except Malformed:
        same = False
    if not same:
        found.wrong.append(
            f"{one.where} shows another tree of {size} entries, signed by this ledger: two"
            " histories; keep both checkpoints"
        )


def lost_with(manifest: m.Manifest, left_out: Collection[str]) -> list[str]:
    """What is gone with the parts that are not here, in words."""
    counts: Mapping[str, int] = manifest.counts
    lost = []
    if m.DISCLOSURES in left_out:
        lost += [
            f"names, reasons and salts of {counts['disclosures']} reports: their commitments stay,"
            " and count as erased",
            f"which of {counts['reports']} reports are held already: sent again, they count twice",
            f"which pseudonym stands for whom, of {counts['performers']} performers: they get new"
            " ones from now on",
        ]
    if m.KEYS in left_out:
        lost.append(
            "the keys: it can be read and audited, and it signs and takes nothing until they are"
            " back in the data directory"
        )
    return lost


def settle(
    store: LedgerStore,
    manifest: m.Manifest,
    found: Restored,
    left_out: Collection[str],
    seen: Sequence[Seen],
) -> None:
    gone = f", without {' and '.join(sorted(left_out))}" if left_out else ""
    mark(
        store,
        RESTORED,
        f"{text_of_us(now_us() // 1_000_000 * 1_000_000)}: {found.tree_size} entries, from a backup"
        f" of {manifest.made_at}{gone}",
    )
    short = max(seen, key=lambda one: one.checkpoint.tree_size, default=None)
    if found.missing and short is not None and len(found.wrong) == _shortages(found, seen):
        note, size = short.note, short.checkpoint.tree_size
        # Its own signature over what it lacks: whatever release is started refuses from now on.
        store.publish(Published(size, note, now_us()))
        mark(store, NOT_SERVABLE, None)
        return
    mark(store, NOT_SERVABLE, "; ".join(found.wrong) if found.wrong else None)


def _shortages(found: Restored, seen: Sequence[Seen]) -> int:
    return sum(one.checkpoint.tree_size > found.tree_size for one in seen)
