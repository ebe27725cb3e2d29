"""Does the audit of a directory find what its ledgers, or it, were made to say otherwise?"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.directory import listing_entry, listing_stream
from ledger.entry import Entry, encode_entry
from ledger.events import AgencyRegistered, CheckpointPublished
from ledger.limits import DIRECTORY_LAG_S
from ledger.merkle import root_at
from ledger.store.audit_directory import AuditedLedger, DirectoryReport, audit_directory
from ledger.store.core import NewEntry
from ledger.times import full_text_of_us
from ledger.tlog import Checkpoint, Equivocation, sign_checkpoint
from services.runtime.settings import Settings
from tests.services.directory.deployment import LEDGERS, Deployment, Open

LATER_US = DIRECTORY_LAG_S * 1_000_000 * 10  # test ledgers publish at the time of their size


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Open]:
    """Two ledgers, several sizes of which are listed."""
    with Deployment(Settings(data=tmp_path, ledgers=LEDGERS)).open() as found:
        found.grow("main", 0, 3, 300, 301)
        found.grow("court", 0, 2)
        found.list_new()
        yield found


def audited(running: Open, *, now_us: int = LATER_US, without: str = "") -> DirectoryReport:
    hosts = [running.hosted(name) for name in LEDGERS if name != without]
    keys = running.directory.keys
    return audit_directory(
        running.directory.store,
        [
            AuditedLedger(
                host.name, host.keys.origin, host.store, host.keys.checkpoint.verifier_key
            )
            for host in hosts
        ],
        origin=keys.origin,
        key=keys.checkpoint.verifier_key,
        now_us=now_us,
    )


def now(running: Open) -> str:
    return full_text_of_us(running.directory.log.clock_us())


def said(report: DirectoryReport) -> list[str]:
    return [item["sentence"] for item in report.to_object()["findings"]]


def execute(running: Open, name: str, statement: str) -> None:
    """Somebody with all rights on a database does this."""
    path = running.hosted(name).settings.data / f"{name}.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        assert 0 < connection.execute(statement).rowcount


def sign(running: Open, name: str, size: int, root: bytes) -> bytes:
    keys = running.hosted(name).keys
    return sign_checkpoint(Checkpoint(keys.origin, size, root), keys.checkpoint)


def put(running: Open, note: bytes, *, version: int) -> None:
    """An entry that the follower would not make."""
    origin = note.decode().partition("\n")[0]
    entry = listing_entry(
        note, version=version, directory=running.directory.keys.origin, recorded_at=now(running)
    )
    topic = CheckpointPublished.TOPIC
    running.directory.store.append([NewEntry.of(listing_stream(origin), version, topic, entry)])


def test_true_directory_is_good(running: Open) -> None:
    """Every listing of every ledger, and nothing missing."""
    report = audited(running)

    assert report.good, said(report)
    assert [4, 2] == [check.listed for check in report.ledgers]
    assert [301, 2] == [item["newest"] for item in report.to_object()["ledgers"]]


def test_new_checkpoint_may_wait(running: Open) -> None:
    """Within DIRECTORY_LAG_S; after that it is missing, and a hole is missing at once."""
    running.grow("main", 400)
    assert audited(running, now_us=400).good
    assert ["published size 400, which is not listed"] == said(audited(running))


def test_changed_entry_of_a_ledger(running: Open) -> None:
    """All sizes that cover it have another root than is listed."""
    execute(running, "main", "UPDATE entries SET entry = x'00' WHERE leaf_index = 100")
    found = "lists another root for size {} than the ledger's entries give"
    assert [found.format(300), found.format(301)] == said(audited(running))


def test_deleted_checkpoint_of_a_ledger(running: Open) -> None:
    """The ledger's own audit cannot know of it."""
    execute(running, "main", "DELETE FROM checkpoints WHERE tree_size = 300")
    assert ["lists size 300, which the ledger keeps no checkpoint of"] == said(audited(running))


def test_checkpoint_put_in_between(running: Open) -> None:
    """Below what is listed, there is nothing that waits to be listed."""
    note = sign(running, "main", 200, root_at(200, running.hosted("main").store.read_tile))
    path = running.hosted("main").settings.data / "main.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO checkpoints VALUES (200, ?, ?)", (LATER_US * 2, note))
    assert ["published size 200, which is not listed"] == said(audited(running))


