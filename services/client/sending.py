"""How do parcels reach the ledger, however often they must be sent? Several at once, each again.

    Backlog.take ──► BatchReportToolUses ──► a receipt or a refusal a use ──► who waits, callbacks
                          ▲    └── away, busy: Pace waits ──┐
                          └─────────── the same again ◄─────┘

One thread sends and reads answers; gRPC's threads only tell it that there is one. A request that
may have been recorded is sent again as it was: the ledger knows each use by its source's id.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import grpc

from services.client.errors import (
    CallRefused,
    ClientError,
    LedgerAway,
    NotDelivered,
    UseRefused,
)
from services.client.pacing import Pace
from services.client.parcels import Backlog, Item, Parcel
from services.client.receipts import Receipt, receipt_of, said_by, said_by_call
from services.client.settings import Settings
from services.pb.candour.v1 import ingest_pb2
from services.pb.candour.v1.common_pb2 import ToolUse

_log: Final = logging.getLogger("candour.client")


class Start(Protocol):
    """Begins one request with these uses; gives a grpc.Future that is a grpc.Call too."""

    def __call__(self, uses: list[bytes]) -> Any: ...


class Sender(threading.Thread):
    """Sends what a backlog holds.

    Args:
        start: Begins one request.
        release: Gives an item's room back to the intake.
        on_refused: Of each use that is refused for good, with why.
        on_recorded: Of each use that has its receipt.
        ended: The thread sends nothing more.
    """

    def __init__(
        self,
        start: Start,
        backlog: Backlog,
        settings: Settings,
        *,
        release: Callable[[Item], None],
        on_refused: Callable[[ToolUse, UseRefused], None] | None,
        on_recorded: Callable[[ToolUse, Receipt], None] | None,
        ended: Callable[[], None],
    ) -> None:
        super().__init__(name="candour-client-sender", daemon=True)
        self._start_call, self._backlog, self._settings = start, backlog, settings
        self._release, self._on_refused, self._on_recorded = release, on_refused, on_recorded
        self._ended = ended
        self._pace = Pace(settings.max_delay_s, settings.in_flight, clock=time.monotonic)
        self._changed = threading.Condition()
        self._woken = False
        self._answered: deque[Parcel] = deque()
        self._under_way: list[Parcel] = []
        self._again: deque[Parcel] = deque()
        self._end_at: float | None = None
        self.trouble: ClientError | None = None

    # --- for other threads ------------------------------------------------------------
    def wake(self) -> None:
        """There is something to look at."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def finish(self, timeout_s: float) -> None:
        """Send what is left, for `timeout_s` at most, and end. Nothing is put any more."""
        self._end_at = time.monotonic() + timeout_s
        self.wake()
        self.join()

    # --- the thread ---------------------------------------------------------------------
    def run(self) -> None:
        try:
            while True:
                while self._answered:
                    self._settle(self._answered.popleft())
                if self._send_next():
                    continue
                if self._at_end():
                    break
                self._sleep()
        finally:  # by a mistake of ours too: nobody waits for a thread that is gone
            self._ended()
            self._abandon()

    def _sleep(self) -> None:
        wait_s = self._pace.wait_s or None
        if self._end_at is not None:
            left_s = max(0.0, self._end_at - time.monotonic())
            wait_s = left_s if wait_s is None else min(wait_s, left_s)
        with self._changed:
            if not self._woken:
                self._changed.wait(wait_s)
            self._woken = False

    def _at_end(self) -> bool:
        """Whether to end now: all is done, or time is over, or the spool keeps it as well."""
        if self._end_at is None:
            return False
        if time.monotonic() >= self._end_at:
            return True
        if self._answered or self._under_way:
            return False
        if not self._again and self._backlog.empty():
            return True
        if self._backlog.durable and self._pace.troubled_s:
            waited_for = self._backlog.waiters() or any(
                item.future is not None for parcel in self._again for item in parcel.items
            )
            return not waited_for
        return False

    # --- there ----------------------------------------------------------------------------
    def _send_next(self) -> bool:
        """Whether a request was begun."""
        if len(self._under_way) >= self._pace.allowed or self._pace.wait_s > 0:
            return False
        try:
            parcel = self._again.popleft() if self._again else self._backlog.take()
        except (ClientError, OSError) as error:  # the spool cannot be read
            self._failed(ClientError(str(error)), None, sent_at=time.monotonic())
            return False
        if parcel is None:
            return False
        parcel.sent_at = time.monotonic()
        self._under_way.append(parcel)
        try:
            parcel.call = self._start_call([item.data for item in parcel.items])
        except (ValueError, RuntimeError) as error:  # the channel, or the interpreter, is closing
            self._under_way.remove(parcel)
            self._again.appendleft(parcel)
            self._failed(LedgerAway(str(error)), None, sent_at=parcel.sent_at)
            return False
        parcel.call.add_done_callback(lambda _call: self._tell(parcel))
        return True

    def _tell(self, parcel: Parcel) -> None:
        self._answered.append(parcel)
        self.wake()

    # --- and back -------------------------------------------------------------------------
    def _settle(self, parcel: Parcel) -> None:
        self._under_way.remove(parcel)
        try:
            response = parcel.call.result()
        except (grpc.RpcError, grpc.FutureCancelledError) as error:
            self._settle_failed(parcel, error)
            return
        if len(response.results) != len(parcel.items):
            wrong = f"answered {len(response.results)} of {len(parcel.items)} uses"
            self._hold(parcel, CallRefused(wrong, code="UNKNOWN"), None, for_good=True)
            return
        retry_s = self._read_answers(parcel, response)
        if parcel.items:
            busy = LedgerAway("the ledger could not take some uses now")
            self._hold(parcel, busy, retry_s, for_good=False)
            return
        if self.trouble is not None:
            _log.info("the ledger takes uses again")
        self.trouble = None
        self._pace.answered()
        if not parcel.unheard:
            self._backlog.done(parcel)

    def _read_answers(
        self, parcel: Parcel, response: ingest_pb2.BatchReportToolUsesResponse
    ) -> float | None:
        """Leave what must be sent again in the parcel; return how long to wait, if it is said."""
        left: list[Item] = []
        retry_s: float | None = None
        for item, result in zip(parcel.items, response.results, strict=True):
            if result.WhichOneof("result") == "receipt":
                self._recorded(item, receipt_of(result.receipt, response.checkpoint))
                continue
            said = said_by(result.error)
            if said.use_may_pass:
                retry_s = max(retry_s or 0.0, said.retry_s or 0.0)
                left.append(item)
            else:
                parcel.unheard |= not self._refused(item, said.refused())
        parcel.items = left
        return retry_s

    def _settle_failed(self, parcel: Parcel, error: Any) -> None:
        if isinstance(error, grpc.FutureCancelledError):  # by us, at the end
            self._again.appendleft(parcel)
            return
        said = said_by_call(error)
        if said.call_may_pass:
            away = LedgerAway(f"{said.code}: {said.message}")
            self._hold(parcel, away, said.retry_s, for_good=False)
        else:
            self._hold(parcel, said.call_refused(), said.retry_s, for_good=True)

    def _hold(
        self, parcel: Parcel, error: ClientError, retry_s: float | None, *, for_good: bool
    ) -> None:
        """Send it again later; without a spool, only while that may help and we are patient."""
        self._failed(error, retry_s, sent_at=parcel.sent_at)
        impatient = self._pace.troubled_s > self._settings.patience_s
        if self._backlog.durable or not (for_good or impatient):
            self._again.append(parcel)
            return
        for item in parcel.items:
            self._fail(item, error)

    def _failed(self, error: ClientError, retry_s: float | None, *, sent_at: float) -> None:
        if self.trouble is None or str(self.trouble) != str(error):
            _log.warning("the ledger takes no uses now: %s", error)
        self.trouble = error
        self._pace.failed(retry_s, sent_at=sent_at)

    # --- what callers learn -----------------------------------------------------------------
    def _recorded(self, item: Item, receipt: Receipt) -> None:
        self._release(item)
        if item.future is not None:
            item.future.set_result(receipt)
        if self._on_recorded is not None:
            try:
                self._on_recorded(ToolUse.FromString(item.data), receipt)
            except Exception:  # noqa: BLE001  the receipt stands, whoever failed to hear of it
                _log.exception("on_recorded failed")

    def _refused(self, item: Item, error: UseRefused) -> bool:
        """Whether whoever should know does."""
        self._fail(item, error)
        if self._on_refused is None:
            return True
        try:
            self._on_refused(ToolUse.FromString(item.data), error)
        except Exception:  # noqa: BLE001  a mistake of the caller's must not stop the others' uses
            _log.exception("on_refused failed; a spool keeps the use for the next start")
            return False
        return True

    def _fail(self, item: Item, error: ClientError) -> None:
        self._release(item)
        if item.future is not None:
            item.future.set_exception(error)

    def _abandon(self) -> None:
        """Whoever still waits is told that nobody sends it now."""
        error = NotDelivered(spooled=self._backlog.durable)
        for parcel in list(self._under_way):
            parcel.call.cancel()
        parcels = [*self._under_way, *self._again]
        self._under_way.clear()
        self._again.clear()
        while not self._backlog.durable and (left := self._backlog.take()) is not None:
            parcels.append(left)
        items = [item for parcel in parcels for item in parcel.items]
        if not self._backlog.durable and items:
            _log.error("%d uses were not delivered", len(items))
        for item in items:
            self._fail(item, error)
        for future in self._backlog.waiters():
            future.set_exception(error)
