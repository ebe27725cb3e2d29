"""How does a test call a service? A server in a thread, over either store, and plain stubs.

    Server(settings) ──thread: loop, ledger, gRPC, HTTP, publisher──► target ──stubs──► the test

The clients are synchronous, so that a test reads from top to bottom.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import grpc
from google.rpc import error_details_pb2 as details_pb
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from ledger.limits import MAX_MESSAGE_BYTES
from ledger.store.core import LedgerStore, StoreUnavailable
from services.cli.host import HttpServer
from services.ingest import logs
from services.ingest import servicer as ingest
from services.pb.candour.v1 import (
    common_pb2,
    ingest_pb2,
    ingest_pb2_grpc,
    proofs_pb2_grpc,
    record_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
)
from services.proofs import servicer as proofs
from services.publisher.publisher import Publisher
from services.record import servicer as record
from services.registry import servicer as registry
from services.runtime.hosting import Hosted, open_ledger
from services.runtime.server import GrpcServer, Service
from services.runtime.serving import Serving
from services.runtime.settings import Settings
from services.runtime.telemetry import SILENT, Telemetry

T = TypeVar("T")
PARENT: Final = "ledgers/main"
AGENCY: Final = "agencies/a"
_numbers = itertools.count()


class Server:
    """One ledger, served on loopback; its agency is registered."""

    def __init__(self, settings: Settings, telemetry: Telemetry = SILENT) -> None:
        self.settings, self.telemetry = settings, telemetry
        self.hosted: Hosted
        self.serving: Serving
        self.grpc: GrpcServer
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._stopped = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="test-server")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30)
        if self._failure is not None:
            raise self._failure
        options = [
            ("grpc.max_send_message_length", 2 * MAX_MESSAGE_BYTES),
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.grpc.port}", options)
        self.ingest = ingest_pb2_grpc.IngestServiceStub(self.channel)
        self.registry = registry_pb2_grpc.RegistryServiceStub(self.channel)
        self.proofs = proofs_pb2_grpc.ProofsServiceStub(self.channel)
        self.record = record_pb2_grpc.RecordServiceStub(self.channel)
        self.registry.RegisterAgency(
            registry_pb2.RegisterAgencyRequest(
                parent=PARENT, agency=registry_pb2.Agency(name=AGENCY, display_name="A")
            )
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.channel.close()
        self.stop()

    def stop(self) -> None:
        """Drain, and wait for the end."""
        if not self._stopped:
            self._stopped = True
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(60)
            assert not self._thread.is_alive()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:  # noqa: BLE001  it fails the test that waits for us
            self._failure = error
            self._ready.set()
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self.hosted = open_ledger(self.settings)
        self.serving = Serving(self.hosted, telemetry=self.telemetry)
        ledgers = {self.hosted.name: self.serving}
        takes, keeps = ingest.IngestServicer(ledgers), registry.RegistryServicer(ledgers)
        proves, reads_logs = proofs.ProofsServicer(ledgers), logs.LogsServicer(ledgers)
        records = record.RecordServicer(ledgers)
        self.grpc = GrpcServer(
            "127.0.0.1:0",
            ledgers,
            [
                Service(ingest.SERVICE, lambda server: ingest.add_to_server(takes, server)),
                Service(logs.SERVICE, lambda server: logs.add_to_server(reads_logs, server)),
                Service(registry.SERVICE, lambda server: registry.add_to_server(keeps, server)),
                Service(record.SERVICE, lambda server: record.add_to_server(records, server)),
                Service(proofs.SERVICE, lambda server: proofs.add_to_server(proves, server)),
            ],
            telemetry=self.telemetry,
        )
        await self.grpc.start()
        self.http = HttpServer("127.0.0.1:0", ledgers, self.telemetry)
        await self.http.start()
        self.publisher = Publisher(self.serving)
        await self.publisher.start()
        self._ready.set()
        await self._stop.wait()
        await self.http.stop()
        await self.grpc.stop()
        await self.publisher.stop()
        self.hosted.close()

    # --- short ways of saying things ----------------------------------------------
    def report(self, use: common_pb2.ToolUse) -> ingest_pb2.ReportToolUseResponse:
        return self.ingest.ReportToolUse(
            ingest_pb2.ReportToolUseRequest(parent=PARENT, tool_use=use)
        )

    def batch(self, *uses: common_pb2.ToolUse) -> ingest_pb2.BatchReportToolUsesResponse:
        return self.ingest.BatchReportToolUses(
            ingest_pb2.BatchReportToolUsesRequest(parent=PARENT, tool_uses=uses)
        )

    def size(self) -> int:
        return self.hosted.store.head().tree_size


def fresh(prefix: str = "own") -> str:
    """An id that no other test uses, and that no hexadecimal digits can spell by chance."""
    return f"{prefix}-{next(_numbers)}"


def use(source_event_id: str | None = None, **members: Any) -> common_pb2.ToolUse:
    """A report that is well formed; `members` say more, or otherwise."""
    said: dict[str, Any] = {
        "agency": AGENCY,
        "technology": "technologies/t",
        "source": "sources/s",
        "source_event_id": fresh() if source_event_id is None else source_event_id,
        "capture": common_pb2.CAPTURE_LIVE,
    }
    return common_pb2.ToolUse(**{**said, **members})


def text(value: str) -> common_pb2.ProtectedText:
    return common_pb2.ProtectedText(value=value)


@dataclass(frozen=True)
class Refusal:
    """What a caller is told."""

    code: str
    message: str
    reason: str = ""
    field: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    retry_s: float | None = None

    @property
    def facts(self) -> dict[str, str]:
        return dict(self.metadata)


def refusal_of(status: Status) -> Refusal:
    """A status, unpacked; every one has an ErrorInfo of ours."""
    code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
    bad, info, retry = details_pb.BadRequest(), details_pb.ErrorInfo(), details_pb.RetryInfo()
    field, retry_s = "", None
    for detail in status.details:
        if detail.Unpack(bad):
            field = bad.field_violations[0].field
        elif detail.Unpack(retry):
            retry_s = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
        else:
            assert detail.Unpack(info)
    assert info.domain == "candour"
    facts = tuple(sorted(info.metadata.items()))
    return Refusal(code.name, status.message, info.reason, field, facts, retry_s)


def refused(call: Callable[..., Any], *arguments: Any, **named: Any) -> Refusal:
    """The refusal of a call that must not succeed."""
    try:
        found = call(*arguments, **named)
        if isinstance(found, grpc.RpcError):  # a stream: it fails where it is read
            list(found)  # type: ignore[call-overload]
    except grpc.RpcError as error:
        status = rpc_status.from_call(error)
        if status is None:  # gRPC itself said no
            return Refusal(error.code().name, error.details() or "")
        return refusal_of(status)
    raise AssertionError("it was not refused")


def failing_append(
    store: LedgerStore, monkeypatch: Any, *, at: set[int], committed: bool
) -> list[int]:
    """Let the n-th append from now on (from 1) fail, before or after its commit."""
    calls: list[int] = []
    append = store.append

    def failing(*arguments: Any, **named: Any) -> Any:
        calls.append(len(calls) + 1)
        if calls[-1] not in at:
            return append(*arguments, **named)
        if committed:
            append(*arguments, **named)
        raise StoreUnavailable("pulled by the test")

    monkeypatch.setattr(store, "append", failing)
    return calls
