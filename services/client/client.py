"""How does a program report its uses, and lose none? One object a ledger; threads of its own.

    report ──checked, bytes──► Intake ──batch──► Backlog (memory, or spool) ──► Sender ──► Future

Errors that a use itself causes come at once, or in its future, as classes of errors.py.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, overload

import grpc

from ledger.limits import CLIENT_CLOSE_S, MAX_MESSAGE_BYTES
from services.client.errors import ClientError, UseRefused
from services.client.intake import Intake
from services.client.parcels import Backlog, InMemory, Item, Spooled
from services.client.receipts import Receipt
from services.client.sending import Sender
from services.client.settings import Settings
from services.client.spool import RawBatch, Spool
from services.client.uses import to_bytes
from services.pb.candour.v1 import ingest_pb2
from services.pb.candour.v1.common_pb2 import ToolUse

_log: Final = logging.getLogger("candour.client")
_METHOD: Final = "/candour.v1.IngestService/BatchReportToolUses"
_OPTIONS: Final[dict[str, Any]] = {
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    # A ledger that comes back is found at once, not after a backoff of minutes.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1_000,
}


class Client:
    """Reports uses to one ledger. Thread-safe; make it after forking, and `close` it.

    Args:
        target: `HOST:PORT`, or any name that gRPC resolves.
        ledger: `main`, or `ledgers/main`.
        spool: A folder of this client's own, for its owner alone: every use is on disk before it
            is sent, and deleted when the ledger has it. None: what waits ends with the process.
        on_refused: Called with each use that the ledger refuses for good, and why; again for the
            same use after a crash. Needed with a spool: of those who report, nobody may be left.
        on_recorded: Called with each use that has its receipt; again after a crash, as a duplicate.
        credentials: None for a channel without TLS.
        options: Of the gRPC channel; they go before ours.
        metadata: Of every request.
        settings: Bounds.
    Callbacks, and those of futures, run in the thread that sends: they should be short.
    Raises:
        ValueError: A spool without `on_refused`.
        SpoolInUse, SpoolDamaged, SpoolOfAnotherLedger: The spool cannot be gone on with.
        OSError: The folder cannot be read or written.
    """

    def __init__(
        self,
        target: str,
        *,
        ledger: str = "main",
        spool: Path | str | None = None,
        on_refused: Callable[[ToolUse, UseRefused], None] | None = None,
        on_recorded: Callable[[ToolUse, Receipt], None] | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        options: Sequence[tuple[str, Any]] = (),
        metadata: Sequence[tuple[str, str]] = (),
        settings: Settings | None = None,
    ) -> None:
        if spool is not None and on_refused is None:
            raise ValueError("a spool needs on_refused: a refused use must be handed to somebody")
        self._parent = ledger if ledger.startswith("ledgers/") else f"ledgers/{ledger}"
        self._settings = settings or Settings()
        self._metadata = tuple(metadata)
        self._intake = Intake(self._settings, time.monotonic)
        self._spool = Spool(Path(spool), self._parent, self._settings) if spool else None
        self._backlog: Backlog = (
            Spooled(self._spool, self._intake.release) if self._spool else InMemory()
        )
        self._channel = _channel(target, credentials, options)
        self._call = self._channel.unary_unary(
            _METHOD,
            request_serializer=RawBatch.SerializeToString,
            response_deserializer=ingest_pb2.BatchReportToolUsesResponse.FromString,
        )
        self._sender = Sender(
            self._begin,
            self._backlog,
            self._settings,
            release=self._intake.release,
            on_refused=on_refused,
            on_recorded=on_recorded,
            ended=self._intake.close,
        )
        self._batcher = threading.Thread(target=self._batch, name="candour-client", daemon=True)
        self._closing = threading.Lock()
        self._closed = False
        self._sender.start()
        self._batcher.start()
        atexit.register(self.close)

    # --- reporting ----------------------------------------------------------------------
    @overload
    def report(
        self,
        use: ToolUse,
        *,
        durable: Literal["ledger"] = "ledger",
        timeout_s: float | None = None,
    ) -> Future[Receipt]: ...

    @overload
    def report(
        self, use: ToolUse, *, durable: Literal["spool"], timeout_s: float | None = None
    ) -> Future[None]: ...

    def report(
        self,
        use: ToolUse,
        *,
        durable: Literal["ledger", "spool"] = "ledger",
        timeout_s: float | None = None,
    ) -> Future[Receipt] | Future[None]:
        """Report a use. Returns when it is taken; the future says what became of it.

        Args:
            use: Not changed; what it says now is what is reported. One without
                `source_event_id` gets a random one, the same on every retry.
            durable: What the future waits for: the ledger's receipt, or that the use is on
                disk and will be sent, by this process or the next.
            timeout_s: To wait for room; None: as long as it takes, 0: not at all.
        Raises:
            MalformedUse: It names no source, or is too large.
            Full, SpoolFull: There is no room.
            ClientClosed: After `close`.
            ValueError: `spool` without one.
        """
        item, future = self._item(use, durable)
        self._reserve(item)
        try:
            self._intake.put(item, timeout_s=timeout_s)
        except ClientError:
            self._give_back(item)
            raise
        return future

    def _item(self, use: ToolUse, durable: str) -> tuple[Item, Future[Any]]:
        if durable not in ("ledger", "spool"):
            raise ValueError(f"durable must be ledger or spool, not {durable}")
        if durable == "spool" and self._spool is None:
            raise ValueError("this client has no spool")
        data = to_bytes(use, most=self._settings.batch_bytes)
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # what was taken is reported; none can take it back
        if durable == "spool":
            return Item(data, kept=future), future
        return Item(data, future=future), future

    def _reserve(self, item: Item) -> None:
        if self._spool is not None:
            self._spool.reserve(self._spool.cost_of(item.data))

    def _give_back(self, item: Item) -> None:
        if self._spool is not None:
            self._spool.give_back(self._spool.cost_of(item.data))

    # --- how it goes --------------------------------------------------------------------
    @property
    def trouble(self) -> ClientError | None:
        """Why nothing gets through now; None while all is well."""
        return self._sender.trouble

    @property
    def spool_bytes(self) -> int:
        """On disk; 0 without a spool."""
        return self._spool.size_bytes if self._spool else 0

    # --- the end ------------------------------------------------------------------------
    def close(self, timeout_s: float = CLIENT_CLOSE_S) -> None:
        """Take nothing more, and send what was taken, for `timeout_s` at most.

        What has no answer then stays in the spool; without one its futures fail with
        NotDelivered. A spool whose ledger is away is not waited for.
        """
        with self._closing:
            if self._closed:
                return
            self._closed = True
            atexit.unregister(self.close)
            self._intake.close()
            self._batcher.join()
            self._sender.finish(timeout_s)
            self._channel.close()
            if self._spool is not None:
                self._spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- threads ------------------------------------------------------------------------
    def _batch(self) -> None:
        idle_s = self._settings.spool_idle_s
        while (batch := self._intake.next_batch(idle_s=idle_s)) is not None:
            if batch:
                self._backlog.put(batch)
                self._sender.wake()
            elif self._spool is not None:
                self._tidy(self._spool)

    @staticmethod
    def _tidy(spool: Spool) -> None:
        try:
            spool.tidy()
        except OSError as error:
            _log.warning("what the ledger has could not be deleted: %s", error)

    def _begin(self, uses: list[bytes]) -> Any:
        request = RawBatch(parent=self._parent, tool_uses=uses)
        return self._call.future(
            request, timeout=self._settings.call_s, metadata=self._metadata or None
        )


def _channel(
    target: str, credentials: grpc.ChannelCredentials | None, options: Sequence[tuple[str, Any]]
) -> grpc.Channel:
    merged = list({**_OPTIONS, **dict(options)}.items())
    if credentials is None:
        return grpc.insecure_channel(target, options=merged)
    return grpc.secure_channel(target, credentials, options=merged)
