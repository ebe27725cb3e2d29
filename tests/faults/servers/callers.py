"""Who calls while a server is being broken, and what are they told? Reporters, and a watcher.

    Reporters(target) ──batches, each with a deadline──► Told: status, reason, RetryInfo, how long
                      └──receipts──► places: id ► (leaf index, leaf hash)
    Watcher(http)     ──/livez, /readyz, again and again──► how long, and what

What a reporter got no receipt for it sends again, until it has one: as the contract says.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import grpc
from google.rpc import error_details_pb2 as details_pb
from grpc_status import rpc_status

from ledger.errors import CandourError
from services.cli.local_server import LocalServer
from services.pb.candour.v1 import common_pb2, ingest_pb2, ingest_pb2_grpc, proofs_pb2, registry_pb2
from services.pb.candour.v1.proofs_pb2_grpc import ProofsServiceStub
from services.pb.candour.v1.registry_pb2_grpc import RegistryServiceStub
from services.runtime.http_client import get

PARENT: Final = "ledgers/main"
AGENCY: Final = "agencies/sampleton-police"
# A channel tries again at once: whether the server is back is for the test to find out.
OPTIONS: Final = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
]
SOON_S: Final = 60.0  # a loaded machine; on an idle one a second or two

Places = dict[str, tuple[int, bytes]]


def use(own_id: str) -> common_pb2.ToolUse:
    """The same for the same id."""
    return common_pb2.ToolUse(
        agency=AGENCY,
        technology="technologies/plate-reader",
        source="sources/faults",
        source_event_id=own_id,
        capture=common_pb2.CAPTURE_LIVE,
        performer=common_pb2.Performer(user_id=f"user-{sum(own_id.encode()) % 50}"),
        reason=common_pb2.ProtectedText(value="stolen vehicle"),
        case_number=common_pb2.ProtectedText(value=own_id),
    )


def register(target: str) -> None:
    with grpc.insecure_channel(target, OPTIONS) as channel:
        RegistryServiceStub(channel).RegisterAgency(
            registry_pb2.RegisterAgencyRequest(
                parent=PARENT, agency=registry_pb2.Agency(name=AGENCY, display_name="Sampleton")
            ),
            wait_for_ready=True,
            timeout=SOON_S,
        )


def tree_size(target: str) -> int:
    with grpc.insecure_channel(target, OPTIONS) as channel:
        request = proofs_pb2.GetTreeHeadRequest(parent=PARENT)
        return int(ProofsServiceStub(channel).GetTreeHead(request, timeout=SOON_S).tree_size)


def until(true: Callable[[], bool], what: str, *, within_s: float = SOON_S) -> float:
    """Wait until it is so; returns how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() < began + within_s, f"not within {within_s:g} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - began


@dataclass(frozen=True, slots=True)
class Told:
    """How one call ended.

    Members:
        retry_s: Of a RetryInfo; None where there is none.
        sent_at, took_s: When, by the monotonic clock, and how long.
    """

    code: grpc.StatusCode
    reason: str
    retry_s: float | None
    sent_at: float
    took_s: float


def told_by(error: Any, sent_at: float) -> Told:
    """What a failed call says; `error` is a grpc.RpcError that is a grpc.Call too."""
    reason, retry_s = "", None
    status = rpc_status.from_call(error)
    for detail in () if status is None else status.details:
        info, retry = details_pb.ErrorInfo(), details_pb.RetryInfo()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(retry):
            retry_s = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    return Told(error.code(), reason, retry_s, sent_at, time.monotonic() - sent_at)


