"""What does a projector do until there is nothing left to do? All of it, in steps of a few entries.

    _follow_one (services/projector): views ► usage index ► old roots let go ► nothing left ► end

The process is the projector's own code; its batches are small, so that there are many places to
end it at, and its clock jumps a year on when all is folded, so that roots are let go.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Final
from unittest.mock import patch

from ledger.store import usage_thinning
from services.projector import __main__ as projector
from services.projector.traces import Traces
from services.runtime.hosting import open_store
from services.runtime.settings import Settings
from services.runtime.views import open_views
from tests.faults.world import LATER_US, World
from tests.ledgers import START_US

_SMALL: Final = {
    "PROJECTOR_BATCH": 3,
    "USAGE_BATCH": 4,
    "USAGE_SLICE": 2,
    "USAGE_LIVE_SLICE": 2,
    "USAGE_EVERY_S": 0.0,
    "USAGE_QUIET_S": 0.0,  # no rests by the clock: the count of calls is the same each time
}
_IDLE_ROUNDS: Final = 3  # each lets go of roots for FOLLOW_POLL_S, after all is folded


def settings_at(at: str) -> Settings:
    """Of the ledger of a job (victim.py)."""
    if at.startswith("postgresql"):
        return Settings(database_url=at, ledger="main")
    return Settings(data=Path(at), ledger="main")


class Work:
    """What a projector has to do at a place, and whether it is done.

    It looks through connections of its own, opened here: they are nobody's to break.
    """

    def __init__(self, at: str) -> None:
        self._settings = settings_at(at)
        store, engine = open_store(self._settings), open_views(self._settings)
        self._world = World(store, engine, 0, {})
        self._size = store.head().tree_size
        self._idle = 0
        self._folded()

    def project(self) -> None:
        """One projector process, to the end of its work."""
        with ExitStack() as stack:
            for name, value in _SMALL.items():
                stack.enter_context(patch.object(projector, name, value))
            stack.enter_context(patch.object(usage_thinning, "THIN_NODES", 7))
            stack.enter_context(patch.object(projector, "now_us", self._now_us))
            stack.enter_context(patch.object(projector, "_parent_gone", self._is_done))
            projector._follow_one(self._settings, Traces())

    def _folded(self) -> bool:
        return self._world.roots.position() == self._size

    def _now_us(self) -> int:
        return LATER_US if self._folded() else START_US

    def _is_done(self, wait_s: float) -> bool:
        """In place of waiting for the parent's hint."""
        if self._folded() and not self._world.thinning.plan(LATER_US).let_go:
            self._idle += 1
        return self._idle > _IDLE_ROUNDS