def test_two_roots_for_one_size(running: Open) -> None:
    """What was published is not what is listed: the pair of notes convicts the key."""
    other = sign(running, "court", 2, b"x" * 32)
    path = running.hosted("court").settings.data / "court.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE checkpoints SET note = ? WHERE tree_size = 2", (other,))
    report = audited(running)

    assert [
        "lists another root for size 2 than the ledger published; both are signed by its key"
    ] == (said(report))
    (text,) = report.to_object()["equivocations"]
    key = running.hosted("court").keys.checkpoint.verifier_key
    found = Equivocation.parse(text.encode(), [key])
    assert 2 == found.older.checkpoint.tree_size == found.newer.checkpoint.tree_size


def test_fork_that_was_listed(running: Open) -> None:
    """A listed root that the ledger's newest checkpoint contradicts convicts, sizes apart."""
    running.grow("court", 5)
    version = len(running.listings("court")) + 1
    put(running, sign(running, "court", 4, b"x" * 32), version=version)
    running.grow("court", 9)
    running.list_new()
    report = audited(running)

    (found,) = report.ledgers[1].equivocations
    assert {4, 9} == {found.older.checkpoint.tree_size, found.newer.checkpoint.tree_size}
    found.check()
    assert "lists another root for size 4 than the ledger's entries give" in said(report)


def test_listing_taken_out_of_the_directory(running: Open) -> None:
    """Its own audit says that an entry is gone."""
    execute(running, "directory", "DELETE FROM entries WHERE leaf_index = 2")
    report = audited(running)

    assert not report.log.good
    assert any("is missing" in sentence for sentence in said(report))


def test_foreign_entries(running: Open) -> None:
    """A directory holds listings of others, and nothing else."""
    fact = AgencyRegistered(agency="agencies/a", name="A")
    keys = running.directory.keys
    entry = encode_entry(
        Entry(
            topic=fact.TOPIC,
            stream="agency/a",
            version=1,
            event=fact.to_object(),
            protected={},
            origin=keys.origin,
            recorded_at=now(running),
            reporter="x",
            capture="live",
        )
    )
    running.directory.store.append([NewEntry.of("agency/a", 1, fact.TOPIC, entry)])
    own = sign_checkpoint(Checkpoint(keys.origin, 1, bytes(32)), keys.checkpoint)
    put(running, own, version=1)

    assert ["is no listing, and stands in a directory", "is a listing of the directory itself"] == (
        said(audited(running))
    )


def test_ledger_that_is_not_at_hand(running: Open) -> None:
    """It is said to be unchecked; what the directory says of itself is checked all the same."""
    origin = running.hosted("court").keys.origin
    report = audited(running, without="court")
    assert report.good
    assert f"{origin}: it is listed, and its database is not here" in report.not_checked

    put(running, sign(running, "court", 1, bytes(32)), version=len(running.listings("court")) + 1)
    assert not audited(running, without="court").good


def test_swapped_ledgers(running: Open) -> None:
    """Each held to the other's listings: nothing fits."""
    main, court = (running.hosted(name) for name in LEDGERS)
    swapped = [
        AuditedLedger(one.name, one.keys.origin, other.store, one.keys.checkpoint.verifier_key)
        for one, other in ((main, court), (court, main))
    ]
    keys = running.directory.keys
    report = audit_directory(
        running.directory.store,
        swapped,
        origin=keys.origin,
        key=keys.checkpoint.verifier_key,
        now_us=LATER_US,
    )
    assert all(check.differences for check in report.ledgers)


def test_ledger_that_nobody_listed(running: Open) -> None:
    """A ledger at hand of which nothing is listed: all it has published is missing."""
    court = running.hosted("court")
    origin = court.keys.origin.replace("court", "third")
    keys = running.directory.keys
    report = audit_directory(
        running.directory.store,
        [AuditedLedger("third", origin, court.store, None)],
        origin=keys.origin,
        key=None,
        now_us=LATER_US,
    )
    assert ["published size 0, which is not listed", "published size 2, which is not listed"] == [
        item.sentence for item in report.ledgers[0].findings
    ]
