"""How does a command reach a ledger? One channel, the four services, bounded waits.

Connection ──Client──► call(method, request) ──► response | CommandFailed
                  └──► pages(method, request) ──► response after response
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar

import grpc

from ledger.errors import CandourError
from ledger.limits import MAX_MESSAGE_BYTES, MAX_PAGE_SIZE, MAX_WAIT_S, STATEMENT_TIMEOUT_S
from services.cli.failures import USAGE, CommandFailed, failure_of
from services.cli.options import DEFAULT_LEDGER, Connection
from services.pb.candour.v1.ingest_pb2_grpc import IngestServiceStub
from services.pb.candour.v1.observers_pb2_grpc import ObserversServiceStub
from services.pb.candour.v1.oversight_pb2_grpc import OversightServiceStub
from services.pb.candour.v1.proofs_pb2 import GetTreeHeadRequest, ListLedgersRequest
from services.pb.candour.v1.proofs_pb2_grpc import ProofsServiceStub
from services.pb.candour.v1.query_pb2_grpc import QueryServiceStub
from services.pb.candour.v1.record_pb2_grpc import RecordServiceStub
from services.pb.candour.v1.registry_pb2_grpc import RegistryServiceStub
from services.runtime.settings import host_and_port, is_loopback

Request = TypeVar("Request")
Response = TypeVar("Response")

# The server waits for its views, then its database runs a statement; a little for the way.
CALL_S: Final = MAX_WAIT_S + STATEMENT_TIMEOUT_S + 5
_OPTIONS: Final = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # A server that comes back is found at once, not after a backoff of minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


class _Paged(Protocol):
    page_size: int
    page_token: str


P = TypeVar("P", bound=_Paged)


class Client:
    """One ledger of one server. Use it as a context manager.

    Raises:
        CommandFailed: The target is not HOST:PORT.
    """

    def __init__(self, connection: Connection) -> None:
        self.target = connection.target
        self._ledger = connection.ledger or ""
        try:
            host_and_port(self.target)
            # A proxy of the environment has no business between us and this machine.
            proxy = int(not is_loopback(self.target))
        except CandourError as error:
            raise CommandFailed(f"--target: {error}", exit_code=USAGE) from None
        options = (*_OPTIONS, ("grpc.enable_http_proxy", proxy))
        self.channel = grpc.insecure_channel(self.target, options=options)
        self.ingest = IngestServiceStub(self.channel)
        self.registry = RegistryServiceStub(self.channel)
        self.query = QueryServiceStub(self.channel)
        self.proofs = ProofsServiceStub(self.channel)
        self.record = RecordServiceStub(self.channel)
        self.observers = ObserversServiceStub(self.channel)
        self.oversight = OversightServiceStub(self.channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.channel.close()

    @property
    def parent(self) -> str:
        """The ledger as a resource: the one that was named, the only one, or the default.

        Raises:
            CommandFailed: There are several, none is the default, and none was named.
        """
        if not self._ledger:
            self._ledger = self._only_ledger() or DEFAULT_LEDGER
        return f"ledgers/{self._ledger}"

    def _only_ledger(self) -> str:
        """The ledger to speak of where none was named; blank where the server does not tell."""
        try:
            listed = self.proofs.ListLedgers(ListLedgersRequest(), timeout=CALL_S).ledgers
        except grpc.RpcError:  # of an older release, or away: the command's own call will say so
            return ""
        names = [item.name.removeprefix("ledgers/") for item in listed if not item.directory]
        if len(names) == 1:
            return names[0]
        if names and DEFAULT_LEDGER not in names:
            raise CommandFailed(
                f"{self.target} serves {', '.join(names)}", "Say which with --ledger NAME"
            )
        return DEFAULT_LEDGER

    def full_name(self, name: str) -> str:
        """`toolUses/x` as the resource of this ledger."""
        return f"{self.parent}/{name}"

    def call(
        self,
        method: grpc.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        *,
        timeout_s: float = CALL_S,
    ) -> Response:
        """Raises CommandFailed."""
        try:
            return method(request, timeout=timeout_s)
        except grpc.RpcError as error:
            raise failure_of(error, self.target) from None

    def stream(
        self,
        method: grpc.UnaryStreamMultiCallable[Request, Response],
        request: Request,
        *,
        timeout_s: float = CALL_S,
    ) -> Iterator[Response]:
        """Raises CommandFailed, in the middle too."""
        try:
            yield from method(request, timeout=timeout_s)
        except grpc.RpcError as error:
            raise failure_of(error, self.target) from None

    def pages(
        self, method: Callable[..., Any], request: P, *, most: int | None = None
    ) -> Iterator[Any]:
        """All pages of a list, or as many as hold `most` items. Raises CommandFailed."""
        left = most
        while left is None or left > 0:
            request.page_size = MAX_PAGE_SIZE if left is None else min(left, MAX_PAGE_SIZE)
            response: Any = self.call(method, request)  # type: ignore[arg-type]
            yield response
            request.page_token = response.next_page_token
            if not request.page_token:
                return
            if left is not None:
                left -= request.page_size

    def head_size(self) -> int:
        """Entries the ledger holds now. Raises CommandFailed."""
        request = GetTreeHeadRequest(parent=self.parent)
        return self.call(self.proofs.GetTreeHead, request).tree_size
