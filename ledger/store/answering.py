"""When is a database that says nothing given up, and what does a commit leave unsaid?

    statement ──► the server is silent for silent_s ──► ServerSilent, the connection is closed
              └─► COMMIT answered, with "waiting for the standby was cancelled" ──► unreplicated

A server that is stopped, a disk that hangs or a network that swallows packets answers nothing and
closes nothing; without a bound of our own a thread would wait for it as long as the kernel does,
a quarter of an hour. Where the peer's kernel answers no more either, libpq's keepalives and TCP's
user timeout find it.

Source: PostgreSQL 15, 27.2.8 Synchronous Replication: a wait that is cancelled leaves a commit
that is durable here, and on no standby, and says so by a warning alone.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

import psycopg
from psycopg.abc import RV, PQGen

from ledger.limits import STORE_CONNECT_S, STORE_SILENT_S

_TICK_S: Final = 0.1  # between looks whether it has said something
_NOTHING: Final = 0  # psycopg's Ready.NONE: a tick went by
_CANCELLED_WAIT: Final = "SyncRepWaitForLSN"

# Of libpq, for every connection; these go before what a URL says.
CONNECT: Final[dict[str, Any]] = {
    "connect_timeout": STORE_CONNECT_S,
    "keepalives_idle": STORE_SILENT_S,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": STORE_SILENT_S * 1000,
}


class ServerSilent(psycopg.OperationalError):
    """The database was asked, and said nothing for too long; what it did is not known."""


class Answering(psycopg.Connection[Any]):
    """A connection whose server must say something every `silent_s`.

    Members:
        silent_s: Seconds; None for whoever waits as long as it takes.
        unreplicated: A commit was made durable here, and its wait for a standby was cancelled.
    """

    silent_s: float | None = STORE_SILENT_S
    unreplicated: bool = False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.add_notice_handler(self._noticed)

    def wait(self, gen: PQGen[RV], interval: float = _TICK_S, timeout: float | None = None) -> RV:
        more = {} if timeout is None else {"timeout": timeout}
        if self.silent_s is None:
            return super().wait(gen, interval, **more)
        try:
            return super().wait(_heard(gen, self.silent_s, interval), interval, **more)
        except ServerSilent:
            # Closed at once: leaving a pipeline or a transaction would wait for it again.
            self.pgconn.finish()
            raise

    def _noticed(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.source_function == _CANCELLED_WAIT:
            self.unreplicated = True

    def check_replicated(self) -> None:
        """Raises OperationalError where what was committed may be on no standby."""
        if self.unreplicated:
            raise psycopg.OperationalError("the wait for a standby was cancelled")


def _heard(inner: PQGen[RV], silent_s: float, interval: float) -> Generator[Any, Any, RV]:
    """`inner`, until nothing was ready for so many intervals in a row."""
    least, silent = max(1, round(silent_s / interval)), 0
    try:
        wanted = next(inner)
        while True:
            ready = yield wanted
            silent = silent + 1 if ready == _NOTHING else 0
            if silent >= least:
                raise ServerSilent(f"the database said nothing for {silent_s:g} s")
            wanted = inner.send(ready)
    except StopIteration as ended:
        result: RV = ended.value
        return result
