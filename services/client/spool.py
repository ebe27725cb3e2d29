"""Where do uses wait while the ledger is away? In files, in order, until they have receipts.

    append ──frame, fsync──► segment ──take──► uses, to be sent ──done──► segment deleted

A new start takes the same way: what stands in the folder is taken before anything new. A segment
is deleted when everything in it is done, so after a crash some is sent again; the ledger knows
it by its ids. One thread appends, another takes; both may ask for sizes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from services.client import segments
from services.client.errors import SpoolDamaged, SpoolFailed, SpoolFull, SpoolOfAnotherLedger
from services.client.frames import (
    HEADER_BYTES,
    FrameDamaged,
    Header,
    encode_frame,
    header_of,
    payload_of,
    scan,
)
from services.client.settings import Settings
from services.pb.candour.v1 import ingest_pb2
from services.runtime.undecoded import undecoded

RawBatch: Final[Any] = undecoded(ingest_pb2.BatchReportToolUsesRequest, "tool_uses")


class Place(NamedTuple):
    """Of a frame: the segment's number, and the byte in it."""

    segment: int
    offset: int


@dataclass(slots=True)
class _Segment:
    size: int
    open_frames: int  # not done yet


class Spool:
    """One folder; it belongs to this object until `close`.

    Args:
        folder: Made where it is not there, for its owner alone.
        parent: `ledgers/…` that its uses are for.
    Raises:
        SpoolInUse: Another client has it.
        SpoolDamaged: A frame is not what was written.
        SpoolOfAnotherLedger: It holds uses for another ledger.
        OSError: The folder cannot be read or written.
    """

    def __init__(self, folder: Path, parent: str, settings: Settings) -> None:
        self.folder, self._parent, self._settings = folder, parent, settings
        self._lock = threading.Lock()
        self._segments: dict[int, _Segment] = {}
        self._size = self._reserved = 0  # bytes on disk, and of uses that are to come
        self._writer: segments.Writer | None = None
        self._torn: segments.Writer | None = None
        self._reader: segments.Reader | None = None
        self._held = segments.Lock(folder)
        try:
            self._recover()
        except BaseException:
            self._held.release()
            raise

    def _recover(self) -> None:
        numbers = segments.numbers_in(self.folder)
        for number in numbers:
            path = segments.path_of(self.folder, number)
            data = path.read_bytes()
            try:
                found = scan(data, last=number == numbers[-1])
            except FrameDamaged as error:
                raise SpoolDamaged(path, error.offset) from None
            if found.frames:
                meant = RawBatch.FromString(found.first_payload).parent
                if meant != self._parent:
                    raise SpoolOfAnotherLedger(self.folder, meant, self._parent)
            if found.end < len(data):
                segments.cut(path, found.end)
            self._segments[number] = _Segment(found.end, found.frames)
            self._size += found.end
        self._next_number = numbers[-1] + 1 if numbers else 1
        self._cursor = Place(numbers[0] if numbers else 1, 0)
        with self._lock:
            self._delete_done()

    # --- sizes --------------------------------------------------------------------
    @property
    def size_bytes(self) -> int:
        """On disk."""
        with self._lock:
            return self._size

    @property
    def open_frames(self) -> int:
        """That are not done."""
        with self._lock:
            return sum(segment.open_frames for segment in self._segments.values())

    @staticmethod
    def cost_of(data: bytes) -> int:
        """Bytes that a use may take on disk, at most: as if it had a frame of its own."""
        return HEADER_BYTES + 2 * 5 + 210 + len(data)

    def reserve(self, size_bytes: int) -> None:
        """Keep room for a use that is to be appended. Raises SpoolFull."""
        with self._lock:
            held = self._size + self._reserved
            if held + size_bytes > self._settings.spool_bytes:
                raise SpoolFull(self.folder, held, self._settings.spool_bytes)
            self._reserved += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """It is not appended after all."""
        with self._lock:
            self._reserved -= size_bytes

    # --- the writing side -----------------------------------------------------------
    def append(self, uses: list[bytes], *, reserved: int, kept: Callable[[Place], None]) -> None:
        """Write a batch as one frame, and sync it.

        Args:
            reserved: Bytes that were reserved for it, and are given back.
            kept: Called with its place when it is on disk, before `take` can see it.
        Raises:
            SpoolFailed: It is not kept.
        """
        frame = encode_frame(
            RawBatch(parent=self._parent, tool_uses=uses).SerializeToString(), len(uses)
        )
        try:
            writer = self._writable()
            try:
                writer.append(frame)
            except OSError:
                # After a failed sync nobody knows what is on disk: never go on in that file.
                with self._lock:
                    self._writer, self._torn = None, writer
                raise
        except OSError as error:
            raise SpoolFailed(f"{self.folder}: {error.strerror or error}") from error
        finally:
            with self._lock:
                self._reserved -= reserved
        with self._lock:
            segment = self._segments[writer.number]
            kept(Place(writer.number, segment.size))
            segment.size, segment.open_frames = writer.size, segment.open_frames + 1
            self._size += len(frame)

    def _writable(self) -> segments.Writer:
        if self._torn is not None:  # only the last segment may be torn, so first make it whole
            self._torn.repair()
            self._torn.close()
            self._torn = None
        if self._writer is not None and self._writer.size >= self._settings.segment_bytes:
            self._seal()
        if self._writer is None:
            number = self._next_number
            self._next_number += 1
            self._writer = segments.Writer(self.folder, number)
            with self._lock:
                self._segments[number] = _Segment(0, 0)
        return self._writer

    def _seal(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def tidy(self) -> None:
        """Begin a new segment with the next batch, if all is done; called by who appends."""
        if self._writer is None or self._writer.size == 0 or self.open_frames:
            return
        self._seal()
        with self._lock:
            self._delete_done()

    # --- the reading side -----------------------------------------------------------
    def take(self) -> list[tuple[Place, list[bytes]]]:
        """The next frames, as many as make one request; none where all are taken.

        Raises:
            SpoolDamaged: A frame is not what was written; it is asked for again the next time.
            OSError: The disk cannot be read.
        """
        taken: list[tuple[Place, list[bytes]]] = []
        uses = size_bytes = 0
        try:
            while (found := self._next_frame()) is not None:
                place, header = found
                uses, size_bytes = uses + header.uses, size_bytes + header.length
                over = uses > self._settings.batch_uses or size_bytes > self._settings.batch_bytes
                if taken and over:
                    break
                taken.append((place, self._read(place, header.frame_bytes)))
                self._cursor = Place(place.segment, place.offset + header.frame_bytes)
        except (SpoolDamaged, OSError):
            if not taken:  # what was taken is sent; the rest fails again the next time
                raise
        return taken

    def _next_frame(self) -> tuple[Place, Header] | None:
        with self._lock:
            if self._all_taken():
                return None
            at = self._cursor
        reader = self._reader
        if reader is None or reader.number != at.segment:
            if reader is not None:
                reader.close()
            reader = self._reader = segments.Reader(self.folder, at.segment)
        header = header_of(reader.read(at.offset, HEADER_BYTES))
        if header is None:
            raise SpoolDamaged(segments.path_of(self.folder, at.segment), at.offset)
        return at, header

    def all_taken(self) -> bool:
        """Whether `take` has nothing more."""
        with self._lock:
            return self._all_taken()

    def _all_taken(self) -> bool:
        """Also moves the cursor to where the next frame stands."""
        at = self._cursor
        while at.segment not in self._segments or at.offset >= self._segments[at.segment].size:
            later = [number for number in self._segments if number > at.segment]
            if not later:
                return True
            at = self._cursor = Place(min(later), 0)
        return False

    def _read(self, place: Place, length: int) -> list[bytes]:
        assert self._reader is not None
        frame = self._reader.read(place.offset, length)
        try:
            payload = payload_of(frame, offset=place.offset)
        except FrameDamaged:
            path = segments.path_of(self.folder, place.segment)
            raise SpoolDamaged(path, place.offset) from None
        return list(RawBatch.FromString(payload).tool_uses)

    def done(self, place: Place) -> None:
        """Everything of this frame has a receipt, or was handed over as refused."""
        with self._lock:
            self._segments[place.segment].open_frames -= 1
            self._delete_done()

    def _delete_done(self) -> None:
        """Segments that are not written to, and of which nothing is open."""
        writing = {writer.number for writer in (self._writer, self._torn) if writer is not None}
        done = [
            number
            for number, segment in self._segments.items()
            if segment.open_frames == 0 and number not in writing
        ]
        for number in done:
            segments.path_of(self.folder, number).unlink(missing_ok=True)
            self._size -= self._segments.pop(number).size
        if done:
            segments.sync_folder(self.folder)

    def close(self) -> None:
        """Let go of the folder; what is not done stays. Both threads have ended."""
        self._seal()
        if self._torn is not None:
            self._torn.close()
        if self._reader is not None:
            self._reader.close()
        with self._lock:
            self._delete_done()
        self._held.release()
