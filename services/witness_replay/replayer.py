"""How is a log replayed without anybody waiting for it? By a thread a log, a batch at a time.

    vouch(checkpoint) ──► replayed so far?  yes: cosign
                      └─► the thread goes on towards it; after a moment: 503, ask again
    thread: fetch ─► hash ─► leads to the signed root? ─► judge, fold, remember ─► …

A batch is remembered only once it is shown to lead to a root that the log signed: whole to its
root, or as the beginning of its tree by a consistency proof from tiles.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from ledger.errors import CandourError, Malformed
from ledger.limits import REPLAY_BATCH, REPLAY_WAIT_S
from ledger.merkle import ConsistencyFailed, Frontier, leaf_hash, verify_consistency
from ledger.tlog import Checkpoint
from services.witness.service import Answer
from services.witness_replay.batch import replay
from services.witness_replay.judging import Differs
from services.witness_replay.reader import EntriesMissing, EntryReader
from services.witness_replay.state import ReplayState

_log: Final = logging.getLogger("candour.witness")


class LeadsElsewhere(EntriesMissing):
    """What is shown as entries does not lead to the root that the log signed."""


@dataclass(slots=True)
class _Done:
    """How far the thread is; read and written under the lock."""

    frontier: Frontier
    root_size: int
    roots: int
    differs: Differs | None = None  # for good: the log only grows
    trouble: str = ""  # the last attempt's; the next checkpoint makes another


class LogReplay:
    """Replays one log. `vouch` may be called from many threads.

    Args:
        folder: Of the witness; the file of this log's replay is made there.
        origin: Of the log.
        prefix: Where its entries are.
        wait_s: How long `vouch` waits for the thread.
    Raises:
        MemoryRefused: As `ReplayState`.
    """

    def __init__(
        self, folder: Path, origin: str, prefix: str, *, wait_s: float = REPLAY_WAIT_S
    ) -> None:
        self.origin = origin
        name = f"replay-{sha256(origin.encode()).hexdigest()[:16]}.sqlite"
        self._state = ReplayState(folder / name, origin)
        self._reader, self._wait_s = EntryReader(prefix), wait_s
        self._moved = threading.Condition()
        self._done = _Done(*self._state.position())
        self._target: Checkpoint | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End after the batch at hand; what was replayed is on disk already."""
        with self._moved:
            self._ended = True
            self._moved.notify_all()
        self._thread.join()
        self._state.close()

    def vouch(self, checkpoint: Checkpoint) -> Answer | None:
        """None where every entry below it was judged good; else why it is not cosigned (yet).

        Args:
            checkpoint: Signed by the log, and adding to what was cosigned last.
        """
        deadline = time.monotonic() + self._wait_s
        size = checkpoint.tree_size
        with self._moved:
            if self._done.frontier.size < size and self._done.differs is None:
                if self._target is None or self._target.tree_size <= size:
                    self._target = checkpoint
                self._done.trouble = ""
                self._moved.notify_all()
            while not self._settled(size) and (left_s := deadline - time.monotonic()) > 0:
                self._moved.wait(left_s)
            return self._answer(checkpoint)

    def status(self) -> dict[str, Any]:
        """For `GET /status`."""
        with self._moved:
            done, target = self._done, self._target
            return {
                "replayed": done.frontier.size,
                "behind": 0 if target is None else max(target.tree_size - done.frontier.size, 0),
                "roots_made_anew": done.roots,
                "newest_root_over": done.root_size,
                "refuses": done.differs and str(done.differs),
                "trouble": done.trouble or None,
            }

    def _settled(self, size: int) -> bool:
        done = self._done
        failed = done.differs is not None or bool(done.trouble) or self._ended
        return done.frontier.size >= size or failed

    def _answer(self, checkpoint: Checkpoint) -> Answer | None:
        done, size = self._done, checkpoint.tree_size
        if done.differs is not None and done.differs.leaf_index < size:
            return _answer(403, f"not vouched for: {done.differs}")
        if done.frontier.size == size:
            if done.frontier.root() == checkpoint.root:
                return None
            return _answer(403, f"not vouched for: another tree of {size} entries was replayed")
        if done.frontier.size > size:
            return _answer(503, f"{done.frontier.size} entries are replayed; submit a newer one")
        if done.trouble:
            return _answer(503, f"replayed {done.frontier.size} of {size} entries: {done.trouble}")
        return _answer(503, f"replayed {done.frontier.size} of {size} entries; ask again")

    # --- the thread -----------------------------------------------------------------
    def _run(self) -> None:
        while (target := self._next()) is not None:
            differs, trouble = None, ""
            try:
                self._advance(target)
            except Differs as found:
                differs = found
                _log.critical("%s: not vouched for: %s", self.origin, found)
            except (CandourError, sqlite3.Error) as error:
                trouble = str(error)
                _log.warning("%s: not replayed: %s", self.origin, trouble)
            except Exception as error:  # noqa: BLE001  a thread that ends is a log never vouched for again
                trouble = f"an error of ours: {type(error).__qualname__}"
                _log.exception("%s: not replayed", self.origin)
            with self._moved:
                position = self._state.position()
                self._done = _Done(*position, differs or self._done.differs, trouble)
                if trouble:
                    self._target = None  # until a checkpoint is submitted again
                self._moved.notify_all()

    def _next(self) -> Checkpoint | None:
        """The newest checkpoint to go towards, once there is one; None at the end."""
        with self._moved:
            while not self._ended:
                done, target = self._done, self._target
                if (
                    target is not None
                    and done.differs is None
                    and done.frontier.size < target.tree_size
                ):
                    return target
                self._moved.wait()
        return None

    def _advance(self, target: Checkpoint) -> None:
        """One batch towards a checkpoint.

        Raises:
            EntriesMissing, LeadsElsewhere: What is there does not lead to it.
            Differs: As `replay`.
        """
        before = self._done.frontier
        size = target.tree_size
        stop = min(size, before.size + REPLAY_BATCH)
        entries = self._reader.entries(before.size, stop, tree_size=size)
        frontier = before.extended(map(leaf_hash, entries))
        try:
            proof = [] if stop == size else self._reader.tree(size).consistency_proof(stop)
            verify_consistency(
                old_size=stop,
                old_root=frontier.root(),
                new_size=size,
                new_root=target.root,
                proof=proof,
            )
        except (ConsistencyFailed, Malformed) as error:
            raise LeadsElsewhere(
                self._reader.prefix, f"entries do not lead to the signed root: {error}"
            ) from None
        replay(self._state, frontier, entries, self.origin)


def _answer(status: int, reason: str) -> Answer:
    return Answer(status, f"{reason}\n".encode())
