"""Who audits which slice? As many processes as there are cores; each takes the next one.

    slices ──a few ahead──► processes: read, hash, compare ──► SliceAudit, in any order

A process is started afresh, shares nothing, and gets a path or URL; what it read stays with it.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from typing import Final

from ledger.audit.shapes import EntryReader
from ledger.audit.slices import Slice, SliceAudit, audit_slice
from services.audit.sources import Source, SourceFailed

_AHEAD: Final = 2  # slices a process: one under work, one that waits for it

_reader = lru_cache(maxsize=4)(EntryReader)


def audit_one(source: Source, part: Slice, origin: str) -> SliceAudit:
    """Read and audit one slice. Raises SourceFailed."""
    return audit_slice(part, source.read_all(part.paths()), _reader(origin))


def audit_all(
    source: Source,
    parts: Sequence[Slice],
    origin: str,
    *,
    workers: int,
    done: Callable[[SliceAudit], None],
) -> None:
    """Audit these slices.

    Args:
        workers: Processes; with 1, or one slice, all is done in this one.
        done: Told of each slice as it is done, in any order, on this thread.
    Raises:
        SourceFailed: As soon as one slice cannot be read; those done were told.
    """
    if workers == 1 or len(parts) <= 1:
        for part in parts:
            done(audit_one(source, part, origin))
        return
    context = multiprocessing.get_context("spawn")  # nothing of ours, threads least, goes along
    workers = min(workers, len(parts))
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(workers, context, initializer=_leave_interrupts) as pool:
        try:
            for audit in _as_they_come(pool, source, parts, origin, workers):
                done(audit)
        except BrokenProcessPool:
            raise SourceFailed(str(source), "a process of the audit was killed") from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            # Some may be waiting for a server, and nobody waits for them.
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            raise


def _as_they_come(
    pool: ProcessPoolExecutor, source: Source, parts: Sequence[Slice], origin: str, workers: int
) -> Iterator[SliceAudit]:
    coming = iter(parts)
    running: set[Future[SliceAudit]] = set()
    while True:
        while len(running) < workers * _AHEAD and (part := next(coming, None)) is not None:
            running.add(pool.submit(audit_one, source, part, origin))
        if not running:
            return
        finished, running = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            yield future.result()


def _leave_interrupts() -> None:
    """Ctrl-C is for the one who started us: it ends us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
