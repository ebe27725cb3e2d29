"""The same client, awaited: what blocks there runs in threads, what waits there is awaited here.

await report ──room?──► Client ──Future──wrap──► Receipt
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, overload

import grpc

from ledger.limits import CLIENT_CLOSE_S
from services.client.client import Client
from services.client.errors import UseRefused
from services.client.parcels import Item
from services.client.receipts import Receipt
from services.client.settings import Settings
from services.pb.candour.v1.common_pb2 import ToolUse


class AsyncClient:
    """Reports uses to one ledger, from one event loop. Use it with `async with`.

    Arguments and errors are those of Client, whose threads it uses: callbacks run in them, not
    on the loop. The spool is opened, and read through, by `open`.
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
        self._make = lambda: Client(
            target,
            ledger=ledger,
            spool=spool,
            on_refused=on_refused,
            on_recorded=on_recorded,
            credentials=credentials,
            options=options,
            metadata=metadata,
            settings=settings,
        )
        self._client: Client | None = None

    async def open(self) -> Self:
        """Raises as Client does."""
        if self._client is None:
            self._client = await asyncio.to_thread(self._make)
        return self

    async def aclose(self, timeout_s: float = CLIENT_CLOSE_S) -> None:
        """As Client.close."""
        if self._client is not None:
            await asyncio.to_thread(self._client.close, timeout_s)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    @overload
    async def report(
        self,
        use: ToolUse,
        *,
        durable: Literal["ledger"] = "ledger",
        timeout_s: float | None = None,
    ) -> Receipt: ...

    @overload
    async def report(
        self, use: ToolUse, *, durable: Literal["spool"], timeout_s: float | None = None
    ) -> None: ...

    async def report(
        self,
        use: ToolUse,
        *,
        durable: Literal["ledger", "spool"] = "ledger",
        timeout_s: float | None = None,
    ) -> Receipt | None:
        """Report a use, and wait for its receipt, or until it is spooled.

        Await many at once, or most of the time is spent waiting for commits. Arguments and
        errors are those of Client.report, and what its future fails with. Cancelled while it
        waits for room, the use is not reported; later, it is.
        """
        future = await self.submit(use, durable=durable, timeout_s=timeout_s)
        receipt: Receipt | None = await future
        return receipt

    async def submit(
        self,
        use: ToolUse,
        *,
        durable: Literal["ledger", "spool"] = "ledger",
        timeout_s: float | None = None,
    ) -> asyncio.Future[Any]:
        """Wait for room alone: returns when the use is taken, with what `report` waits for."""
        client = self.client
        item, future = client._item(use, durable)
        client._reserve(item)
        try:
            async with asyncio.timeout(timeout_s):
                await self._taken(client, item)
        except BaseException as error:
            client._give_back(item)
            if isinstance(error, TimeoutError):
                raise client._intake.full() from None
            raise
        return asyncio.wrap_future(future)

    @staticmethod
    async def _taken(client: Client, item: Item) -> None:
        loop, room = asyncio.get_running_loop(), asyncio.Event()

        def told() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(room.set)

        while not client._intake.offer(item, told):
            await room.wait()
            room.clear()

    @property
    def client(self) -> Client:
        """The client underneath, for `trouble` and `spool_bytes`. Raises RuntimeError before `open`."""
        if self._client is None:
            raise RuntimeError("open the client first: async with AsyncClient(…) as client")
        return self._client
