"""What stands in one register? Its things, each with its first and last fact, and its state.

collection ──registers at the tree size──► names, histories ──States──► page of Thing
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger.domain.lives import States
from ledger.errors import Malformed
from ledger.events import Fact
from ledger.projections.registers import NOT_KEPT, Registers, Told
from ledger.streams import COLLECTIONS
from services.pb.candour.v1 import record_pb2 as pb
from services.record.history import told_message
from services.runtime.pages import page_size, read_token, write_token
from services.runtime.reading import Reading

_KINDS = {name: kind for kind, name in COLLECTIONS.items() if kind not in NOT_KEPT}


async def list_things(reading: Reading, request: pb.ListThingsRequest) -> pb.ListThingsResponse:
    """One page. Raises Malformed, PageTokenStale, and what Reading.settle raises."""
    kind = _KINDS.get(request.collection)
    if kind is None:
        raise Malformed("collection", f"must be one of {', '.join(_KINDS)}")
    keys = reading.hosted.keys.identity
    as_of = request.as_of.SerializeToString(deterministic=True).hex()
    wanted = [request.collection, request.agency, request.technology, request.state]
    asked = ["things", request.parent, *wanted, as_of]
    start = 0
    if request.page_token:
        tree_size, start = read_token(keys, asked, request.page_token)
    else:
        tree_size = await reading.settle(request.as_of, 0)
    size = page_size(request.page_size)
    response = pb.ListThingsResponse(tree_size=tree_size)
    more = await reading.run(_fill, reading, request, kind, start, size, response)
    if more:
        response.next_page_token = write_token(keys, asked, [tree_size, start + size])
    return response


def _fill(
    reading: Reading,
    request: pb.ListThingsRequest,
    kind: str,
    start: int,
    size: int,
    response: pb.ListThingsResponse,
) -> bool:
    """Put a page into the response; True where there are more. Blocking."""
    registers = reading.views.registers_at(response.tree_size)
    found = [
        (name, history, states)
        for name in registers.names(kind)
        if _speaks_of(registers, (history := registers.history(name))[0].fact, request)
        and _is_in(request.state, states := states_of(history))
    ]
    page = found[start : start + size]
    leaves = {told.leaf_index for _, history, _ in page for told in (history[0], history[-1])}
    stored: dict[int, Any] = {
        item.leaf_index: told_message(item, show_protected=request.show_protected)
        for item in reading.hosted.store.entries_at(
            sorted(leaves), with_disclosures=request.show_protected
        )
    }
    for name, history, states in page:
        response.things.add(
            name=name,
            states=states,
            first=stored[history[0].leaf_index],
            last=stored[history[-1].leaf_index],
            entries=len(history),
        )
    return len(found) > start + size


def states_of(history: Sequence[Told]) -> dict[str, str]:
    """The states that a history leaves its thing in, as States.all."""
    states = States()
    for told in history:
        states.add(told.fact)
    return states.all()


def _is_in(wanted: str, states: dict[str, str]) -> bool:
    return not wanted or wanted in states.values()


def _speaks_of(registers: Registers, fact: Fact, request: pb.ListThingsRequest) -> bool:
    """May what began with this fact concern the agency and technology asked for?"""
    scope: Any = getattr(fact, "scope", fact)
    for wanted, one, several in (
        ((request.agency,), "agency", "agencies"),
        (registers.aliases.group(request.technology), "technology", "technologies"),
    ):
        named = {getattr(scope, one, None), *getattr(scope, several, ())} - {None}
        if wanted != ("",) and named and named.isdisjoint(wanted):
            return False
    return True
