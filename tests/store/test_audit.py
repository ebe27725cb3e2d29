"""Does an audit see every hand that was laid on the database, and only those?"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.canonical_json import decode, encode
from ledger.commands import Performer, ReportToolUse
from ledger.events import Occurred, ToolUseReported
from ledger.limits import TILE_WIDTH
from ledger.merkle import HASH_BYTES, Frontier, leaf_hash, new_tiles
from ledger.store.audit import AuditReport, Finding, audit_ledger
from ledger.store.core import Published
from ledger.store.view_writer import ViewWriter
from ledger.tlog import Signer, parse_note, sign
from tests import strategies as told
from tests.ledgers import ORIGIN, SIGNER, Ledger, Place, PostgresPlace, SqlitePlace

REPORTS = 270  # more than a tile of leaves


def report(number: int) -> ReportToolUse:
    return ReportToolUse(
        use=ToolUseReported(
            agency=told.AGENCIES[number % 2],
            technology=told.TECHNOLOGIES[number % 3],
            occurred=Occurred(earliest=f"2026-01-01T00:{number % 60:02}:00Z"),
            unit="traffic" if number % 5 else None,
        ),
        source="sources/s",
        source_event_id=str(number),
        capture="backfill",
        performer=Performer(user_id=f"user {number % 7}"),
        protected={"case_number": f"24-{number:04}", "reason": "Überprüfung"},
    )


class Audited:
    """A ledger with a past, its views, and a hand with all rights on its database."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.store, self.views = place.begin()
        self.ledger = Ledger(self.store)

    def live(self) -> None:
        """Reports in commits of many sizes, changes to some, checkpoints in between."""
        self.ledger.tell([told.Declare(0), told.Alias("technologies/t", "technologies/w")])
        self.publish()
        for start in range(0, REPORTS, 45):
            batch = [report(number) for number in range(start, start + 45)]
            self.ledger.tell([told.Report(tuple(batch[:1])), told.Report(tuple(batch[1:]), 0)])
        self.publish()
        self.ledger.tell(
            [
                told.Withdraw(3),
                told.Link(4, "authorizations/k"),
                told.Foreign(4),
                told.Link(4, "authorizations/l"),
                told.SameAs(5, 6),
                told.Report((report(1_000),)),
            ]
        )
        self.publish()
        self.fold()

    @property
    def size(self) -> int:
        return self.store.head().tree_size

    def publish(self) -> None:
        head = self.store.head()
        note = self.ledger.log.checkpoint(head)
        self.store.publish(Published(head.tree_size, note, self.ledger.now_us()))

    def fold(self) -> None:
        ViewWriter(self.views, self.store).catch_up(batch=50)

    def audit(self) -> AuditReport:
        return audit_ledger(self.store, self.views, vkey=SIGNER.verifier_key, origin=ORIGIN)

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Run one statement, `?` for each value; a statement on views names one (`view_…`)."""
        if isinstance(self.place, PostgresPlace):
            with psycopg.connect(self.place.url) as connection:
                connection.execute("SET search_path = candour_main")
                done = connection.execute(statement.replace("?", "%s").encode(), values)
                return done.fetchall() if done.description else []
        assert isinstance(self.place, SqlitePlace)
        path = self.place.views if "view_" in statement else self.place.path
        file = sqlite3.connect(path)
        try:
            with file:
                return file.execute(statement, values).fetchall()
        finally:
            file.close()

    def entry(self, leaf_index: int) -> bytes:
        ((entry,),) = self.sql("SELECT entry FROM entries WHERE leaf_index = ?", leaf_index)
        return bytes(entry)

    def rewrite_derived(self) -> None:
        """Make tiles and head anew from the entries that are there, as an insider could."""
        rows = self.sql("SELECT entry FROM entries ORDER BY leaf_index")
        frontier, tiles = new_tiles(Frontier(), [leaf_hash(bytes(entry)) for (entry,) in rows])
        self.sql("DELETE FROM tile_hashes")
        for tile in tiles:
            row = (tile.level, tile.index, tile.offset, tile.hashes)
            self.sql("INSERT INTO tile_hashes VALUES (?, ?, ?, ?)", *row)
        self.sql(
            "UPDATE head SET tree_size = ?, root = ?, frontier = ?",
            *(frontier.size, frontier.root(), frontier.to_bytes()),
        )


@pytest.fixture
def audited(place: Place) -> Audited:
    audited = Audited(place)
    audited.live()
    return audited


# --- what is good ---------------------------------------------------------------------
def test_good_ledger_passes(audited: Audited) -> None:
    """Nothing is found, everything is counted, and what was not checked is said."""
    found = audited.audit()

    assert [] == found.findings
    assert found.good
    assert audited.size == found.tree_size == found.counts["entries"]
    assert audited.size == found.counts["views_tree_size"]
    assert audited.size + 1 == found.counts["tile_hashes"]
    assert 3 == found.counts["checkpoints"]
    assert 1 == found.counts["unread"], "the foreign entry is counted, not passed over"
    assert 0 == found.counts["erased"]
    assert "deleted" in found.not_checked[0]


def test_empty_ledger_passes(place: Place) -> None:
    """A ledger without entries has a head, a root and views too."""
    empty = Audited(place)
    empty.publish()

    assert [] == empty.audit().findings


def test_views_behind_are_compared_as_far_as_they_reach(audited: Audited) -> None:
    """Views that lag are no difference: they are compared at their own position."""
    lagging = audited.size
    audited.ledger.report(report(2_000))
    found = audited.audit()

    assert [] == found.findings
    assert lagging == found.counts["views_tree_size"]


def test_erased_values_are_counted(audited: Audited) -> None:
    """An erased value is no difference, unless a view still shows it."""
    (row,) = audited.store.read_entries(audited.size - 1, 1, with_disclosures=True)
    kept = decode(row.disclosures or b"")
    for erased, field in enumerate(("reason", "performer"), 1):
        del kept[field]
        audited.sql(
            "UPDATE disclosures SET fields = ? WHERE leaf_index = ?", encode(kept), row.leaf_index
        )
        found = audited.audit()

        assert erased == found.counts["erased"]
        assert ([] if field == "reason" else ["view_uses"]) == [one.what for one in found.findings]


def test_progress_is_told(audited: Audited) -> None:
    """Each stage ends where it said it would."""
    told_last: dict[str, tuple[int, int]] = {}
    audit_ledger(
        audited.store,
        audited.views,
        vkey=None,
        origin=None,
        progress=lambda stage, done, total: told_last.__setitem__(stage, (done, total)),
    )

    assert {"entries", "views", "view tables"} == set(told_last)
    assert all(done == total for done, total in told_last.values())


def test_deleted_checkpoint_is_not_seen_and_said_so(audited: Audited) -> None:
    """Nothing in the database says that there was one; whoever kept a copy can."""
    audited.sql("DELETE FROM checkpoints WHERE tree_size > 4")
    found = audited.audit()

    assert found.good
    assert any("whether a checkpoint was deleted" in item for item in found.not_checked)


# --- what is not ----------------------------------------------------------------------
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
    for table in ("entries", "disclosures"):
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


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda tamper: tamper.__name__)
def test_tampering_is_named(audited: Audited, tamper: Tampering) -> None:
    """Whatever is done to the database is found, and its place is named."""
    what, where = tamper(audited)
    found = audited.audit()

    assert not found.good
    assert (what, where) in [(one.what, one.where) for one in found.findings]
    assert "24-9999" not in str(found.to_object()), "no finding quotes a protected value"


@pytest.fixture
def audited_file(tmp_path: Path) -> Iterator[Audited]:
    place = SqlitePlace(tmp_path)
    audited = Audited(place)
    audited.live()
    yield audited
    place.close()


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE entries SET stream = CAST(x'7fff' AS TEXT) WHERE leaf_index = 41", "entries"),
        ("UPDATE entries SET entry = 'text' WHERE leaf_index = 41", "entries"),
        ("UPDATE entries SET version = 'text' WHERE leaf_index = 41", "entries"),
        ("UPDATE tile_hashes SET hashes = 'text' WHERE level = 1", "tile_hashes"),
        ("UPDATE tile_hashes SET level = 'text' WHERE level = 1", "tile_hashes"),
        ("UPDATE tile_hashes SET tile = 'text' WHERE level = 1", "tile_hashes"),
        ("UPDATE head SET tree_size = 'text'", "head"),
        ("UPDATE head SET root = 'text'", "head"),
        ("UPDATE head SET frontier = 'text'", "head"),
        ("UPDATE disclosures SET fields = 'text' WHERE leaf_index = 41", "disclosures"),
        ("UPDATE checkpoints SET note = 'text' WHERE tree_size > 41", "checkpoints"),
        ("UPDATE view_uses SET first = 'text' WHERE first = 41", "view_uses"),
        ("UPDATE view_uses SET vague = 5 WHERE first = 41", "view_uses"),
        ("UPDATE view_names SET name = CAST(x'7fff' AS TEXT) WHERE id = 3", "view_names"),
        ("UPDATE view_position SET tree_size = 'text'", "view_position"),
    ],
)
def test_value_of_another_type_is_named(audited_file: Audited, statement: str, what: str) -> None:
    """SQLite lets any value into any column; an audit names it and does not stumble."""
    audited_file.sql(statement)

    assert what in [one.what for one in audited_file.audit().findings]


def test_many_differences_are_counted(audited: Audited) -> None:
    """The first ones are kept, all are counted."""
    audited.sql("UPDATE entries SET topic = 'other' WHERE leaf_index >= 100")
    found = audited.audit()

    assert (
        Finding("entries", 100, "the column topic is not what the entry says")
        == (found.findings[0])
    )
    assert audited.size - 100 <= found.differences
    assert len(found.findings) < 50


def test_audit_while_the_server_writes(audited: Audited) -> None:
    """Commits, checkpoints and views that come in meanwhile raise no false alarm."""
    stop, failed = threading.Event(), list[Exception]()
    other = Ledger(audited.place.open(), seed=1)
    views = audited.place.engine()

    def write() -> None:
        try:
            projector, number = ViewWriter(views, other.store), 10_000
            while not stop.is_set():
                other.report(*(report(number + i) for i in range(1 + number % 300)))
                head = other.store.head()
                note = other.log.checkpoint(head)
                other.store.publish(Published(head.tree_size, note, other.now_us()))
                if number % 3:
                    projector.catch_up(batch=100)
                number += 301
        except Exception as error:  # noqa: BLE001  it is shown below
            failed.append(error)

    writer = threading.Thread(target=write)
    before = audited.size
    writer.start()
    try:
        reports = [audited.audit() for _ in range(8)]
    finally:
        stop.set()
        writer.join()

    assert [] == failed
    assert [] == [finding for one in reports for finding in one.findings]
    assert before < audited.size, "it did grow meanwhile"