class Reporters:
    """Callers that report batch after batch until they are stopped. A context manager.

    Args:
        deadline_s: Of each call.
        pause_s: Between two calls of one caller.
    Members:
        places: Of all that were acknowledged.
        told: Of every call, in the order of their ends.
    """

    def __init__(
        self,
        target: str,
        *,
        callers: int = 3,
        batch: int = 20,
        deadline_s: float = 30.0,
        pause_s: float = 0.02,
        prefix: str = "u",
    ) -> None:
        self.target, self.places = target, Places()
        self.told: list[Told] = []
        self._batch, self._deadline_s, self._pause_s = batch, deadline_s, pause_s
        self._prefix, self._numbers = prefix, itertools.count()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._unsent: deque[list[str]] = deque()
        self._failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run) for _ in range(callers)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        if error is None and self._failures:
            raise self._failures[0]

    # --- what came of it -----------------------------------------------------------------
    def since(self, at: float) -> list[Told]:
        """Of calls that were sent from `at` on."""
        with self._lock:
            return [told for told in self.told if told.sent_at >= at]

    def codes(self, at: float = 0.0) -> Counter[str]:
        return Counter(f"{told.code.name} {told.reason}".rstrip() for told in self.since(at))

    def recorded_since(self, at: float) -> bool:
        """Whether a call that was sent from `at` on got its receipts."""
        return any(told.code is grpc.StatusCode.OK for told in self.since(at))

    @property
    def unsent(self) -> list[str]:
        """Ids without a receipt; some of them may be recorded."""
        return [own_id for ids in self._unsent for own_id in ids]

    # --- the threads ----------------------------------------------------------------------
    def _run(self) -> None:
        try:
            with grpc.insecure_channel(self.target, OPTIONS) as channel:
                stub = ingest_pb2_grpc.IngestServiceStub(channel)
                while not self._ended.wait(self._pause_s):
                    self._report(stub, self._next())
        except BaseException as error:  # noqa: BLE001  the test's own thread raises it
            self._failures.append(error)

    def _next(self) -> list[str]:
        with self._lock:
            if self._unsent:
                return self._unsent.popleft()
            return [f"{self._prefix}-{next(self._numbers)}" for _ in range(self._batch)]

    def _report(self, stub: Any, ids: list[str]) -> None:
        request = ingest_pb2.BatchReportToolUsesRequest(
            parent=PARENT, tool_uses=[use(own_id) for own_id in ids]
        )
        sent_at = time.monotonic()
        try:
            answer = stub.BatchReportToolUses(request, timeout=self._deadline_s)
        except grpc.RpcError as error:
            with self._lock:
                self.told.append(told_by(error, sent_at))
                self._unsent.append(ids)
            return
        with self._lock:
            ok = Told(grpc.StatusCode.OK, "", None, sent_at, time.monotonic() - sent_at)
            self.told.append(ok)
            for own_id, result in zip(ids, answer.results, strict=True):
                assert result.WhichOneof("result") == "receipt", result.error.message
                place = (result.receipt.leaf_index, result.receipt.leaf_hash)
                assert self.places.setdefault(own_id, place) == place


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer of an HTTP probe; status 0 where there was none."""

    at: float
    status: int
    took_s: float


class Watcher:
    """Asks /livez and /readyz while the block lasts."""

    def __init__(self, http: str, *, timeout_s: float = 3.0) -> None:
        self.http, self._timeout_s = http, timeout_s
        self.seen: dict[str, list[Seen]] = {"livez": [], "readyz": []}
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._watch, args=(name,)) for name in self.seen]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, name: str) -> None:
        while not self._ended.wait(0.1):
            at = time.monotonic()
            try:
                reply = get(f"http://{self.http}/{name}", most=65_536, timeout_s=self._timeout_s)
                status = reply.status
            except (CandourError, OSError):
                status = 0
            self.seen[name].append(Seen(at, status, time.monotonic() - at))

    def was(self, name: str, status: int, at: float) -> bool:
        """Whether a question that was asked from `at` on was answered so."""
        return any(seen.at >= at and seen.status == status for seen in list(self.seen[name]))

    def slowest_s(self, name: str) -> float:
        return max(seen.took_s for seen in self.seen[name])


@dataclass(slots=True)
class Watched:
    """A server with callers and a watcher on it."""

    server: LocalServer
    reporters: Reporters
    watcher: Watcher
    began: float = field(default_factory=time.monotonic)


@contextmanager
def watched(server: LocalServer, **options: Any) -> Iterator[Watched]:
    """Callers report and somebody watches while the block lasts; reports flow before it begins."""
    with Watcher(server.http) as watcher, Reporters(server.grpc, **options) as reporters:
        until(lambda: len(reporters.places) > 100, "the first reports are recorded")
        until(lambda: watcher.was("readyz", 200, 0.0), "ready")
        yield Watched(server, reporters, watcher)


def places_again(target: str, ids: list[str]) -> Places:
    """Where each stands: its first receipt again, or a new one where nothing had landed."""
    with grpc.insecure_channel(target, OPTIONS) as channel, ThreadPoolExecutor(2) as threads:
        stub = ingest_pb2_grpc.IngestServiceStub(channel)
        parts = [ids[start : start + 500] for start in range(0, len(ids), 500)]

        def ask(some: list[str]) -> list[tuple[str, tuple[int, bytes]]]:
            request = ingest_pb2.BatchReportToolUsesRequest(
                parent=PARENT, tool_uses=[use(own_id) for own_id in some]
            )
            answer = stub.BatchReportToolUses(request, timeout=SOON_S)
            return [
                (own_id, (result.receipt.leaf_index, result.receipt.leaf_hash))
                for own_id, result in zip(some, answer.results, strict=True)
            ]

        return dict(pair for found in threads.map(ask, parts) for pair in found)
