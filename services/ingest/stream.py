"""How do uses come in one by one and receipts go out as they commit? In order, bounded.

    requests ──_read──► [commit, refusal, commit, commit …] ──responses──► a commit's results
                         ≤ MAX_STREAM_IN_FLIGHT, then reading waits

A response holds what one commit made durable; a refused use keeps its place among them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from grpc.aio import ServicerContext

from ledger.errors import CandourError, Malformed
from ledger.limits import MAX_STREAM_IN_FLIGHT
from ledger.tlog import claimed_checkpoint
from services.ingest.reporting import result_message
from services.pb.candour.v1 import ingest_pb2 as pb
from services.runtime.committer import Committed
from services.runtime.names import ledger_of
from services.runtime.refusals import Draining
from services.runtime.reporting import prepare_encoded
from services.runtime.serving import Serving
from services.runtime.waiting import check_wait, checkpoint_over


class _End:
    """No more is taken in: the caller has said all, or an error keeps it from going on."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


_Waiting: TypeAlias = "asyncio.Future[Committed] | CandourError | _End"


class UseStream:
    """One StreamToolUses call.

    Args:
        requests: As they come, RawStreamed.
        ledgers: The hosted ones; the first request says which.
        reporter: Credential of the caller.
        context: Of the call; responses wait no longer than it does.
    """

    def __init__(
        self,
        requests: AsyncIterator[Any],
        ledgers: Mapping[str, Serving],
        reporter: str,
        context: ServicerContext[Any, Any],
    ) -> None:
        self._requests, self._ledgers, self._reporter = requests, ledgers, reporter
        self._context, self._wait_for = context, 0
        self._serving: Serving | None = None
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()  # bounded by _room
        self._room = asyncio.Semaphore(MAX_STREAM_IN_FLIGHT)
        self._parent = ""

    async def responses(self) -> AsyncIterator[pb.StreamToolUsesResponse]:
        """A commit's results at a time. Raises what ended the stream before its requests did."""
        reader = asyncio.create_task(self._read(), name="use-stream")
        try:
            waiting: _Waiting | None = await self._queue.get()
            while not isinstance(waiting, _End):
                assert waiting is not None
                results, checkpoint = await _settled(waiting)
                # Whatever else the same commit, or none, has settled goes with it.
                while (waiting := self._at_hand()) is not None:
                    note = _checkpoint_of(waiting)
                    if note is None or (note and checkpoint and note != checkpoint):
                        break
                    more, note = await _settled(waiting)
                    results, checkpoint = results + more, checkpoint or note
                for _ in results:
                    self._room.release()
                checkpoint = await self._waited_for(checkpoint)
                yield pb.StreamToolUsesResponse(results=results, checkpoint=checkpoint.decode())
                if waiting is None:
                    waiting = await self._queue.get()
            if waiting.error is not None:
                raise waiting.error
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader

    async def _waited_for(self, checkpoint: bytes) -> bytes:
        """The one that the caller asked for; a response without receipts waits for none."""
        if not checkpoint or self._serving is None:
            return checkpoint
        size = claimed_checkpoint(checkpoint).tree_size
        wait_for, context = self._wait_for, self._context
        return await checkpoint_over(self._serving, size, checkpoint, wait_for, context)

    async def _read(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        for hosted in self._ledgers.values():
            hosted.intakes.add(task)  # cancelled when the process drains
        serving: Serving | None = None
        try:
            async for request in self._requests:
                if serving is None:
                    self._parent, self._wait_for = request.parent, request.wait_for
                    serving = self._serving = ledger_of(request.parent, self._ledgers)
                    check_wait(serving, request.wait_for)
                elif request.parent not in ("", self._parent):
                    raise Malformed("parent", "must stay the same throughout a stream")
                elif request.wait_for not in (0, self._wait_for):
                    raise Malformed("wait_for", "must stay the same throughout a stream")
                await self._room.acquire()
                self._queue.put_nowait(await self._accept(serving, request.tool_use))
            self._queue.put_nowait(_End())
        except asyncio.CancelledError:
            self._queue.put_nowait(_End(Draining()))
        except Exception as error:  # noqa: BLE001  it ends the stream, after what came before
            self._queue.put_nowait(_End(error))
        finally:
            for hosted in self._ledgers.values():
                hosted.intakes.discard(task)

    async def _accept(self, serving: Serving, use: bytes) -> _Waiting:
        try:
            (entry,) = await prepare_encoded(serving, [use], self._reporter)
            if isinstance(entry, CandourError):
                return entry
            return serving.committer.enqueue([entry])
        except Draining:
            raise
        except CandourError as error:  # the store is away, or the queue full: this use's alone
            return error

    def _at_hand(self) -> _Waiting | None:
        return None if self._queue.empty() else self._queue.get_nowait()


def _checkpoint_of(waiting: _Waiting) -> bytes | None:
    """Of which commit it is; blank where of none; None where that is not known yet."""
    if isinstance(waiting, CandourError):
        return b""
    if isinstance(waiting, _End) or not waiting.done():
        return None
    return b"" if waiting.exception() else waiting.result().checkpoint


async def _settled(waiting: _Waiting) -> tuple[list[pb.ReportResult], bytes]:
    """The results, and the checkpoint over them."""
    assert not isinstance(waiting, _End)
    if isinstance(waiting, CandourError):
        return [result_message(waiting)], b""
    try:
        committed = await asyncio.shield(waiting)
    except CandourError as error:
        return [result_message(error)], b""
    return [result_message(result) for result in committed.results], committed.checkpoint
