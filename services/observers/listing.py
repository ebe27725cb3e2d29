"""Where do other logs differ, and who has said why? A page of discrepancies, and the counts.

filter ──views──► leaf indexes ──log──► DiscrepancyFound, DiscrepancyResolved ──► message
"""

from __future__ import annotations

from typing import Any, Final

from ledger.canonical_json import JsonValue, encode
from ledger.entry import decode_entry
from ledger.errors import Malformed
from ledger.events.observers import DISCREPANCIES
from ledger.store.core import StoredEntry
from ledger.store.reading_entries import shown_values
from ledger.store.view_discrepancies import Wanted, discrepancies_page, discrepancy_counts
from ledger.streams import check_id
from services.pb.candour.v1 import observers_pb2 as pb
from services.runtime.fact_messages import write_fact
from services.runtime.pages import page_size, read_token, write_token
from services.runtime.reading import Reading
from services.runtime.value_messages import write_time

_OPEN: Final = {
    pb.DISCREPANCY_STATE_UNSPECIFIED: None,
    pb.DISCREPANCY_STATE_OPEN: True,
    pb.DISCREPANCY_STATE_RESOLVED: False,
}


async def list_discrepancies(
    reading: Reading, request: pb.ListDiscrepanciesRequest
) -> pb.ListDiscrepanciesResponse:
    """One page, the first found first; the first page says how many there are.

    Raises:
        Malformed, PageTokenStale, and what Reading.settle raises.
    """
    keys = reading.hosted.keys.identity
    asked: list[JsonValue] = ["discrepancies", request.parent, request.observer, request.agency]
    asked += [request.kind, request.state, request.full]
    asked.append(request.as_of.SerializeToString(deterministic=True).hex())
    after = -1
    if request.page_token:
        tree_size, after = read_token(keys, asked, request.page_token)
    else:
        tree_size = await reading.settle(request.as_of, request.min_tree_size)
    wanted, size = _wanted(request, tree_size), page_size(request.page_size)
    response = pb.ListDiscrepanciesResponse(tree_size=tree_size)
    found = await reading.run(discrepancies_page, reading.views.engine, wanted, after, size + 1)
    response.discrepancies.extend(await reading.run(_messages, reading, found[:size], request.full))
    if not request.page_token:
        counts, response.unread_entries = await reading.run(
            discrepancy_counts, reading.views.engine, wanted
        )
        for count in counts:
            response.counts.add(
                observer=count.observer, kind=count.kind, open=count.open, resolved=count.resolved
            )
    if len(found) > size:
        response.next_page_token = write_token(keys, asked, [tree_size, found[size - 1][0]])
    return response


def _wanted(request: pb.ListDiscrepanciesRequest, tree_size: int) -> Wanted:
    if request.kind and request.kind not in DISCREPANCIES:
        raise Malformed("kind", f"must be one of {', '.join(DISCREPANCIES)}")
    if request.agency:
        check_id(request.agency, "agencies", field="agency")
    if request.state not in _OPEN:
        raise Malformed("state", f"{request.state} is not a choice known to this release")
    return Wanted(
        tree_size=tree_size,
        observer=request.observer or None,
        agency=request.agency or None,
        kind=request.kind or None,
        open=_OPEN[request.state],
    )


def _messages(
    reading: Reading, places: list[tuple[int, int | None]], full: bool
) -> list[pb.RecordedDiscrepancy]:
    """Blocking."""
    leaves = [leaf for place in places for leaf in place if leaf is not None]
    stored = {
        item.leaf_index: item
        for item in reading.hosted.store.entries_at(leaves, with_disclosures=full)
    }
    messages = []
    for found, resolved in places:
        message = pb.RecordedDiscrepancy(leaf_index=found)
        shown = _fill(stored[found], message.found, message.recorded_at)
        message.sighting_json = _text(shown.get("sighting"))
        if resolved is not None:
            message.resolved_leaf_index = resolved
            shown = _fill(stored[resolved], message.resolved, message.resolved_at)
            message.reason = _text(shown.get("reason"))
        messages.append(message)
    return messages


def _fill(stored: StoredEntry, target: Any, at: Any) -> dict[str, JsonValue]:
    """Write an entry's fact and time into a message; what is shown of its protected values."""
    entry = decode_entry(stored.entry)
    written = write_fact(entry.fact())
    which = written.WhichOneof("fact")
    assert which is not None
    target.CopyFrom(getattr(written, which))
    at.CopyFrom(write_time(entry.recorded_at))
    return shown_values(stored)


def _text(value: JsonValue) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else encode(value).decode()
