"""All that one can do to entries, with and without rewriting everything that follows from them.

entries changed ──alone──► audit: the tiles
                ├─ tiles, head, views made anew ──► audit: a published checkpoint
                └─ checkpoints deleted too, a new one signed ──► the witness that cosigned before: 422
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.merkle import Frontier, leaf_hash, new_tiles
from ledger.tlog import Checkpoint, Submission, sign_checkpoint
from tests.ledgers import ORIGIN, SIGNER, Place
from tests.services.witness.harness import served
from tests.store.audited import Audited

AT = 41
Attack = Callable[[Audited], None]


def change(on: Audited) -> None:
    changed = on.entry(AT).replace(b'"traffic"', b'"traffid"')
    assert changed != on.entry(AT)
    on.sql("UPDATE entries SET entry = ? WHERE leaf_index = ?", changed, AT)


def drop(on: Audited) -> None:
    on.sql("DELETE FROM entries WHERE leaf_index = ?", AT)
    on.sql("DELETE FROM disclosures WHERE leaf_index = ?", AT)
    shift(on, AT + 1, -1)


def insert(on: Audited) -> None:
    shift(on, AT, 1)
    forged = on.entry(AT - 1).replace(b"tool_use/0", b"tool_use/f")
    row = ("tool_use/f", 1, "tool_use.reported.v1", forged)
    on.sql("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", AT, *row)


def duplicate(on: Audited) -> None:
    shift(on, AT, 1)
    row = ("tool_use/twice", 1, "tool_use.reported.v1", on.entry(AT + 1))
    on.sql("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", AT, *row)


def reorder(on: Audited) -> None:
    for table in ("entries", "disclosures"):
        for old, new in ((AT, -1), (AT + 19, AT), (-1, AT + 19)):
            on.sql(f"UPDATE {table} SET leaf_index = ? WHERE leaf_index = ?", new, old)


def truncate(on: Audited) -> None:
    for table in ("entries", "disclosures"):
        on.sql(f"DELETE FROM {table} WHERE leaf_index >= ?", on.size - 2)


def shift(on: Audited, start: int, by: int) -> None:
    """Move all entries from `start` on; by way of negative indexes, which nobody has."""
    for table in ("entries", "disclosures"):
        where = f"UPDATE {table} SET leaf_index = -10 - leaf_index - ? WHERE leaf_index >= ?"
        on.sql(where, by, start)
        on.sql(f"UPDATE {table} SET leaf_index = -10 - leaf_index WHERE leaf_index <= -10")


ATTACKS = [change, drop, insert, duplicate, reorder, truncate]


@pytest.fixture
def audited(place: Place) -> Audited:
    on = Audited(place)
    on.live()
    return on


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_entries_alone(audited: Audited, attack: Attack) -> None:
    """The leaf hashes and tiles say what stood there."""
    attack(audited)
    found = {one.what for one in audited.audit().findings}

    assert {"tile_hashes", "entries"} & found, found


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_with_all_that_follows(audited: Audited, attack: Attack) -> None:
    """Tiles, head and views are those of the entries now; a checkpoint published before is not."""
    size = audited.size
    attack(audited)
    audited.rewrite_derived()
    found = audited.audit().findings

    said = [one for one in found if one.what == "checkpoints"]
    assert said, found
    assert ("entries up to there give another root" in said[0].sentence) or (
        attack is truncate and said[0].where == size
    )


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_with_the_key_and_without_checkpoints(
    audited: Audited, attack: Attack, tmp_path: Path
) -> None:
    """Nothing in the database shows it any more; a witness that cosigned before refuses what comes next."""
    with served(tmp_path / "w", [SIGNER.verifier_key]) as server:
        assert 200 == server.service.add_checkpoint(submission(audited, 0)).status
        old = audited.size
        attack(audited)
        audited.sql("DELETE FROM checkpoints")
        audited.rewrite_derived()
        answer = server.service.add_checkpoint(submission(audited, min(old, audited.size)))

    assert answer.status in (409, 422), answer
    if audited.size > old:
        assert b"proof leads to another old root" in answer.body


def submission(on: Audited, old: int) -> bytes:
    """What whoever holds the key and the database sends to a witness."""
    head = on.store.head()
    note = sign_checkpoint(Checkpoint(ORIGIN, head.tree_size, head.root), SIGNER)
    proof = (
        ()
        if old in (0, head.tree_size)
        else on.ledger.log.tree(head.tree_size).consistency_proof(old)
    )
    return Submission(old, tuple(proof), note).marshal()


def test_leaf_hash_and_all_tiles_above(audited: Audited) -> None:
    """Consistent among themselves, and not with the entry: the audit hashes the entry."""
    rows = audited.sql("SELECT entry FROM entries ORDER BY leaf_index")
    hashes = [leaf_hash(bytes(entry)) for (entry,) in rows]
    hashes[AT] = leaf_hash(b"another")
    frontier, tiles = new_tiles(Frontier(), hashes)
    audited.sql("DELETE FROM tile_hashes")
    for tile in tiles:
        row = (tile.level, tile.index, tile.offset, tile.hashes)
        audited.sql("INSERT INTO tile_hashes VALUES (?, ?, ?, ?)", *row)
    audited.sql("UPDATE head SET root = ?, frontier = ?", frontier.root(), frontier.to_bytes())
    found = [(one.what, one.where) for one in audited.audit().findings]

    assert ("tile_hashes", AT) in found
    assert ("head", None) in found


def test_forged_register(audited: Audited) -> None:
    """A name that stands for something else: in the views it is named, in the entries it is a change."""
    ((at, entry),) = audited.sql(
        "SELECT leaf_index, entry FROM entries WHERE stream = 'agency/b' AND version = 1"
    )
    forged = bytes(entry).replace(b"AGENCIES/B", b"AGENCIES/C")
    assert forged != bytes(entry)
    audited.sql("DELETE FROM view_registered WHERE name = 'agencies/b'")
    assert ("view_registered", "name=agencies/b") in [
        (one.what, one.where) for one in audited.audit().findings
    ]
    audited.sql("UPDATE entries SET entry = ? WHERE leaf_index = ?", forged, at)
    audited.rewrite_derived()

    assert "checkpoints" in {one.what for one in audited.audit().findings}
