"""How does one process have a ledger open, and what may it do with it? For the workload of faults.

    World(store, engine) ──report, say, fold, commit_root, publish, track, thin──► receipts

Each of these may be done again: what it tells then stands once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from sqlalchemy import Engine

from ledger.application import Registrar
from ledger.domain.base import Already, Provenance
from ledger.entry import decode_entry
from ledger.events import UsageIndexCommitted
from ledger.log import Receipt
from ledger.merkle import leaf_hash
from ledger.store.core import LedgerStore, NewEntry, Published, StoredEntry, Tracking
from ledger.store.usage_roots import INDEX_STREAM, UsageRoots
from ledger.store.usage_thinning import UsageThinning
from ledger.store.usage_writer import UsageWriter
from ledger.store.view_writer import ViewWriter, read_stored
from ledger.streams import name_of_stream
from ledger.times import DAY_US
from services.runtime.index_commits import told_size
from tests.ledgers import START_US, Ledger, numbered
from tests.strategies import in_import

# (name, leaf index, leaf hash in hex)
Told: TypeAlias = tuple[str, int, str]
Acknowledged: TypeAlias = dict[str, list[Told]]
Decide: TypeAlias = Callable[[Registrar, Provenance], NewEntry]

_FOLLOWER: Final = "follower"
LATER_US: Final = START_US + 365 * DAY_US  # when old roots are let go: of these, the third


class World:
    """One ledger with its views, as one process has them open.

    Args:
        attempt: Tells its random values and its clock from those of the processes before.
        acknowledged: What earlier processes were told.
    """

    def __init__(
        self, store: LedgerStore, engine: Engine, attempt: int, acknowledged: Acknowledged
    ) -> None:
        self.store, self.engine = store, engine
        self.ledger = Ledger(store, seed=attempt)
        self.ledger._now_us += attempt * 3_600_000_000
        self.acknowledged = acknowledged
        self.views = ViewWriter(engine, store)
        self.index = UsageWriter(engine, store, clock_us=lambda: LATER_US)
        self.roots = UsageRoots(engine)
        self.thinning = UsageThinning(engine, store)

    def name(self, step: str, number: int = 0) -> str:
        return self.acknowledged[step][number][0]

    def report(self, *numbers: int, file: str | None = None) -> list[Told]:
        commands = [numbered(number) for number in numbers]
        if file is not None:
            commands = [in_import(command, self.name(file)) for command in commands]
        results = self.ledger.report(*commands)
        assert all(isinstance(result, Receipt) for result in results), results
        return [told_by(result) for result in results if isinstance(result, Receipt)]

    def say(self, decide: Decide) -> list[Told]:
        """A rare command, as services/runtime/deciding.py carries it out."""
        try:
            entry = decide(self.ledger.registrar, self.ledger.provenance())
        except Already as already:
            version = already.version
            (first,) = self.store.read_stream(already.stream, gt=version - 1, lte=version)
            return [(name_of_stream(first.stream), first.leaf_index, leaf_hash(first.entry).hex())]
        return [told_by(self.ledger.append(entry))]

    def fold(self, batch: int = 3) -> list[Told]:
        """Views and usage index, up to the head."""
        self.index.catch_up(self.views.catch_up(batch=batch), batch=batch)
        return []

    def commit_root(self) -> list[Told]:
        """As services/runtime/index_commits.py does, where there is anything new."""
        self.fold()
        news = told_size(self.store, self.store.head().tree_size)
        if self._newest_committed()[1] < news:
            kept = self.roots.keep_newest()
            self.say(lambda registrar, by: registrar.commit_index(kept.commitment, by))
        stored, _ = self._newest_committed()
        assert stored is not None
        _, fact = read_stored(stored)
        assert isinstance(fact, UsageIndexCommitted)
        self.roots.committed(fact, stored.leaf_index)
        return [(name_of_stream(stored.stream), stored.leaf_index, leaf_hash(stored.entry).hex())]

    def _newest_committed(self) -> tuple[StoredEntry | None, int]:
        """The newest commitment, and the size of the tree that it speaks of."""
        for stored in self.store.read_stream(INDEX_STREAM, desc=True, limit=1):
            size = decode_entry(stored.entry).event["tree_size"]
            assert isinstance(size, int)
            return stored, size
        return None, 0

    def publish(self) -> list[Told]:
        head = self.store.head()
        note = self.ledger.log.checkpoint(head)
        self.store.publish(Published(head.tree_size, note, self.ledger.now_us()))
        self.store.add_cosignatures(head.tree_size, note)
        return []

    def track(self) -> list[Told]:
        """A follower moves on, as the library's do: where it has not yet."""
        last = self.store.head().tree_size
        if (self.store.tracked(_FOLLOWER) or 0) < last:
            self.store.track(Tracking(_FOLLOWER, last))
        return []

    def thin(self) -> list[Told]:
        for _ in self.thinning.run(LATER_US):
            pass
        return []


def told_by(receipt: Receipt) -> Told:
    return receipt.name, receipt.leaf_index, receipt.leaf_hash.hex()
