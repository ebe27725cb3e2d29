"""What became of each use of a batch? One request, and an outcome a use, in order.

    [bytes] ──BatchReportToolUses──► receipts, refusals, some to be tried again
                                └──► Away: not now, with how long to wait

`candour.client` reads the answers; it does not hold the uses, since the stream does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio

from ledger.errors import Refused
from ledger.limits import CLIENT_CALL_S, MAX_MESSAGE_BYTES
from services.bridge.settings import Tls
from services.client.receipts import said_by, said_by_call
from services.pb.candour.v1 import ingest_pb2
from services.runtime.undecoded import undecoded

_METHOD: Final = "/candour.v1.IngestService/BatchReportToolUses"
_RAW: Final[Any] = undecoded(ingest_pb2.BatchReportToolUsesRequest, "tool_uses")
_OPTIONS: Final = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # A ledger that comes back is found at once, not after a backoff of minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """It has a receipt: the ledger holds it; `duplicate` where it held it before."""

    duplicate: bool


@dataclass(frozen=True, slots=True)
class ForGood:
    """It is refused however often it is sent.

    Members:
        reason: Of the ErrorInfo, or gRPC's code.
        says: In words, with the field; never a protected value.
    """

    reason: str
    says: str


class Away(Refused):
    """The ledger takes nothing now; it may have recorded some, and knows them when they come again.

    Args:
        retry_s: That its RetryInfo asks for; None where it does not say.
    """

    def __init__(self, reason: str, retry_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_s = retry_s


class Reporter:
    """One ledger, over one channel. Use it with `async with`; OSError where a PEM file is not there."""

    def __init__(self, target: str, parent: str, tls: Tls) -> None:
        self._parent = parent
        if tls.is_wanted:
            self._channel = grpc.aio.secure_channel(target, _credentials(tls), options=_OPTIONS)
        else:
            self._channel = grpc.aio.insecure_channel(target, options=_OPTIONS)
        self._call: Any = self._channel.unary_unary(
            _METHOD,
            request_serializer=_RAW.SerializeToString,
            response_deserializer=ingest_pb2.BatchReportToolUsesResponse.FromString,
        )

    async def __aenter__(self) -> Reporter:
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self._channel.close()

    async def report(self, uses: list[bytes]) -> list[Recorded | ForGood | Away]:
        """Of each use, in order, what became of it; those that are Away are to be sent again.

        Raises:
            Away: The request as a whole was not answered, or was refused.
        """
        request = _RAW(parent=self._parent, tool_uses=uses)
        try:
            answer = await self._call(request, timeout=CLIENT_CALL_S)
        except grpc.aio.AioRpcError as error:
            said = said_by_call(error)
            raise Away(f"{said.code}: {said.message}", said.retry_s) from None
        if len(answer.results) != len(uses):
            raise Away(f"it answered {len(answer.results)} of {len(uses)} uses")
        return [self._outcome(result) for result in answer.results]

    @staticmethod
    def _outcome(result: Any) -> Recorded | ForGood | Away:
        if result.WhichOneof("result") == "receipt":
            return Recorded(result.receipt.duplicate)
        said = said_by(result.error)
        if said.use_may_pass:
            return Away(f"{said.code}: {said.message}", said.retry_s)
        return ForGood(said.reason or said.code, said.message)


def _credentials(tls: Tls) -> grpc.ChannelCredentials:
    def read(path: Path | None) -> bytes | None:
        return None if path is None else path.read_bytes()

    return grpc.ssl_channel_credentials(read(tls.ca), read(tls.key), read(tls.certificate))
