"""Is a backup what the ledger was, and a restore what the backup is? And what does the doctor see?"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.merkle import root_at
from ledger.store.core import LedgerStore
from ledger.tlog import Checkpoint, sign_checkpoint
from services.cli.failures import CommandFailed
from services.cli.local_server import LocalServer
from services.runtime.hosting import open_store
from services.runtime.keys import open_keys
from services.runtime.settings import Settings
from tests.e2e.conftest import STORES, Place, place_of
from tests.e2e.test_commands import load
from tests.e2e.witnessed import Watched
from tests.postgres import create_database, drop_database


@dataclass(frozen=True)
class Backed:
    """A ledger that is served, and a backup of it."""

    place: Place
    backup: Path

    @property
    def manifest(self) -> Any:
        return json.loads((self.backup / "manifest.json").read_text())


@pytest.fixture(scope="module", params=STORES)
def backed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backed]:
    folder = tmp_path_factory.mktemp("backed")
    with place_of(request, folder / "data") as place:
        load(place, folder, rows=40)
        watched = Watched(place.server)
        watched.await_published(watched.status()["tree_size"])  # from here on nothing changes
        (row,) = place.json("backup", "--out", folder / "backups")
        yield Backed(place, Path(row["folder"]))


@pytest.fixture
def url(backed: Backed, request: pytest.FixtureRequest) -> Iterator[str | None]:
    """An empty database to restore to; None for SQLite."""
    if backed.place.database_url is None:
        yield None
        return
    server = request.getfixturevalue("postgres_server")
    made = create_database(server)
    yield made
    drop_database(server, made)


def restore(
    backed: Backed, backup: Path, data: Path, url: str | None, *more: object, exit_code: int = 0
) -> Any:
    """What `candour restore` says; its error where it could not run."""
    at = () if url is None else ("--database-url", url)
    command = ("restore", backup, "--data", data, *at, *more, "--format", "json")
    ran = backed.place.candour(*command, exit_code=exit_code)
    return ran.err if exit_code == 2 else ran.json


def rows_of(store: LedgerStore) -> list[Any]:
    size = store.head().tree_size
    return [store.head(), store.read_entries(0, size, with_disclosures=True), store.published()]


def test_restored_ledger_is_the_one_that_was_backed_up(
    backed: Backed, tmp_path: Path, url: str | None
) -> None:
    """Entries, disclosures, tree, checkpoint and keys are the same; all secrets are 0600."""
    found = restore(backed, backed.backup, tmp_path / "data", url)
    assert (True, "good", []) == (found["servable"], found["audit"], found["lost"])

    place, data = backed.place, tmp_path / "data"
    with (
        closing(open_store(Settings(data=place.data, database_url=place.database_url))) as one,
        closing(open_store(Settings(data=data, database_url=url))) as other,
    ):
        assert rows_of(one) == rows_of(other)
        head = other.head()
        assert backed.manifest["root"] == root_at(head.tree_size, other.read_tile).hex()
    names = ("main.checkpoint.pem", "main.answers.pem", "main.secret")
    for name in names:
        assert (place.data / "keys" / name).read_bytes() == (data / "keys" / name).read_bytes()
        assert 0o600 == (data / "keys" / name).stat().st_mode & 0o777
    files = [path for path in backed.backup.rglob("*") if path.is_file()]
    assert {0o600} == {path.stat().st_mode & 0o777 for path in files}


def test_nothing_is_written_over(backed: Backed, tmp_path: Path, url: str | None) -> None:
    """A second restore to the same place is refused, and the first stays."""
    restore(backed, backed.backup, tmp_path / "data", url)
    said = restore(backed, backed.backup, tmp_path / "data", url, exit_code=2)
    assert "a restore writes over nothing" in said
    with closing(open_store(Settings(data=tmp_path / "data", database_url=url))) as store:
        assert backed.manifest["tree_size"] == store.head().tree_size


def test_damaged_backup_is_not_restored(backed: Backed, tmp_path: Path, url: str | None) -> None:
    """One byte of one file, and nothing is made."""
    backup = Path(shutil.copytree(backed.backup, tmp_path / "backup"))
    (file,) = (backup / "log").iterdir()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)

    said = restore(backed, backup, tmp_path / "data", url, exit_code=2)
    assert "is not what was written" in said
    assert not (tmp_path / "data").exists()


def test_part_that_lies_elsewhere_is_asked_for(
    backed: Backed, tmp_path: Path, url: str | None
) -> None:
    """A missing part is an error, unless it is done without; then it is said what is lost."""
    backup = Path(shutil.copytree(backed.backup, tmp_path / "backup"))
    shutil.rmtree(backup / "disclosures")
    said = restore(backed, backup, tmp_path / "data", url, exit_code=2)
    assert "--without disclosures" in said

    found = restore(backed, backup, tmp_path / "data", url, "--without", "disclosures")
    assert (True, "good") == (found["servable"], found["audit"])
    disclosures = backed.manifest["counts"]["disclosures"]
    assert f"names, reasons and salts of {disclosures} reports" in found["lost"][0]


def test_log_alone_holds_nothing_protected(backed: Backed, tmp_path: Path) -> None:
    """No reason and no name stands in the files of the log; keys are not there at all."""
    left_out = ("--without", "disclosures", "--without", "keys")
    (row,) = backed.place.json("backup", "--out", tmp_path / "b", *left_out)
    backup = Path(row["folder"])
    assert {"log", "public", "settings"} == {
        path.name for path in backup.iterdir() if path.is_dir()
    }
    (use, *_) = [use for use in backed.place.json("uses", "list") if use.get("performer")]
    names = [name.encode() for name in performers(backed.place)]
    assert use
    assert names
    if backed.place.database_url is None:  # a dump is compressed, and says as little
        log = (backup / "log" / "log.db").read_bytes()
        assert [] == [name for name in names if name in log]


def performers(place: Place) -> list[str]:
    sql = "SELECT coalesce(name, user_id) FROM performers WHERE coalesce(name, user_id) IS NOT NULL"
    if place.database_url is not None:
        with psycopg.connect(place.database_url) as connection:
            wanted = sql.replace("FROM ", "FROM candour_main.")
            return [str(row[0]) for row in connection.execute(wanted.encode())]
    with closing(sqlite3.connect(place.data / "main.db")) as file:
        return [str(row[0]) for row in file.execute(sql)]


def test_other_history_is_not_servable(backed: Backed, tmp_path: Path, url: str | None) -> None:
    """A tree of the same size and another root, signed by the ledger: two histories, kept apart."""
    keys = open_keys(backed.place.data, "main", origin=backed.manifest["origin"])
    size = backed.manifest["tree_size"]
    other = Checkpoint(origin=keys.origin, tree_size=size, root=b"\7" * 32)
    (tmp_path / "seen").write_bytes(sign_checkpoint(other, keys.checkpoint))

    more = ("--witness-checkpoint", tmp_path / "seen")
    found = restore(backed, backed.backup, tmp_path / "data", url, *more, exit_code=1)
    assert (False, 0) == (found["servable"], found["missing_entries"])
    assert "two histories" in found["why_not"][0]
    server = LocalServer(tmp_path / "data", database_url=url)
    with pytest.raises(CommandFailed, match=r"is not to be served: .* two histories"):
        server.start()


def test_checkpoint_of_a_stranger_says_nothing(
    backed: Backed, tmp_path: Path, url: str | None
) -> None:
    """Whoever shows a checkpoint that the ledger did not sign neither frees nor stops it."""
    note = backed.manifest["checkpoint"].replace("\n\n", "\nmore\n\n", 1)
    (tmp_path / "seen").write_text(note)
    more = ("--witness-checkpoint", tmp_path / "seen")
    restore(backed, backed.backup, tmp_path / "data", url, *more, exit_code=2)
    assert not (tmp_path / "data").exists()


def examine(backed: Backed, *more: object, exit_code: int = 0) -> dict[str, tuple[str, str]]:
    server = backed.place.server
    at = ("--grpc", server.grpc, "--http", server.http)
    ran = backed.place.candour("doctor", *at, *more, "--format", "json", exit_code=exit_code)
    assert all(look["do"] for look in ran.json if look["outcome"] in ("warn", "bad"))
    return {look["name"]: (look["outcome"], look["says"]) for look in ran.json}


def test_doctor_finds_a_healthy_ledger_healthy(backed: Backed) -> None:
    """While it is served: nothing is bad; what cannot be known is unknown, and not ok."""
    superuser = backed.place.database_url is not None  # as the tests' cluster gives it to us
    found = examine(backed, "--backups", backed.backup.parent, exit_code=int(superuser))
    grave = {name for name, (outcome, _) in found.items() if outcome in ("warn", "bad")}
    assert ({"grants"} if superuser else set()) == grave
    known = (
        "settings",
        "keys",
        "database",
        "durability",
        "checkpoint",
        "views",
        "backup",
        "server",
        "served tree",
    )
    assert {"ok"} == {found[name][0] for name in known}
    assert "unknown" == found["witnesses"][0]
    assert "no rate" in found["disk"][1]


def test_doctor_sees_what_is_wrong(backed: Backed, tmp_path: Path) -> None:
    """Loose keys, no backup and a taken port, each by itself."""
    key = backed.place.data / "keys" / "main.secret"
    key.chmod(0o644)
    try:
        found = examine(backed, "--backups", tmp_path, exit_code=2)
    finally:
        key.chmod(0o600)
    assert ("bad", True) == (found["keys"][0], "main.secret is 644" in found["keys"][1])
    assert "bad" == found["backup"][0]
    assert "bad" == examine(backed, "--http", backed.place.server.grpc, exit_code=2)["server"][0]


def test_doctor_tells_a_lost_database_from_a_lost_server(backed: Backed, tmp_path: Path) -> None:
    """With neither: the database is bad, the free ports are good, and the rest is unknown."""
    more = ("--data", tmp_path / "none", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")
    away = "postgresql://nobody@127.0.0.1:9/none" if backed.place.database_url else ""
    found = examine(backed, *more, "--database-url", away, exit_code=2)
    assert ("bad", "ok") == (found["database"][0], found["server"][0])
    assert {"unknown"} == {found[name][0] for name in ("checkpoint", "views", "durability")}
