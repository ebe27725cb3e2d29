"""Does an audit see every hand that was laid on the database, and only those?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.canonical_json import decode, encode
from ledger.store.audit import Finding, audit_ledger
from ledger.store.core import Published
from ledger.store.view_tables import LAYOUT
from ledger.store.view_writer import ViewWriter
from tests.ledgers import Ledger, Place, SqlitePlace
from tests.store.audited import Audited, report
from tests.store.tampering import TAMPERINGS, Tampering


@pytest.fixture
def audited(place: Place) -> Iterator[Audited]:
    audited = Audited(place)
    audited.live()
    yield audited
    # The next test empties the place, and these two rows have to be there for it.
    audited.sql("INSERT INTO head VALUES (0, 0, ?, ?) ON CONFLICT DO NOTHING", b"", b"")
    audited.sql("INSERT INTO view_position VALUES (0, 0, ?) ON CONFLICT DO NOTHING", LAYOUT)


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
    for erased, field in enumerate(("subject", "performer"), 1):
        del kept[field]
        audited.sql(
            "UPDATE disclosures SET fields = ? WHERE leaf_index = ?", encode(kept), row.leaf_index
        )
        found = audited.audit()

        assert erased == found.counts["erased"]
        assert ([] if field == "subject" else ["view_uses"]) == [one.what for one in found.findings]


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

    assert {"entries", "views", "view tables", "usage index"} == set(told_last)
    assert all(done == total for done, total in told_last.values())


def test_deleted_checkpoint_is_not_seen_and_said_so(audited: Audited) -> None:
    """Nothing in the database says that there was one; whoever kept a copy can."""
    audited.sql("DELETE FROM checkpoints WHERE tree_size > 4")
    found = audited.audit()

    assert found.good
    assert any("whether a checkpoint was deleted" in item for item in found.not_checked)


# --- what is not ----------------------------------------------------------------------
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
