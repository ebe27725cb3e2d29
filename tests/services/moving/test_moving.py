"""Does a move end well from wherever it was broken off, and is there never more than one place?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from ledger.merkle import leaf_hash
from ledger.store.copied import NOT_SERVABLE
from ledger.store.core import NewEntry, Placed
from ledger.store.moved import LedgerMoved, NotSealed
from ledger.store.postgres import PostgresStore
from ledger.store.postgres_copy import NotACopy, TableUnknown
from services.moving.moving import CopyDiffers, Moved, Moving, abort, move
from services.moving.placed import placed
from services.moving.places import PlaceTaken
from services.publisher.publisher import publish
from services.runtime.hosting import Hosted, open_ledger
from services.runtime.refusals import NotServable
from services.runtime.settings import Settings
from tests.ledgers import Ledger, numbered
from tests.postgres import create_database, drop_database

USES = 60
STEPS = ("copy", "seal", "the rest", "hand over", "open the copy", "")  # "": after all of it
_RUN = """
import os, sys
from services.moving.moving import Moving, move

def say(step):
    if step == sys.argv[1]:
        os._exit(9)

move(Moving(ledger="main", source_url=os.environ["A"], target_url=os.environ["B"], source_name="a",
            target_name="b", say=say, progress=lambda *_: None))
os._exit(9)
"""


@pytest.fixture(scope="module")
def databases(postgres_server: str) -> Iterator[tuple[str, str]]:
    made = create_database(postgres_server), create_database(postgres_server)
    yield made
    for one in made:
        drop_database(postgres_server, one)


@pytest.fixture
def urls(databases: tuple[str, str]) -> tuple[str, str]:
    """Two databases, without a ledger."""
    for one in databases:
        with psycopg.connect(one) as connection:
            connection.execute("DROP SCHEMA IF EXISTS candour_main CASCADE")
    return databases


@pytest.fixture
def began(urls: tuple[str, str], tmp_path: Path) -> Hosted:
    """A ledger in the first, published, as a server leaves it."""
    hosted = opened(tmp_path, urls[0])
    ledger = ledger_of(hosted)
    ledger.register_agencies()
    ledger.report(*(numbered(n) for n in range(USES)))
    publish(hosted, -1)
    hosted.close()
    return hosted


def opened(data: Path, url: str) -> Hosted:
    return open_ledger(Settings(data=data, database_url=url))


def ledger_of(hosted: Hosted) -> Ledger:
    """To say things with, by its own keys and clock."""
    made = Ledger(hosted.store)
    made.log, made.registrar = hosted.log, hosted.registrar
    return made


def moving(urls: tuple[str, str], say: object = None) -> Moving:
    return Moving(
        ledger="main",
        source_url=urls[0],
        target_url=urls[1],
        source_name="a/db",
        target_name="b/db",
        say=(lambda _step: None) if say is None else say,  # type: ignore[arg-type]
        progress=lambda _what, _done, _of: None,
    )


def killed_at(step: str, urls: tuple[str, str]) -> None:
    """A mover that ends as by kill -9 before this step."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, step],
        env={**os.environ, "A": urls[0], "B": urls[1]},
        check=False,
        timeout=120,
    )
    assert 9 == done.returncode


def takes(url: str, data: Path) -> bool:
    """True where a server started there would append, and so does one that was running before."""
    try:
        hosted = opened(data, url)
    except (LedgerMoved, NotServable):
        return False
    ledger_of(hosted).report(numbered(10_000 + hosted.store.head().tree_size))
    hosted.close()
    return True


def appends_unasked(url: str) -> bool:
    """True where a front-end that looks at nothing, as an earlier release, could append."""
    with psycopg.connect(url) as connection:
        try:
            connection.execute("UPDATE candour_main.head SET tree_size = tree_size")
        except psycopg.errors.ReadOnlySqlTransaction:
            return False
    return True


@pytest.mark.parametrize("step", STEPS)
def test_killed_before_a_step(
    step: str, urls: tuple[str, str], began: Hosted, tmp_path: Path
) -> None:
    """Run again, it ends; at no moment do both places take anything, and what was taken is there."""
    killed_at(step, urls)
    handed_over = step in ("open the copy", "")
    stopped = step in ("the rest", "hand over") or handed_over
    assert (not stopped, not stopped) == (takes(urls[0], tmp_path), appends_unasked(urls[0]))
    with closing(PostgresStore(urls[0], create=False)) as store:
        size, root = store.head().tree_size, store.head().root
    moved = move(moving(urls))
    assert (size, root) == (moved.tree_size, moved.root)
    assert (False, False) == (takes(urls[0], tmp_path), appends_unasked(urls[0]))
    assert takes(urls[1], tmp_path)
    with pytest.raises(LedgerMoved):
        abort(urls[0], "main")


def test_aborted(urls: tuple[str, str], began: Hosted, tmp_path: Path) -> None:
    """Before it is handed over the ledger goes on where it was, and may be moved later."""
    killed_at("hand over", urls)
    assert "b" == abort(urls[0], "main").to
    assert (True, False) == (takes(urls[0], tmp_path), takes(urls[1], tmp_path))
    with pytest.raises(NotSealed):
        abort(urls[0], "main")
    with closing(PostgresStore(urls[0], create=False)) as store:
        assert store.head().tree_size == move(moving(urls)).tree_size


def test_abort_and_mover_race(urls: tuple[str, str], began: Hosted, tmp_path: Path) -> None:
    """A mover that was overtaken by an abort does not open its copy."""

    def say(step: str) -> None:
        if step == "hand over":
            abort(urls[0], "main")

    with pytest.raises(NotSealed):
        move(moving(urls, say))
    assert (True, False) == (takes(urls[0], tmp_path), takes(urls[1], tmp_path))


