"""What may a request bring, and who brings it? Bodies within their bounds, from this machine.

    request ──caller──► reporter
            ──read──► bytes, unpacked, ≤ MAX_BODY_BYTES each, ≤ MAX_BODIES_BYTES of all ledgers

A web page can make its reader's browser call this machine, so what says it comes from a page is
refused: an entry would name the person who happened to open it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from grpc import StatusCode
from starlette.requests import Request

from ledger.errors import Malformed, Refused
from ledger.limits import (
    BODY_S,
    MAX_BODIES_BYTES,
    MAX_BODY_BYTES,
    MAX_CONCURRENT_CALLS,
    MAX_INLINE_BYTES,
)
from services.gateway.problems import BodyRefused
from services.gateway.tiles import is_from_this_machine
from services.runtime.authn import LOOPBACK
from services.runtime.explaining import Explained, explain
from services.runtime.metrics import LedgerMetrics, silent
from services.runtime.refusals import Unauthenticated
from services.runtime.serving import Serving

T = TypeVar("T")
_PACKED: Final = ("gzip", "x-gzip", "deflate")
_EITHER_FORMAT: Final = zlib.MAX_WBITS | 32  # zlib tells gzip from its own by the first bytes


class TooMuchAtOnce(Refused):
    """Others' bodies fill the room that the ledger has."""

    def __init__(self) -> None:
        super().__init__("too much is being taken in already")


@explain.register
def _(error: TooMuchAtOnce) -> Explained:
    return Explained(StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", str(error), retry=True)


def reporter_of_request(request: Request) -> str:
    """The reporter credential of a request.

    Raises:
        Unauthenticated: It comes from elsewhere, through a proxy, or from a web page.
    """
    if not is_from_this_machine(request):
        raise Unauthenticated("reports over HTTP are taken from this machine, without a proxy")
    if "origin" in request.headers:
        raise Unauthenticated("a web page cannot report: it would speak for whoever opened it")
    return LOOPBACK


class Intake:
    """All that the gateway holds of one ledger's bodies at once.

    Args:
        ledgers: How many share the room there is: what is asked of one takes none of another's.
        metrics: Counts what is turned away; None for nowhere.
    """

    def __init__(self, ledgers: int = 1, metrics: LedgerMetrics | None = None) -> None:
        self.metrics = silent() if metrics is None else metrics
        self.calls = self.held_bytes = 0
        self.max_calls = max(1, MAX_CONCURRENT_CALLS // ledgers)
        self.max_bytes = max(MAX_BODY_BYTES, MAX_BODIES_BYTES // ledgers)

    @contextmanager
    def body(self) -> Iterator[Body]:
        """Room for one body, until the block is left. Raises TooMuchAtOnce."""
        if self.calls >= self.max_calls:
            with self.metrics.turning_away:
                raise TooMuchAtOnce
        self.calls += 1
        body = Body(self)
        try:
            yield body
        finally:
            self.calls -= 1
            self.held_bytes -= body.size_bytes


def intakes_of(
    ledgers: Iterable[str], metrics: Callable[[str], LedgerMetrics] = silent
) -> dict[str, Intake]:
    """An intake for each, of equal room."""
    names = list(ledgers)
    return {name: Intake(len(names), metrics(name)) for name in names}


class Body:
    """One request's body as it comes in."""

    def __init__(self, intake: Intake) -> None:
        self.intake, self._parts = intake, list[bytes]()
        self.size_bytes = 0

    async def read(self, request: Request) -> bytes:
        """All of it, unpacked.

        Raises:
            BodyRefused: Too large, too slow, or packed in another way.
            TooMuchAtOnce: As said.
            Malformed: It is not packed as it says.
        """
        with self.intake.metrics.turning_away:
            return await self._read(request)

    async def _read(self, request: Request) -> bytes:
        packing = request.headers.get("content-encoding", "identity").strip().lower()
        if packing not in ("identity", *_PACKED):
            raise BodyRefused(
                "UNSUPPORTED_ENCODING", "Content-Encoding must be gzip, deflate or identity", 415
            )
        length = request.headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > MAX_BODY_BYTES:
            raise _too_large()
        unpack = _Unpacking() if packing in _PACKED else None
        try:
            async with asyncio.timeout(BODY_S):
                async for chunk in request.stream():
                    self._take(chunk if unpack is None else unpack(chunk, self.size_bytes))
        except TimeoutError:
            message = f"the body did not arrive within {BODY_S} s"
            raise BodyRefused("TIMED_OUT", message, 408) from None
        if unpack is not None:
            unpack.check_ended()
        return b"".join(self._parts)

    def _take(self, part: bytes) -> None:
        if self.size_bytes + len(part) > MAX_BODY_BYTES:
            raise _too_large()
        if self.intake.held_bytes + len(part) > self.intake.max_bytes:
            raise TooMuchAtOnce
        self.intake.held_bytes += len(part)
        self.size_bytes += len(part)
        self._parts.append(part)


class _Unpacking:
    """gzip or zlib, never more of it than a body may have."""

    def __init__(self) -> None:
        self._one = zlib.decompressobj(_EITHER_FORMAT)

    def __call__(self, data: bytes, size_bytes: int) -> bytes:
        parts, room = [], MAX_BODY_BYTES + 1 - size_bytes
        try:
            while data and room > 0:
                if self._one.eof:  # gzip may be put together from several
                    self._one = zlib.decompressobj(_EITHER_FORMAT)
                parts.append(self._one.decompress(data, room))
                room -= len(parts[-1])
                data = self._one.unused_data
        except zlib.error:
            raise Malformed("body", "is not packed as Content-Encoding says") from None
        return b"".join(parts)

    def check_ended(self) -> None:
        if not self._one.eof:
            raise Malformed("body", "ends before its packing does")


def _too_large() -> BodyRefused:
    message = f"a body must not have more than {MAX_BODY_BYTES} bytes, unpacked"
    return BodyRefused("TOO_LARGE", message, 413)


async def read_with(serving: Serving, read: Callable[[bytes], T], body: bytes) -> T:
    """What `read` makes of a body: a small one here, a large one in a thread of the ledger's."""
    return read(body) if len(body) <= MAX_INLINE_BYTES else await serving.run(read, body)
