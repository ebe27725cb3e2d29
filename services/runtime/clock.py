"""How far is this machine's clock from others'? From what is asked anyway, and from the kernel.

    kernel     what time synchronisation says of it (ntp_adjtime), where it says that it is synchronised
    start      against the clock that nobody sets: how far it was moved since this process started
    witness    against witnesses that cosigned: the middle one's
    database   against PostgreSQL's server; a file has no clock
    log        against the newest time that the ledger has given out, where ours is before that

All in seconds, ours less theirs; whoever cannot tell gives no metric, not 0.

The times of a log never go back, or an audit would find entries recorded before the checkpoint
that they follow: `LogClock` stands still until a clock that was set back has caught up.

Source: ntp_adjtime(3), <sys/timex.h>.
"""

from __future__ import annotations

import ctypes
import logging
import statistics
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from sqlalchemy import Engine, text

_log: Final = logging.getLogger("candour.clock")
_UNSYNCHRONISED: Final = 5  # TIME_ERROR: the clock is not synchronised to a reliable server
_STA_UNSYNC: Final = 0x0040
_STA_NANO: Final = 0x2000
_NS: Final = 1_000_000_000
_BACK_US: Final = (
    1_000_000  # less is a clock that is slewed, or another process's; not worth a line
)
# CLOCK_BOOTTIME counts while a laptop sleeps, so waking up is not a jump.
_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class _Timex(ctypes.Structure):
    """struct timex of Linux; what lies behind `status` is not read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 512),
    )


def kernel_offset_s() -> float | None:
    """Ours less that of the server it follows; None where it follows none, or nobody can tell."""
    try:
        adjtime = ctypes.CDLL(None, use_errno=True).ntp_adjtime
        said = _Timex(modes=0)  # 0: only ask
        state = adjtime(ctypes.byref(said))
    except (AttributeError, OSError):
        return None
    return offset_told(state, said.status, said.offset)


def offset_told(state: int, status: int, offset: int) -> float | None:
    """What an answer of ntp_adjtime says; its offset is what will be added to the clock."""
    if state < 0 or state == _UNSYNCHRONISED or status & _STA_UNSYNC:
        return None
    return -offset / (_NS if status & _STA_NANO else 1_000_000)


class LogClock:
    """The clock of one ledger: this machine's, but never before a time it gave out already.

    Safe to call from several threads.

    Args:
        wall_us: Microseconds from 1970, as this machine's clock has them.
        newest_us: The newest time that stands in the ledger.
        ledger: Its name, for the log.
    """

    def __init__(self, wall_us: Callable[[], int], newest_us: int = 0, *, ledger: str = "") -> None:
        self._wall_us, self._newest_us, self._ledger = wall_us, newest_us, ledger
        self._lock = threading.Lock()
        self._held = False

    def __call__(self) -> int:
        with self._lock:
            now_us = self._wall_us()
            if now_us >= self._newest_us:
                self._newest_us, self._held = now_us, False
                return now_us
            if not self._held and self._newest_us - now_us > _BACK_US:
                self._held = True
                _log.error(
                    "the clock is %.0f s before the newest time in %s, whose entries get that"
                    " time until the clock has caught up; see the runbook clock-off",
                    (self._newest_us - now_us) / 1e6,
                    self._ledger,
                    extra={"ledger": self._ledger},
                )
            return self._newest_us

    def ahead_s(self) -> float:
        """This machine's clock less the newest time given out, where that is negative; else 0."""
        with self._lock:
            return min(0.0, (self._wall_us() - self._newest_us) / 1e6)


class SinceStart:
    """How far the wall clock was moved since this was made."""

    def __init__(self) -> None:
        self._began_ns = self._difference_ns()

    @staticmethod
    def _difference_ns() -> int:
        return time.time_ns() - time.clock_gettime_ns(_BOOT)

    def offset_s(self) -> float:
        return (self._difference_ns() - self._began_ns) / _NS


def middle_s(offsets: Iterable[float | None]) -> float | None:
    """The middle one of those that are known: one witness with a wrong clock says nothing."""
    known = [offset for offset in offsets if offset is not None]
    return statistics.median(known) if known else None


def database_offset_s(engine: Engine) -> float | None:
    """Ours less that of the views' server, to half a round trip; None for a file. Blocking."""
    if engine.dialect.name != "postgresql":
        return None
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))  # a connection is there before the clock is read
        before = time.time()
        theirs = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar()
        after = time.time()
    return None if theirs is None else (before + after) / 2 - float(theirs)