def test_what_is_said_meanwhile_comes_along(
    urls: tuple[str, str], began: Hosted, tmp_path: Path
) -> None:
    """Entries, a withdrawn identity and a performer that come while it is copied are at the new place."""
    hosted = opened(tmp_path, urls[0])
    ledger = ledger_of(hosted)

    def say(step: str) -> None:
        if step == "audit":
            ledger.report(*(numbered(1_000 + n) for n in range(20)))
            with psycopg.connect(urls[0]) as connection:  # as a withdrawal, or an erasure
                connection.execute(
                    "UPDATE candour_main.disclosures SET identity = NULL, fields = NULL"
                    " WHERE leaf_index = 7"
                )
                connection.execute(
                    "INSERT INTO candour_main.performers VALUES ('\\x07', 'p-7', 'agencies/a')"
                )

    move(moving(urls, say))
    hosted.close()
    tables = ("entries", "disclosures", "performers", "checkpoints", "tile_hashes")
    sides = []
    for url in urls:
        with psycopg.connect(url) as connection:
            sides.append(
                {
                    table: connection.execute(
                        f"SELECT * FROM candour_main.{table}".encode()
                    ).fetchall()
                    for table in tables
                }
            )
    for table in tables[:-1]:
        assert sorted(sides[0][table], key=repr) == sorted(sides[1][table], key=repr)
    assert sides[1]["tile_hashes"]


def test_copy_that_differs_is_not_opened(
    urls: tuple[str, str], began: Hosted, tmp_path: Path
) -> None:
    """Damage at the new place is noticed; the ledger goes on at the old one."""

    def say(step: str) -> None:
        if step == "compare":
            with psycopg.connect(urls[1]) as connection:
                connection.execute("UPDATE candour_main.head SET root = sha256('x')")

    with pytest.raises(CopyDiffers):
        move(moving(urls, say))
    assert (True, False) == (takes(urls[0], tmp_path), takes(urls[1], tmp_path))


def test_place_that_is_taken_is_refused(
    urls: tuple[str, str], began: Hosted, tmp_path: Path
) -> None:
    """Nothing is written over: not another ledger, not the ledger itself, not another's copy."""
    with pytest.raises(PlaceTaken):
        move(moving((urls[0], urls[0])))
    opened(tmp_path / "other", urls[1]).close()
    with pytest.raises(PlaceTaken):
        move(moving(urls))
    assert takes(urls[0], tmp_path)


def test_moved_there_and_back(urls: tuple[str, str], began: Hosted, tmp_path: Path) -> None:
    """What came back to its first place is refused to itself, and goes on."""
    move(moving(urls))
    assert takes(urls[1], tmp_path)
    back = urls[1], urls[0]
    with pytest.raises(PlaceTaken):  # the old place is kept until somebody takes it away
        move(moving(back))
    with psycopg.connect(urls[0]) as connection:
        connection.execute("DROP SCHEMA candour_main CASCADE")
    assert isinstance(move(moving(back)), Moved)
    with pytest.raises(PlaceTaken):
        move(moving((urls[0], urls[0])))
    assert (True, False) == (takes(urls[0], tmp_path), takes(urls[1], tmp_path))


def test_copy_of_another_history_is_refused(
    urls: tuple[str, str], began: Hosted, tmp_path: Path
) -> None:
    """A copy that holds what the ledger does not hold is never gone on with."""
    killed_at("seal", urls)
    with closing(PostgresStore(urls[1], create=False)) as store:
        other = NewEntry("x/1", 1, "x", b"{}", leaf_hash(b"{}"))
        outcomes, _ = store.append([other])
        assert isinstance(outcomes[0], Placed)
    with pytest.raises(NotACopy):
        move(moving(urls))
    assert takes(urls[0], tmp_path)


def test_unknown_table_is_not_left_behind(
    urls: tuple[str, str], began: Hosted, tmp_path: Path
) -> None:
    """A table of a later release is not lost in silence."""
    with psycopg.connect(urls[0]) as connection:
        connection.execute("CREATE TABLE candour_main.later (id int)")
    with pytest.raises(TableUnknown) as refused:
        move(moving(urls))
    assert "later" == refused.value.table
    assert takes(urls[0], tmp_path)
    with closing(PostgresStore(urls[1], create=False)) as store:
        assert NOT_SERVABLE in store.meta()


def test_listing_says_what_is_at_each_place(
    urls: tuple[str, str], began: Hosted, tmp_path: Path
) -> None:
    """Here, stopped, a copy, moved away, not begun, another's, not reached: each is told apart."""

    def states(origin: str = "") -> list[str]:
        table = tmp_path / "routes.toml"
        extra = f'origin = "{origin}"\n' if origin else ""
        found = []
        for url in (*urls, "postgresql://127.0.0.1:1/nowhere"):
            table.write_text(f'[ledgers.main]\ndatabase = "{url}"\n{extra}')
            table.chmod(0o600)
            (row,) = placed(table)
            found.append(str(row["state"]).partition(":")[0])
        return found

    assert ["here", "not begun", "not reached"] == states()
    assert "another ledger than x/main" == states("x/main")[0]
    killed_at("the rest", urls)
    stopped = ["stopped, to be moved to b", "a copy that no move has ended", "not reached"]
    assert stopped == states()
    move(moving(urls))
    assert ["moved to b", "here", "not reached"] == states()
