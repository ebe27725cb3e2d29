"""Any two checkpoints of one ledger that the directory lists are consistent, whatever happens.

a machine of growth, publication, listing, lost commits, crashes and a second process
══ what was published, in order, each once; each pair proven from the ledger's tiles
"""

from __future__ import annotations

import tempfile
from collections import deque
from contextlib import ExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ledger.directory import Listing, read_listing
from ledger.merkle import TileTree, verify_consistency
from ledger.store.core import NewEntry, Published, StoreUnavailable
from ledger.store.directory_listing import newest_listing, unlisted
from ledger.store.sqlite import SqliteStore
from ledger.tlog import Checkpoint, Signer, sign_checkpoint
from tests.faults.commits import Fault, break_commits
from tests.strategies import effort

DIRECTORY = "candour.local/d/directory"
SIGNERS = [Signer(f"candour.local/{n}/l{n}", bytes([n]) * 32) for n in range(2)]
ledgers = st.integers(0, 1)


class DirectoryMachine(RuleBasedStateMachine):
    """Two ledgers and their directory; a lister remembers the newest listing, as a process does."""

    folder: Path

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(dir=self.folder)))
        self.stores = [SqliteStore(folder / f"{n}.db") for n in range(2)]
        self.directory = SqliteStore(folder / "directory.db")
        self.plan: deque[Fault | None] = deque()
        break_commits(self.directory, self.plan)
        self.published: list[list[int]] = [[], []]
        # Two processes, each with its own memory of what is listed.
        self.known: list[list[Listing | None]] = [[None, None], [None, None]]

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            for store in (*self.stores, self.directory):
                store.close()
            self.stack.close()

    @rule(ledger=ledgers, entries=st.integers(1, 4))
    def grow(self, ledger: int, entries: int) -> None:
        store = self.stores[ledger]
        start = store.head().tree_size
        store.append(
            [NewEntry.of(f"s/{n}", 1, "t.v1", b"%d" % n) for n in range(start, start + entries)]
        )

    @rule(ledger=ledgers)
    def publish(self, ledger: int) -> None:
        store, signer = self.stores[ledger], SIGNERS[ledger]
        head = store.head()
        note = sign_checkpoint(
            Checkpoint(signer.verifier_key.name, head.tree_size, head.root), signer
        )
        if store.publish(Published(head.tree_size, note, 0)):
            self.published[ledger].append(head.tree_size)

    @rule(plan=st.lists(st.sampled_from((Fault.BEFORE, Fault.AFTER, None)), max_size=2))
    def lose_commits(self, plan: list[Fault | None]) -> None:
        """The directory goes away around one of its next commits."""
        self.plan.clear()
        self.plan.extend(plan)

    @rule(process=st.integers(0, 1))
    def crash(self, process: int) -> None:
        """It starts again, and reads what is listed."""
        self.known[process] = [
            newest_listing(self.directory, signer.verifier_key.name) for signer in SIGNERS
        ]

    @rule(process=st.integers(0, 1), ledger=ledgers, most=st.integers(1, 3))
    def list_some(self, process: int, ledger: int, most: int) -> None:
        """As the follower does; a process may be killed before it learns what became of it."""
        key = SIGNERS[ledger].verifier_key
        entries = unlisted(
            self.stores[ledger],
            self.known[process][ledger],
            key=key,
            directory=DIRECTORY,
            recorded_us=1_795_000_000_000_000,
            most=most,
        )
        try:
            if entries:
                self.directory.append(entries)
        except StoreUnavailable:
            return
        self.known[process][ledger] = newest_listing(self.directory, key.name)

    @invariant()
    def listed_is_published(self) -> None:
        """In order, each once, without a hole: the first ones of what was published."""
        if not hasattr(self, "stores"):
            return
        for ledger, signer in enumerate(SIGNERS):
            rows = self.directory.read_stream(f"checkpoint/{signer.verifier_key.name}")
            sizes = [read_listing(r.entry, r.leaf_index).checkpoint.tree_size for r in rows]
            assert self.published[ledger][: len(sizes)] == sizes

    @invariant()
    def any_two_are_consistent(self) -> None:
        if not hasattr(self, "stores"):
            return
        for signer, store in zip(SIGNERS, self.stores, strict=True):
            rows = self.directory.read_stream(f"checkpoint/{signer.verifier_key.name}")
            listed = [read_listing(row.entry, row.leaf_index).checkpoint for row in rows]
            for place, newer in enumerate(listed):
                for older in listed[:place]:
                    if older.tree_size == 0:
                        continue
                    verify_consistency(
                        old_size=older.tree_size,
                        old_root=older.root,
                        new_size=newer.tree_size,
                        new_root=newer.root,
                        proof=TileTree(newer.tree_size, store.read_tile).consistency_proof(
                            older.tree_size
                        ),
                    )


def test_listed_checkpoints_are_consistent(tmp_path: Path) -> None:
    """What two processes list, through crashes and lost commits, is what was published."""
    machine = type("Machine", (DirectoryMachine,), {"folder": tmp_path})
    run_state_machine_as_test(machine, settings=settings(effort(0.3), stateful_step_count=25))
