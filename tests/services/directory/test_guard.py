"""Does a ledger notice, by its directory alone, that it was set back, swapped or deleted?"""

from __future__ import annotations

import pytest

from ledger.directory import listing_entry, listing_stream
from ledger.errors import CandourError
from ledger.events import CheckpointPublished
from ledger.limits import MAX_LEDGERS
from ledger.store.core import NewEntry, StoreMismatch
from ledger.tlog import Checkpoint, Signer, sign_checkpoint
from services.runtime.refusals import Damaged, DirectoryLost, HistoryLost
from services.runtime.settings import Settings
from tests.services.directory.deployment import Deployment


def refused(deployment: Deployment) -> CandourError:
    """Why it does not start."""
    try:
        with deployment.open():
            pass
    except CandourError as error:
        return error
    raise AssertionError("it started")


def test_ledger_set_back_is_refused(deployment: Deployment) -> None:
    """An old backup of the ledgers does not start, though no witness ever signed."""
    deployment.begin(main=5, court=3)
    copy = deployment.backup("ledgers")
    with deployment.open() as running:
        running.grow("main", 7)
        running.list_new()
    deployment.restore("ledgers", copy)
    lost = refused(deployment)

    assert isinstance(lost, HistoryLost)
    assert ("main", 7, 5) == (lost.ledger, lost.signed_size, lost.tree_size)


def test_ledger_that_grew_on_is_refused(deployment: Deployment) -> None:
    """Other entries in place of those that are gone do not help: the root is another."""
    deployment.begin(main=5)
    copy = deployment.backup("ledgers")
    with deployment.open() as running:
        running.grow("main", 7)
        running.list_new()
    deployment.restore("ledgers", copy)
    directory_at = deployment.settings.directory_at
    deployment.settings = Settings(
        data=deployment.settings.data,
        database_url=deployment.settings.database_url,
        ledgers=("main",),
        directory=False,
    )
    with deployment.open() as alone:
        hosted = alone.hosted("main")
        entries = [NewEntry.of(f"x/{number}", 1, "t.v1", b"%d" % number) for number in range(4)]
        hosted.store.append(entries)
    deployment.settings = Settings(
        data=deployment.settings.data,
        database_url=deployment.settings.database_url,
        ledgers=("main",),
        directory_at=directory_at,
    )
    lost = refused(deployment)

    assert isinstance(lost, HistoryLost)
    assert (7, 9) == (lost.signed_size, lost.tree_size)


def test_deleted_ledger_is_refused(deployment: Deployment) -> None:
    """Whoever deletes a ledger's database does not get a new one under its key."""
    deployment.begin(main=5)
    deployment.forget("main")
    lost = refused(deployment)

    assert isinstance(lost, HistoryLost)
    assert (5, 0) == (lost.signed_size, lost.tree_size)


def test_directory_set_back_is_refused(deployment: Deployment) -> None:
    """The ledgers noted where they are listed, and an old directory does not have that."""
    deployment.begin(main=1)
    copy = deployment.backup("directory")
    with deployment.open() as running:
        running.grow("main", 2)
        running.list_new()
        noted = running.listings("main")[-1].leaf_index + 1
    deployment.restore("directory", copy)
    lost = refused(deployment)

    assert isinstance(lost, DirectoryLost)
    assert ("main", noted) == (lost.ledger, lost.noted_size)


def test_all_set_back_together_starts(deployment: Deployment) -> None:
    """What the directory cannot see, and witnesses must: everything is of one old day."""
    deployment.begin(main=1)
    copies = {what: deployment.backup(what) for what in ("ledgers", "directory")}
    with deployment.open() as running:
        running.grow("main", 2)
        running.list_new()
    for what, copy in copies.items():
        deployment.restore(what, copy)
    with deployment.open() as running:
        assert 1 == running.hosted("main").store.head().tree_size


def test_set_back_while_it_runs_halts_that_ledger(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It signs and appends nothing more; the other one goes on."""
    deployment.begin(main=3, court=3)
    with deployment.open() as running:
        hosted = running.hosted("main")
        older = hosted.store.head()
        running.grow("main", 5)
        running.list_new()
        guards = {item.name: item.guard for item in running.house.ledgers}
        monkeypatch.setattr(hosted.store, "head", lambda: older)
        assert guards["main"] is not None
        assert guards["court"] is not None
        with pytest.raises(HistoryLost):
            guards["main"].check()
        with pytest.raises(HistoryLost):
            hosted.log.append([])
        guards["court"].check()
        running.hosted("court").log.append([])


def test_only_its_own_word_stops_a_ledger(deployment: Deployment) -> None:
    """A listing that its key did not sign is damage of the directory, not a lost history."""
    deployment.begin(main=3)
    with deployment.open() as running:
        origin, directory = running.hosted("main").keys.origin, running.directory
        forged = sign_checkpoint(Checkpoint(origin, 99, bytes(32)), Signer(origin, bytes(32)))
        version = len(running.listings("main")) + 1
        entry = listing_entry(
            forged,
            version=version,
            directory=directory.keys.origin,
            recorded_at="2026-11-18T00:00:00.000000Z",
        )
        new = NewEntry.of(listing_stream(origin), version, CheckpointPublished.TOPIC, entry)
        directory.store.append([new])
    damaged = refused(deployment)

    assert isinstance(damaged, Damaged)
    assert "what the directory lists of ledger main" in str(damaged)


# --- swaps --------------------------------------------------------------------------------
def test_swapped_databases_are_refused(together: Deployment) -> None:
    """Each was begun with the other's keys."""
    together.begin(main=4, court=4)
    together.swap()
    assert isinstance(refused(together), StoreMismatch)


def test_swapped_databases_and_keys_are_refused(together: Deployment) -> None:
    """With the keys it fits, and is another ledger than the name says."""
    together.begin(main=4, court=4)
    together.swap()
    together.swap_keys()
    mismatch = refused(together)

    assert isinstance(mismatch, StoreMismatch)
    assert "is that of ledger" in str(mismatch)


def test_swapped_tiles_are_refused(together: Deployment) -> None:
    """They do not lead to the head, whatever their size."""
    together.begin(main=300, court=300)
    together.swap(tables=("tile_hashes",))
    assert isinstance(refused(together), Damaged)


def test_swapped_trees_are_refused(together: Deployment) -> None:
    """Head and tiles agree then, and are not what the ledger has published."""
    together.begin(main=4, court=4)
    together.swap(tables=("entries", "tile_hashes", "head"))
    assert isinstance(refused(together), HistoryLost)


def test_swapped_ledgers_under_their_names_are_refused(together: Deployment) -> None:
    """Everything but the name plate: the checkpoints are not signed by the ledger's key."""
    together.begin(main=4, court=4)
    together.swap(tables=("entries", "tile_hashes", "head", "checkpoints"))
    mismatch = refused(together)

    assert isinstance(mismatch, StoreMismatch)
    assert "is not signed by its key" in str(mismatch)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("main", "directory"), "the log that lists the others"),
        (("main", "main"), "each ledger once"),
        (("../main",), "letters, digits"),
        (tuple(f"l{number}" for number in range(MAX_LEDGERS + 1)), "at most"),
    ],
)
def test_names_that_cannot_be(names: tuple[str, ...], reason: str) -> None:
    """Nothing is opened under a name that is the directory's, twice, a path, or one too many."""
    with pytest.raises(CandourError, match=reason):
        Settings(ledgers=names).check_names()
