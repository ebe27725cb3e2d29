"""When is a committed head made public? At once, but not more often than PUBLISH_EVERY_S.

    start, or another database server ──► witnesses say what they cosigned last: it is still held
    commit ──► head ──sign──► checkpoint ──cosign──► quorum ──store──► published: served, and kept
                                              └──► held back: tried again, and said why

A store that goes away is waited for; what it missed is published when it is back. Other
processes may write to the same ledger, so the head is asked for also where nobody commits here.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from ledger.limits import MAX_COSIGN_PAUSE_S, MAX_WITNESS_ATTEMPTS, PUBLISH_EVERY_S
from ledger.store.core import Head, Published
from ledger.store.moved import LedgerMoved, refuse_moved
from services.publisher.confirming import Confirmation
from services.publisher.cosigning import Collector, Unwitnessed
from services.publisher.lost_history import Doubted, check_doubt
from services.runtime.hosting import Hosted
from services.runtime.refusals import Damaged, HistoryLost, Unconfirmed
from services.runtime.serving import Serving
from services.runtime.tracing import OFF, Attributes, Tracing

_log: Final = logging.getLogger("candour.publisher")


class Publisher:
    """Publishes the checkpoints of one ledger, from an empty log's on.

    Args:
        serving: The ledger.
        guard: Asked before each signature; it raises where the database has lost what was signed.
    """

    def __init__(self, serving: Serving, guard: Callable[[], None] = lambda: None) -> None:
        self._hosted, self._publication = serving.hosted, serving.publication
        self._metrics, self._tracing = serving.metrics, serving.tracing
        self._guard, self._collector = guard, collector_of(self._hosted, self._tracing)
        self._confirmation: Confirmation | None = None
        self._confirming = threading.RLock()  # a server can change while witnesses are asked
        if not self._hosted.settings.start_unconfirmed:
            self._confirm_anew()
        self._hosted.store.on_server_changed = self._confirm_anew
        self._committed = asyncio.Event()
        serving.committer.on_commit.append(self._committed)
        self._size = -1
        self._failures = 0  # rounds without a quorum, in a row
        self._one_at_a_time = threading.Lock()  # a round that was cancelled still runs to its end
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Publish what there is, and go on; returns once that is tried.

        Raises:
            HistoryLost: A witness, or the guard, holds proof that we signed more than we have.
        """
        await self._try()
        if isinstance(self._hosted.log.halted, HistoryLost):
            self._close()
            raise self._hosted.log.halted
        self._task = asyncio.create_task(self._follow(), name="publisher")

    async def stop(self) -> None:
        """Publish the last head; call it after the committer has drained."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._try()
        self._close()

    def _confirm_anew(self) -> None:
        """Nothing is appended or signed until witnesses have spoken; in any thread.

        A database server that took over may be behind what they saw us sign (ADR 0035).
        """
        if self._hosted.policy is not None:
            with self._confirming:
                self._confirmation = Confirmation(self._hosted, self._hosted.policy)

    def _close(self) -> None:
        if self._collector is not None:
            self._collector.close()

    async def _follow(self) -> None:
        while isinstance(self._hosted.log.halted, Unconfirmed | LedgerMoved | None):
            pause_s = min(PUBLISH_EVERY_S * 2**self._failures, MAX_COSIGN_PAUSE_S)
            await asyncio.sleep(pause_s)
            # Not wait_for: before Python 3.12 it forgets that it was cancelled where a commit
            # comes at the same moment, as the last one does, and nobody would ever stop us.
            with suppress(TimeoutError):
                async with asyncio.timeout(PUBLISH_EVERY_S):
                    await self._committed.wait()
            self._committed.clear()
            await self._try()

    async def _try(self) -> None:
        """One round; says how it went."""
        publication = self._publication
        try:
            newest = await asyncio.to_thread(self._round)
        except (Unwitnessed, Doubted, Unconfirmed, HistoryLost, LedgerMoved) as error:
            # A move that is aborted is over in moments; a witness that is away may be for hours.
            most = 2 if isinstance(error, LedgerMoved) else 10
            self._failures = min(self._failures + 1, most)
            if isinstance(error, Doubted | HistoryLost):
                self._metrics.unsound("consistency")
            publication.held_back(str(error))
            level = logging.CRITICAL if isinstance(error, HistoryLost) else logging.WARNING
            _log.log(
                level,
                "publication of %s is held back since %.0f s: %s",
                self._hosted.name,
                publication.held_s,
                error,
                extra={"ledger": self._hosted.name},
            )
        except Exception as error:  # noqa: BLE001  whatever it was, the next round tries again
            kind = type(error).__qualname__
            if isinstance(error, Damaged):
                self._metrics.unsound(error.claim)
            publication.held_back(f"nothing published: {kind}")
            told = {"ledger": self._hosted.name}
            _log.warning("nothing published of %s: %s", self._hosted.name, kind, extra=told)
        else:
            if self._failures:
                held_s, name = publication.held_s, self._hosted.name
                told = {"ledger": name}
                _log.info("%s is published again, after %.0f s", name, held_s, extra=told)
            self._failures = 0
            publication.published(newest)
        if self._collector is not None:
            publication.witnesses = self._collector.seen
        publication.tried_at = time.monotonic()

    def _round(self) -> Published | None:
        """Publish where there is something to; the newest that is published. Blocking."""
        with self._one_at_a_time:
            self._refuse_moved()
            self._guard()
            with self._confirming:
                if self._confirmation is not None:
                    self._confirmation.confirm()
                    self._confirmation = None
            for attempts_left in reversed(range(MAX_WITNESS_ATTEMPTS)):
                try:
                    self._size = publish(self._hosted, self._size, self._collector, self._tracing)
                    break
                except Unwitnessed as error:
                    if not (error.overtaken and attempts_left):
                        raise
            return self._hosted.store.published()

    def _refuse_moved(self) -> None:
        """Halt where the ledger is being moved away, and go on where that was aborted.

        The database's fence keeps others' releases from appending, too; this tells callers why,
        and load balancers to go elsewhere. Raises LedgerMoved.
        """
        log = self._hosted.log
        try:
            refuse_moved(self._hosted.store.meta())
        except LedgerMoved as moved:
            if log.halted is None or isinstance(log.halted, LedgerMoved):
                log.halted = moved
            raise
        if isinstance(log.halted, LedgerMoved):
            log.halted = None
            if self._confirmation is not None:
                self._confirm_anew()


def collector_of(hosted: Hosted, tracing: Tracing = OFF) -> Collector | None:
    """What asks the witnesses of a ledger; None where it has none."""
    if hosted.policy is None:
        return None
    return Collector(hosted.policy, hosted.log.tree, partial(check_doubt, hosted), tracing)


def publish(
    hosted: Hosted,
    last_size: int,
    collector: Collector | None = None,
    tracing: Tracing = OFF,
) -> int:
    """Publish the head if it has grown beyond `last_size`; returns its size. Blocking.

    Raises:
        StoreUnavailable: Nothing is known to be published.
        Unwitnessed, Doubted: As `Collector.collect`; nothing is published.
        HistoryLost: Nothing is signed any more.
    """
    head = hosted.store.head()
    if head.tree_size != last_size:
        head = hosted.log.durable_head()  # which refuses one that is behind
    if head.tree_size > last_size:
        told: Attributes = {"candour.ledger": hosted.name, "candour.tree_size": head.tree_size}
        with tracing.span("candour.publish", told):
            _publish(hosted, head, collector)
    return head.tree_size


def _publish(hosted: Hosted, head: Head, collector: Collector | None) -> None:
    note = hosted.log.checkpoint(head)
    if collector is not None:
        note = collector.collect(note, head.tree_size)
    new = hosted.store.publish(Published(head.tree_size, note, hosted.log.clock_us()))
    if collector is not None and not new:  # of a time when nobody had to cosign it, perhaps
        hosted.store.add_cosignatures(head.tree_size, note)
