"""What can be done to a database by hand? Each way says where an audit must point afterwards."""

from __future__ import annotations

from collections.abc import Callable

from ledger.canonical_json import decode, encode
from ledger.limits import TILE_WIDTH
from ledger.merkle import HASH_BYTES, Frontier
from ledger.tlog import Signer, parse_note, sign
from tests.ledgers import ORIGIN, PostgresPlace
from tests.store.audited import Audited

Tampering = Callable[[Audited], tuple[str, int | str | None]]


def flipped(data: bytes, at: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def one_byte_of_an_entry(on: Audited) -> tuple[str, int | str | None]:
    changed = on.entry(41).replace(b'"traffic"', b'"traffid"')
    assert changed != on.entry(41)
    on.sql("UPDATE entries SET entry = ? WHERE leaf_index = 41", changed)
    return "tile_hashes", 41


def an_entry_that_is_none(on: Audited) -> tuple[str, int | str | None]:
    on.sql("UPDATE entries SET entry = ? WHERE leaf_index = 41", on.entry(41)[1:])
    return "entries", 41


def stream_column(on: Audited) -> tuple[str, int | str | None]:
    on.sql("UPDATE entries SET stream = 'tool_use/other' WHERE leaf_index = 41")
    return "entries", 41


def topic_column(on: Audited) -> tuple[str, int | str | None]:
    on.sql("UPDATE entries SET topic = 'tool_use.withdrawn.v1' WHERE leaf_index = 41")
    return "entries", 41


def version_column(on: Audited) -> tuple[str, int | str | None]:
    on.sql("UPDATE entries SET version = 2 WHERE leaf_index = 41")
    return "entries", 41


def last_entry_dropped(on: Audited) -> tuple[str, int | str | None]:
    last = on.size - 1
    on.sql("DELETE FROM entries WHERE leaf_index = ?", last)
    return "entries", last


def middle_entry_dropped(on: Audited) -> tuple[str, int | str | None]:
    on.sql("DELETE FROM entries WHERE leaf_index = 100")
    return "entries", 100


def extra_entry(on: Audited) -> tuple[str, int | str | None]:
    row = (on.size, "tool_use/extra", 1, "tool_use.reported.v1", on.entry(41))
    on.sql("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", *row)
    return "entries", on.size


def entry_before_the_first(on: Audited) -> tuple[str, int | str | None]:
    row = (-1, "tool_use/extra", 1, "tool_use.reported.v1", on.entry(41))
    on.sql("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", *row)
    return "entries", -1


def entries_swapped(on: Audited) -> tuple[str, int | str | None]:
    for old, new in ((41, -1), (60, 41), (-1, 60)):
        on.sql("UPDATE entries SET leaf_index = ? WHERE leaf_index = ?", new, old)
    return "disclosures", 41


def stream_out_of_order(on: Audited) -> tuple[str, int | str | None]:
    """All is consistent, and yet a withdrawal stands before its report."""
    (report_at,), (change_at,) = on.sql(
        "SELECT leaf_index FROM entries WHERE stream IN (SELECT stream FROM entries"
        " WHERE topic = 'tool_use.withdrawn.v1') ORDER BY leaf_index"
    )
    streams = ("stream_versions",) if isinstance(on.place, PostgresPlace) else ()
    for table in ("entries", "disclosures", *streams):
        for old, new in ((report_at, -1), (change_at, report_at), (-1, change_at)):
            on.sql(f"UPDATE {table} SET leaf_index = ? WHERE leaf_index = ?", new, old)
    on.sql("DELETE FROM checkpoints")
    on.rewrite_derived()
    return "entries", report_at


def leaf_hash_changed(on: Audited) -> tuple[str, int | str | None]:
    ((start, hashes),) = on.sql(
        "SELECT start, hashes FROM tile_hashes WHERE level = 0 AND tile = 0 AND start <= 41"
        " ORDER BY start DESC LIMIT 1"
    )
    changed = flipped(bytes(hashes), (41 - start) * HASH_BYTES)
    on.sql(
        "UPDATE tile_hashes SET hashes = ? WHERE level = 0 AND tile = 0 AND start = ?",
        changed,
        start,
    )
    return "tile_hashes", 41


def tile_of_level_1(on: Audited) -> tuple[str, int | str | None]:
    ((hashes,),) = on.sql("SELECT hashes FROM tile_hashes WHERE level = 1")
    on.sql("UPDATE tile_hashes SET hashes = ? WHERE level = 1", flipped(bytes(hashes)))
    return "tile_hashes", "1/0"


def tile_row_dropped(on: Audited) -> tuple[str, int | str | None]:
    ((start,),) = on.sql("SELECT max(start) FROM tile_hashes WHERE level = 0 AND tile = 0")
    on.sql("DELETE FROM tile_hashes WHERE level = 0 AND tile = 0 AND start = ?", start)
    return "tile_hashes", start


def tile_rows_overlapping(on: Audited) -> tuple[str, int | str | None]:
    """Each hash is right, and one is there twice."""
    ((start, hashes),) = on.sql(
        "SELECT start, hashes FROM tile_hashes WHERE level = 0 AND tile = 0"
        " ORDER BY length(hashes) DESC LIMIT 1"
    )
    row = (start + 1, bytes(hashes)[HASH_BYTES : 2 * HASH_BYTES])
    on.sql("INSERT INTO tile_hashes VALUES (0, 0, ?, ?)", *row)
    return "tile_hashes", start + len(hashes) // HASH_BYTES


def tile_row_beyond(on: Audited) -> tuple[str, int | str | None]:
    tile, start = divmod(on.size, TILE_WIDTH)
    on.sql("INSERT INTO tile_hashes VALUES (0, ?, ?, ?)", tile, start, bytes(HASH_BYTES))
    return "tile_hashes", on.size


def tile_of_no_tree(on: Audited) -> tuple[str, int | str | None]:
    on.sql("INSERT INTO tile_hashes VALUES (9, 0, 0, ?)", bytes(HASH_BYTES))
    return "tile_hashes", "9/0"


def head_root(on: Audited) -> tuple[str, int | str | None]:
    on.sql("UPDATE head SET root = ?", bytes(HASH_BYTES))
    return "head", None


def head_size(on: Audited) -> tuple[str, int | str | None]:
    on.sql("UPDATE head SET tree_size = tree_size + 1")
    return "head", None


def head_frontier_too_small(on: Audited) -> tuple[str, int | str | None]:
    on.sql("UPDATE head SET frontier = ?", Frontier().to_bytes())
    return "head", None


def head_frontier_unreadable(on: Audited) -> tuple[str, int | str | None]:
    on.sql("UPDATE head SET frontier = ?", b"\0")
    return "head", None


def head_too_large(on: Audited) -> tuple[str, int | str | None]:
    """Beyond all entries, and no loop runs so far."""
    huge = Frontier(2**52, (bytes(HASH_BYTES),))
    on.sql("UPDATE head SET tree_size = ?, frontier = ?", 2**52, huge.to_bytes())
    return "entries", on.ledger.entries()[-1].leaf_index + 1


def head_deleted(on: Audited) -> tuple[str, int | str | None]:
    on.sql("DELETE FROM head")
    return "head", None


def disclosure_replaced(on: Audited) -> tuple[str, int | str | None]:
    ((fields,),) = on.sql("SELECT fields FROM disclosures WHERE leaf_index = 41")
    kept = decode(bytes(fields))
    kept["case_number"][1] = "24-9999"
    on.sql("UPDATE disclosures SET fields = ? WHERE leaf_index = 41", encode(kept))
    return "disclosures", 41


def disclosure_without_commitment(on: Audited) -> tuple[str, int | str | None]:
    ((fields,),) = on.sql("SELECT fields FROM disclosures WHERE leaf_index = 41")
    kept = decode(bytes(fields))
    kept["subject"] = kept["reason"]
    on.sql("UPDATE disclosures SET fields = ? WHERE leaf_index = 41", encode(kept))
    return "disclosures", 41


def disclosure_that_is_none(on: Audited) -> tuple[str, int | str | None]:
    on.sql("UPDATE disclosures SET fields = ? WHERE leaf_index = 41", b'{"reason":["",1]} ')
    return "disclosures", 41


def disclosure_of_no_entry(on: Audited) -> tuple[str, int | str | None]:
    on.sql("INSERT INTO disclosures (leaf_index, fields) VALUES (?, ?)", 10_000, b"{}")
    return "disclosures", 10_000


def tail_truncated_and_rewritten(on: Audited) -> tuple[str, int | str | None]:
    size = on.size
    for table in ("entries", "disclosures"):
        on.sql(f"DELETE FROM {table} WHERE leaf_index >= ?", size - 2)
    on.rewrite_derived()
    return "checkpoints", size


def entry_rewritten_with_all_that_follows(on: Audited) -> tuple[str, int | str | None]:
    changed = on.entry(41).replace(b'"traffic"', b'"traffid"')
    on.sql("UPDATE entries SET entry = ? WHERE leaf_index = 41", changed)
    on.rewrite_derived()
    on.sql("UPDATE view_names SET name = 'traffid' WHERE name = 'traffic'")
    sizes = on.sql("SELECT tree_size FROM checkpoints WHERE tree_size > 41 ORDER BY tree_size")
    return "checkpoints", sizes[0][0]


def checkpoint_of_another_key(on: Audited) -> tuple[str, int | str | None]:
    ((size, note),) = on.sql("SELECT tree_size, note FROM checkpoints ORDER BY tree_size LIMIT 1")
    text, _ = parse_note(bytes(note))
    forged = sign(text, [Signer(ORIGIN, bytes([1]) * 32)])
    on.sql("UPDATE checkpoints SET note = ? WHERE tree_size = ?", forged, size)
    return "checkpoints", size


def checkpoint_under_another_size(on: Audited) -> tuple[str, int | str | None]:
    ((size,),) = on.sql("SELECT max(tree_size) FROM checkpoints")
    on.sql("UPDATE checkpoints SET tree_size = ? WHERE tree_size = ?", size - 1, size)
    return "checkpoints", size - 1


def view_row_changed(on: Audited) -> tuple[str, int | str | None]:
    on.sql("UPDATE view_uses SET state = 1 WHERE first = 41")
    return "view_uses", "first=41, since=41"


def view_row_deleted(on: Audited) -> tuple[str, int | str | None]:
    on.sql("DELETE FROM view_uses WHERE first = 41")
    return "view_uses", "first=41, since=41"


def view_row_added(on: Audited) -> tuple[str, int | str | None]:
    on.sql("INSERT INTO view_withdrawn_imports VALUES (1, 1)")
    return "view_withdrawn_imports", "import=1"


def last_view_row_deleted(on: Audited) -> tuple[str, int | str | None]:
    on.sql("DELETE FROM view_registered WHERE name = 'agencies/b'")
    return "view_registered", "name=agencies/b"


def view_name_changed(on: Audited) -> tuple[str, int | str | None]:
    ((number,),) = on.sql("SELECT id FROM view_names WHERE name = 'traffic'")
    on.sql("UPDATE view_names SET name = 'other' WHERE id = ?", number)
    return "view_names", f"id={number}"


def views_ahead(on: Audited) -> tuple[str, int | str | None]:
    on.sql("UPDATE view_position SET tree_size = tree_size + 1")
    return "view_position", None


def views_behind(on: Audited) -> tuple[str, int | str | None]:
    """The last report is in the views, and they say that it is not."""
    on.sql("UPDATE view_position SET tree_size = tree_size - 1")
    return "view_uses", f"first={on.size - 1}, since={on.size - 1}"


def views_without_position(on: Audited) -> tuple[str, int | str | None]:
    on.sql("DELETE FROM view_position")
    return "view_position", None


TAMPERINGS = [
    one_byte_of_an_entry,
    an_entry_that_is_none,
    stream_column,
    topic_column,
    version_column,
    last_entry_dropped,
    middle_entry_dropped,
    extra_entry,
    entry_before_the_first,
    entries_swapped,
    stream_out_of_order,
    leaf_hash_changed,
    tile_of_level_1,
    tile_row_dropped,
    tile_rows_overlapping,
    tile_row_beyond,
    tile_of_no_tree,
    head_root,
    head_size,
    head_frontier_too_small,
    head_frontier_unreadable,
    head_too_large,
    head_deleted,
    disclosure_replaced,
    disclosure_without_commitment,
    disclosure_that_is_none,
    disclosure_of_no_entry,
    tail_truncated_and_rewritten,
    entry_rewritten_with_all_that_follows,
    checkpoint_of_another_key,
    checkpoint_under_another_size,
    view_row_changed,
    view_row_deleted,
    view_row_added,
    last_view_row_deleted,
    view_name_changed,
    views_ahead,
    views_behind,
    views_without_position,
]
