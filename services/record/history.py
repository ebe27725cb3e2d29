"""What was told of one thing, from first to last? Pages of its stream, and the state it is in."""

from __future__ import annotations

from typing import Any

from ledger.canonical_json import encode
from ledger.domain.base import NotRegistered
from ledger.entry import decode_entry
from ledger.store.core import StoredEntry
from ledger.store.reading_entries import shown_values
from ledger.streams import stream_of_name
from services.pb.candour.v1 import record_pb2 as pb
from services.runtime.messages import CAPTURE
from services.runtime.pages import page_size, read_token, write_token
from services.runtime.reading import Reading
from services.runtime.value_messages import number_of, write_time


async def list_history(
    reading: Reading, name: str, request: pb.ListHistoryRequest
) -> pb.ListHistoryResponse:
    """One page, in the order of the log.

    Raises:
        NotRegistered: Nothing was told of it.
        Malformed, PageTokenStale, and what Reading.settle raises.
    """
    keys = reading.hosted.keys.identity
    as_of = request.as_of.SerializeToString(deterministic=True).hex()
    shown = request.show_protected
    asked = ["history", request.name, as_of, shown]
    after = 0
    if request.page_token:
        tree_size, after = read_token(keys, asked, request.page_token)
    else:
        tree_size = await reading.settle(request.as_of, 0)
    size = page_size(request.page_size)
    stream = stream_of_name(name)
    found = await reading.run(reading.hosted.store.read_stream, stream, gt=after, limit=size + 1)
    known = [item for item in found if item.leaf_index < tree_size]
    if not known and not after:
        raise NotRegistered(name)
    response = pb.ListHistoryResponse(tree_size=tree_size)
    registrar = reading.hosted.registrar
    for track, state in (await reading.run(registrar.states_of, stream, tree_size)).items():
        response.states[track] = state
    page = known[:size]
    if shown:
        leaves = [item.leaf_index for item in page]
        page = await reading.run(reading.hosted.store.entries_at, leaves, with_disclosures=True)
    response.entries.extend(told_message(item, show_protected=shown) for item in page)
    if len(known) > size:
        response.next_page_token = write_token(keys, asked, [tree_size, known[size - 1].version])
    return response


def told_message(stored: StoredEntry, *, show_protected: bool = False) -> pb.ToldEntry:
    """One entry as it is told; with protected values only if it was read with disclosures."""
    entry = decode_entry(stored.entry)
    capture: Any = number_of(entry.capture, CAPTURE)
    values = shown_values(stored) if show_protected else {}
    return pb.ToldEntry(
        leaf_index=stored.leaf_index,
        recorded_at=write_time(entry.recorded_at),
        topic=entry.topic,
        event_json=encode(dict(entry.event)).decode(),
        protected=sorted(entry.protected),
        capture=capture,
        reporter=entry.reporter,
        protected_json=encode(values).decode() if values else "",
    )
