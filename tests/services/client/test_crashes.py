"""A spool whose process dies at any call to the disk: what was synced is taken, once, and no more.

As after kill -9: what was written stays written, half a write too, and nothing else happens.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from services.client.settings import Settings
from services.client.spool import Spool

CALLS: Final = ("open", "write", "fsync", "ftruncate", "unlink")


class Killed(BaseException):
    """Nothing catches it."""


def killing(patched: pytest.MonkeyPatch, at: int) -> None:
    """The n-th call to the disk from now on (from 0) is the last: undone, or half done."""
    calls = itertools.count()

    def dying(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            number = next(calls)
            if number == at and name == "write":
                real(arguments[0], arguments[1][: len(arguments[1]) // 2])
            if number >= at:
                raise Killed
            return real(*arguments, **named)

        return call

    for name in CALLS:
        patched.setattr(os, name, dying(name, getattr(os, name)))


def live(spool: Spool, kept: list[bytes], done: list[bytes]) -> None:
    """Keep, take, have done with, over several segments."""
    taken: list[Any] = []
    for number in range(6):
        use = b"%d" % number
        cost = spool.cost_of(use)
        spool.reserve(cost)
        spool.append([use], reserved=cost, kept=lambda _, use=use: kept.append(use))  # type: ignore[misc]
        taken += spool.take()
        if number % 2:
            place, uses = taken.pop(0)
            done += uses  # the ledger has it, whatever comes of the next line
            spool.done(place)
    spool.close()


def test_killed_at_every_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start takes each use that was kept and not done; none twice, none that never was."""
    settings = Settings(segment_bytes=1)
    died = 0
    for at in itertools.count():
        folder, kept, done = tmp_path / str(at), list[bytes](), list[bytes]()
        spool = Spool(folder, "ledgers/main", settings)
        with monkeypatch.context() as patched:
            killing(patched, at)
            try:
                live(spool, kept, done)
            except Killed:
                died += 1
            else:
                break
        spool._held.release()  # as the kernel does of a process that is gone
        again = Spool(folder, "ledgers/main", settings)
        taken = []
        while some := again.take():
            taken += [use for _, uses in some for use in uses]
        again.close()

        assert set(kept) - set(done) <= set(taken) <= {b"%d" % number for number in range(6)}
        assert len(taken) == len(set(taken))
        assert sorted(taken) == taken
        assert set(taken) - set(kept) <= {b"%d" % len(kept)}  # whole on disk, and nobody was told
    assert died > 20
