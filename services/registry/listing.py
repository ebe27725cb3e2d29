"""What is registered? Pages of one collection, answered from the views."""

from __future__ import annotations

from ledger.errors import Malformed
from ledger.streams import COLLECTIONS
from services.pb.candour.v1 import registry_pb2 as pb
from services.runtime.pages import page_size, read_token, write_token
from services.runtime.reading import Reading

_LISTED = tuple(name for name in COLLECTIONS.values() if name != "toolUses")


async def list_registered(
    reading: Reading, request: pb.ListRegisteredRequest
) -> pb.ListRegisteredResponse:
    """One page, by name. Raises Malformed, PageTokenStale, and what Reading.settle raises."""
    if request.collection not in _LISTED:
        raise Malformed("collection", f"must be one of {', '.join(_LISTED)}")
    keys = reading.hosted.keys.identity
    as_of = request.as_of.SerializeToString(deterministic=True).hex()
    asked = ["registered", request.parent, request.collection, as_of]
    after = ""
    if request.page_token:
        tree_size, after = read_token(keys, asked, request.page_token)
    else:
        tree_size = await reading.settle(request.as_of, request.min_tree_size)
    size = page_size(request.page_size)
    found = await reading.run(
        reading.views.registered, request.collection, tree_size, after, size + 1
    )
    response = pb.ListRegisteredResponse(
        registered=[
            pb.Registered(
                name=item.name,
                display_name=item.display_name,
                aliases=item.aliases,
                leaf_index=item.leaf_index,
                withdrawn=item.withdrawn,
            )
            for item in found[:size]
        ],
        tree_size=tree_size,
    )
    if len(found) > size:
        response.next_page_token = write_token(keys, asked, [tree_size, found[size - 1].name])
    return response
