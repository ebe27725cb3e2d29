"""Does the database say what its entries say? Every leaf, tile, head and view, made anew.

    entries ─► audit_log    leaves, tiles, head, columns, streams, disclosures, checkpoints
            └► audit_views  every row of every view
                  └► audit_usage  every root of the usage index that the log commits to

Only entries are evidence; all the rest is derived from them, and is derived here once more.
Whoever can write to the database can also rewrite all of it consistently: that is caught by
a checkpoint published before, and a checkpoint that was deleted is caught by those who kept
a copy (receipts, bundles, witnesses), not here.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine

from ledger.audit.report import AuditReport, Finding, Progress
from ledger.store.audit_log import LogAudit
from ledger.store.audit_views import audit_views
from ledger.store.core import LedgerStore
from ledger.tlog import VerifierKey

__all__ = ["AuditReport", "Finding", "Progress", "audit_ledger"]

_NEVER_CHECKED: Final = (
    "whether a checkpoint was deleted: compare with receipts, bundles and witnesses",
    "performers and digests of identities: they stand beside the log and do not follow from it",
)


def audit_ledger(
    store: LedgerStore,
    views: Engine | None,
    *,
    vkey: VerifierKey | None,
    origin: str | None,
    progress: Progress | None = None,
) -> AuditReport:
    """Audit one ledger, which may go on growing meanwhile; nothing is written to it.

    Args:
        store: Of the ledger.
        views: Of its views, from view_tables.open_engine; None leaves them unchecked.
        vkey: The ledger's checkpoint key, got by another way than the database.
        origin: Its origin, likewise.
        progress: Told how far it is.
    Raises:
        StoreUnavailable: The database is away.
    """
    progress = progress or (lambda _stage, _done, _total: None)
    report = AuditReport(not_checked=list(_NEVER_CHECKED))
    if vkey is None:
        report.not_checked.append("signatures of checkpoints: no key was given")
    if origin is None:
        report.not_checked.append("whether entries and checkpoints name this ledger")
    LogAudit(store, report, vkey=vkey, origin=origin, progress=progress).run()
    if views is None:
        report.not_checked.append("the views")
    elif report.differs_in("entries") or report.differs_in("disclosures"):
        report.not_checked.append("the views: what they follow from differs already")
    else:
        audit_views(store, views, report, progress)
    return report
