"""How does a test keep the usage index of a ledger? As projector and server do, without either.

Ledger ──fold──► views, index ──commit──► root in the log ──bundle──► evidence
"""

from __future__ import annotations

from sqlalchemy import Engine

from ledger.domain.base import Provenance
from ledger.store.core import LedgerStore, Published
from ledger.store.usage_reader import UsageReader
from ledger.store.usage_roots import KeptRoot, UsageRoots
from ledger.store.usage_writer import UsageWriter
from ledger.store.view_queries import ViewReader
from ledger.store.view_writer import ViewWriter
from ledger.tlog import Checkpoint, Signer, answers_name, sign_checkpoint
from ledger.usage_evidence import build_usage_bundle
from ledger.usage_index import Days
from ledger.usage_index.keys import day_of_text
from ledger.verify.usage_answer import UsageQuestion
from tests.ledgers import ORIGIN, Ledger

ANSWERS = Signer(answers_name(ORIGIN), bytes([7]) * 32)


class Index:
    """The usage index of one ledger, and its views."""

    def __init__(self, ledger: Ledger, store: LedgerStore, engine: Engine) -> None:
        self.ledger, self.store = ledger, store
        self.views, self.writer = ViewWriter(engine, store), UsageWriter(engine, store)
        self.roots, self.reader = UsageRoots(engine), UsageReader(engine)
        self.view_reader = ViewReader(engine, store)

    def fold(self, batch: int = 10_000) -> int:
        """Fold all there is; returns the position."""
        return self.writer.catch_up(self.views.catch_up(batch=batch), batch=batch)

    def commit(self) -> KeptRoot:
        """Commit the root at the position, as the server does."""
        kept = self.roots.keep_newest()
        told = Provenance(reporter=ORIGIN, recorded_us=self.ledger.now_us())
        receipt = self.ledger.append(self.ledger.registrar.commit_index(kept.commitment, told))
        self.roots.committed(kept.commitment.to_fact(), receipt.leaf_index)
        return KeptRoot(kept.tree_size, kept.ref, receipt.leaf_index)

    def bundle(
        self,
        root: KeptRoot,
        agency: str,
        technology: str,
        days: tuple[str, str],
        kind: str = "count",
        older: int | None = None,
    ) -> bytes:
        """The evidence for a count, under a checkpoint over the head."""
        head = self.store.head()
        first, last = (day_of_text(day, field="day") for day in days)
        return build_usage_bundle(
            self.ledger.log,
            self.view_reader,
            self.reader,
            UsageQuestion(
                kind=kind,
                agency=agency,
                technology=technology,
                days=Days(first, last),
                tree_size=root.tree_size,
            ),
            root,
            Published(head.tree_size, self.ledger.log.checkpoint(head), 0),
            signer=ANSWERS,
            older=None if older is None else self.checkpoint(older),
        )

    def checkpoint(self, tree_size: int) -> bytes:
        """The checkpoint that was signed at a size."""
        log = self.ledger.log
        return sign_checkpoint(
            Checkpoint(log.origin, tree_size, log.tree(tree_size).root()), log.signer
        )
