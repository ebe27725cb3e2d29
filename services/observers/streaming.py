"""What of the ledger's uses can be compared? Read by the page, sent in columns.

    views: a page of uses ──► log: their entries ──said_now──► codes and ids ──► one message

While a message is on its way, the next pages are read, in one of the ledger's threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final

import msgspec

from ledger.errors import Malformed
from ledger.ingest.layout import fold
from ledger.limits import MATCH_CHUNK, MAX_CACHED_NAMES, MAX_MATCH_ID_COLUMNS, MAX_NAME_CHARS
from ledger.observers.fields import TECHNOLOGY, Encoder, Said
from ledger.observers.keys import Digests, key_of_observer
from ledger.observers.uses import Told, ids_of, pseudonym_of, said_now
from ledger.projections.registers import Aliases
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST
from ledger.store.core import LedgerStore, StoredEntry
from ledger.store.reading_entries import shown_values
from ledger.store.view_matching import Matchable, matchable_uses
from ledger.streams import check_id, name_of_stream
from ledger.times import us_of_text
from services.pb.candour.v1 import observers_pb2 as pb
from services.runtime.reading import Reading
from services.runtime.refusals import TreeSizeBeyondHead
from services.runtime.value_messages import read_interval

_AHEAD: Final = 2  # messages read while one is on its way
_LEAVE_S: Final = 0.05  # between looks at a reader whose caller went away
_decode: Final = msgspec.json.Decoder().decode


def check_observer(observer: str) -> str:
    """Raises Malformed."""
    if not 0 < len(observer.strip()) <= MAX_NAME_CHARS or not observer.isprintable():
        raise Malformed("observer", f"must be a name of 1..{MAX_NAME_CHARS} printable characters")
    return observer


async def stream_uses(
    reading: Reading, request: pb.StreamUsesForMatchingRequest
) -> AsyncIterator[pb.StreamUsesForMatchingResponse]:
    """Messages of MATCH_CHUNK uses at most, by time.

    One thread reads them all, for each has a connection and its cache of pages to itself.

    Raises:
        Malformed: A name, a field or an end of the period.
        TreeSizeBeyondHead: The views do not hold that many entries.
    """
    held = await reading.run(reading.views.position)
    if not 0 <= request.tree_size <= held:
        raise TreeSizeBeyondHead(request.tree_size, held)
    loop, gone = asyncio.get_running_loop(), threading.Event()
    ready: asyncio.Queue[pb.StreamUsesForMatchingResponse | None] = asyncio.Queue(_AHEAD)

    def read() -> None:
        try:
            for message in _chunks(reading, request):
                if gone.is_set():
                    return
                asyncio.run_coroutine_threadsafe(ready.put(message), loop).result()
        finally:
            asyncio.run_coroutine_threadsafe(ready.put(None), loop).result()

    under_way = asyncio.create_task(reading.run(read))
    try:
        while (message := await ready.get()) is not None:
            yield message
        await under_way  # raises what ended it
    finally:
        gone.set()
        while not under_way.done():  # the caller went away: let the reader come to its end
            while not ready.empty():
                ready.get_nowait()
            await asyncio.wait([under_way], timeout=_LEAVE_S)


def _chunks(
    reading: Reading, request: pb.StreamUsesForMatchingRequest
) -> Iterator[pb.StreamUsesForMatchingResponse]:
    """Blocking."""
    first_us, last_us = OPEN_EARLIEST, OPEN_LATEST
    if request.HasField("period"):
        period = read_interval(request.period, "period")
        first_us = first_us if period.earliest is None else us_of_text(period.earliest)
        last_us = last_us if period.latest is None else us_of_text(period.latest)
    renderer = _Renderer(reading, request)
    for page in matchable_uses(
        reading.views.engine,
        agency=check_id(request.agency, "agencies", field="agency"),
        first_us=first_us,
        last_us=last_us,
        tree_size=request.tree_size,
        limit=MATCH_CHUNK,
    ):
        yield renderer.message(page)


class _Renderer:
    """Makes messages of pages of uses; knows names it has met."""

    def __init__(self, reading: Reading, request: pb.StreamUsesForMatchingRequest) -> None:
        if len(request.id_columns) > MAX_MATCH_ID_COLUMNS:
            raise Malformed("id_columns", f"more than {MAX_MATCH_ID_COLUMNS}")
        self._store: LedgerStore = reading.hosted.store
        self._tree_size = request.tree_size
        observer = check_observer(request.observer)
        self._digests = Digests(key_of_observer(reading.hosted.keys.identity, observer))
        self._encoder = Encoder(request.fields, self._digests)
        self._id_columns = frozenset(map(fold, request.id_columns))
        self._aliases: Aliases = reading.views.aliases(request.tree_size)
        self._has_performer = any(field.startswith("performer.") for field in request.fields)
        self._has_technology = TECHNOLOGY in request.fields
        self._names: dict[str, dict[str, str]] = {}

    def message(self, page: Sequence[Matchable]) -> pb.StreamUsesForMatchingResponse:
        reports = self._store.entries_at([item.first for item in page], with_disclosures=True)
        by_leaf = {stored.leaf_index: stored for stored in reports}
        histories = self._histories(page, by_leaf)
        self._learn([told.shown for history in histories for told in history])
        codes: list[int] = []
        ids: list[int] = []
        for history in histories:
            said, shown = said_now(history, self._names)
            codes += self._encoder.encode(self._under_one_name(said))
            ids += ids_of(self._digests, shown, self._id_columns)
        return pb.StreamUsesForMatchingResponse(
            names=[name_of_stream(by_leaf[item.first].stream) for item in page],
            leaf_indexes=[item.first for item in page],
            earliest_us=[item.earliest_us for item in page],
            latest_us=[item.latest_us for item in page],
            codes=codes,
            ids=ids,
            same_as=[0 if item.same_as is None else item.same_as + 1 for item in page],
        )

    def _histories(
        self, page: Sequence[Matchable], by_leaf: dict[int, StoredEntry]
    ) -> list[list[Told]]:
        """The entries of each use; of most the report is all that matters."""
        amended = [by_leaf[item.first].stream for item in page if item.amended]
        later: dict[str, list[Told]] = {}
        for stored in self._store.entries_of_streams(amended) if amended else ():
            if stored.version > 1 and stored.leaf_index < self._tree_size:
                later.setdefault(stored.stream, []).append(_told(stored))
        return [
            [_told(by_leaf[item.first]), *later.get(by_leaf[item.first].stream, ())]
            for item in page
        ]

    def _learn(self, shown: Sequence[Any]) -> None:
        """What sources call the performers of a page."""
        if not self._has_performer:
            return
        if len(self._names) > MAX_CACHED_NAMES:
            self._names.clear()
        unknown = {pseudonym for values in shown if (pseudonym := pseudonym_of(values))}
        unknown -= self._names.keys()
        for pseudonym, record in self._store.describe_performers(sorted(unknown)).items():
            parts = {"user_id": record.user_id, "name": record.name, "badge": record.badge}
            self._names[pseudonym] = {k: v for k, v in parts.items() if v is not None}

    def _under_one_name(self, said: Said) -> Said:
        """A technology stands under the name that its aliases lead to."""
        technology = said[0].get(TECHNOLOGY)
        if not self._has_technology or technology is None:
            return said
        head = self._aliases.head(technology)
        return said if head == technology else ({**said[0], TECHNOLOGY: head}, *said[1:])


def _told(stored: StoredEntry) -> Told:
    entry = _decode(stored.entry)
    return Told(stored.topic, entry["event"], entry["protected"].keys(), shown_values(stored))
