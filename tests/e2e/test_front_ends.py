"""Several front-ends of one PostgreSQL ledger, side by side, each killed in turn: one ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from ledger.merkle import TileTree, verify_consistency
from ledger.store.core import LedgerStore
from ledger.store.postgres import PostgresStore
from ledger.tlog import VerifierKey, open_checkpoint
from tests.e2e.conftest import Place, run
from tests.e2e.front_ends import (
    FrontEnd,
    head,
    make_keys,
    register,
    report_again,
    writers,
)
from tests.e2e.witnessed import eventually

COUNT = 3


@pytest.fixture
def front_ends(tmp_path: Path, postgres_url: str) -> Iterator[list[FrontEnd]]:
    """Three that run, in directories where there was nothing but keys."""
    keys = make_keys(tmp_path / "secret")
    environment = {
        "CANDOUR_DATABASE_URL": postgres_url,
        # Each commits roots of the usage index, as in a deployment: they race for that, too.
        "CANDOUR_INDEX_EVERY": "1",
    }
    started = [FrontEnd(tmp_path / f"f{n}", keys, environment) for n in range(COUNT)]
    try:
        yield [one.start() for one in started]
    finally:
        for one in started:
            one.kill()


def check_published(store: LedgerStore, key: VerifierKey) -> int:
    """Each two neighbours of all published checkpoints are consistent; returns how many there are."""
    signed = [
        open_checkpoint(row.note, [key]).checkpoint for row in store.checkpoint_rows(-1, 10_000)
    ]
    for older, newer in pairwise(signed):
        assert older.tree_size < newer.tree_size
        if not older.tree_size:  # every tree extends it, and there is no proof
            continue
        proof = TileTree(newer.tree_size, store.read_tile).consistency_proof(older.tree_size)
        sizes = {"old_size": older.tree_size, "new_size": newer.tree_size}
        verify_consistency(old_root=older.root, new_root=newer.root, proof=proof, **sizes)
    return len(signed)


@pytest.mark.timeout(600)
def test_killed_and_ended_in_turn(
    front_ends: list[FrontEnd], postgres_url: str, tmp_path: Path
) -> None:
    """Nothing acknowledged is lost or doubled, and all of them go on with one tree and its views."""
    register(front_ends[0].grpc)
    with writers([one.grpc for one in front_ends], tmp_path) as load:
        load.await_more()
        for one in front_ends:
            one.kill()
            load.await_more()  # by the others
            one.start()
        front_ends[0].running.stop()  # SIGTERM: it ends cleanly, or this raises
        assert 0 == front_ends[0].running.process.returncode  # type: ignore[union-attr]
        front_ends[0].start()
        load.await_more()
        placed = load.end()
    assert len(placed) == len(set(placed.values()))
    for one in front_ends:  # a retry elsewhere gets the receipt that another front-end gave
        assert placed == report_again(one.grpc, list(placed))

    for one in front_ends:
        place = Place(one.data, postgres_url, one.running)
        counts = eventually(
            lambda place=place: place.json("uses", "summary", "--by", "agency"),  # type: ignore[misc]  # mypy infers no lambda with a default
            lambda found: sum(row["count"] for row in found) >= len(placed),
        )
        assert [len(placed)] == [row["count"] for row in counts]
    # Page by page, though none of them says when it was.
    assert len(placed) == len(place.json("uses", "list"))
    with closing(PostgresStore(postgres_url)) as store:
        key = VerifierKey.parse((front_ends[0].data / "main.vkey").read_text().strip())
        assert 1 < check_published(store, key)
        size = store.head().tree_size
        assert [size] == list({head(one.grpc) for one in front_ends})
    done = run("candour", "audit", "--data", front_ends[1].data, "--database-url", postgres_url)
    assert 0 == done.exit_code, done.out + done.err
