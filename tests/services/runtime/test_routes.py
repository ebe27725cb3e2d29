"""Does a routing table say where each ledger lives, and nothing that it does not say?"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ledger.store.core import StoreMismatch
from ledger.store.postgres import PostgresStore
from services.runtime.hosting import open_ledger
from services.runtime.routes import Route, RoutesRefused, read_routes, shown
from services.runtime.settings import Settings

TABLE = """\
# Clusters of Sampleton.
[ledgers.main]
database = "postgresql://candour@a/main" # through the pooler
direct = "postgresql://candour@a-1/main"
origin = "candour.local/1/main"

["ledgers".court]
database = "postgresql://candour@a/court"
[directory]
database = "postgresql://candour@c/directory"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "routes.toml"
    path.write_text(TABLE)
    return path


def test_settings_of_each_are_its_route_s(path: Path) -> None:
    """Each ledger, and the directory, has its own database, session and origin."""
    settings = Settings(routes=read_routes(path), ledgers=("main", "court"))
    main, court, directory = settings.of("main"), settings.of("court"), settings.of_directory()

    assert ("postgresql://candour@a/main", "candour.local/1/main") == (
        main.database_url,
        main.origin,
    )
    assert "postgresql://candour@a-1/main" == main.session_url
    assert ("postgresql://candour@a/court", None) == (court.database_url, court.origin)
    assert "postgresql://candour@a/court" == court.session_url
    assert "postgresql://candour@c/directory" == directory.database_url
    assert settings.keeps_directory


def test_directory_without_a_place_is_not_kept(path: Path) -> None:
    """Front-ends that share ledgers never keep a directory each, in files of their own."""
    path.write_text(TABLE.partition("[directory]")[0])
    settings = Settings(routes=read_routes(path), ledgers=("main", "court"))

    assert not settings.keeps_directory
    assert Settings(routes=settings.routes, directory_at="postgresql://d/d").keeps_directory


def test_unknown_ledger_is_refused(path: Path) -> None:
    """Nobody is sent to a database that the table does not name for it."""
    with pytest.raises(RoutesRefused, match="names no ledger other"):
        Settings(routes=read_routes(path)).of("other")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[ledgers]",
        "[other]\nx = 1",
        "[ledgers.main]",
        "[ledgers.main]\ndatabase = 1",
        '[ledgers.main]\ndatabase = "sqlite:///x"',
        '[ledgers.main]\ndatabase = "postgresql://a/b"\ncolour = "red"',
        '[ledgers.directory]\ndatabase = "postgresql://a/b"',
        '[ledgers."a b"]\ndatabase = "postgresql://a/b"',
        '[ledgers.main]\ndatabase = "postgresql://x:secret@a/b',
    ],
)
def test_anything_else_is_refused(path: Path, text: str) -> None:
    """A table that says something else is refused whole, and no URL of it is quoted."""
    path.write_text(text)
    with pytest.raises(RoutesRefused) as refused:
        read_routes(path)
    assert "secret" not in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("url", ["postgresql://x:secret@a/b", "postgresql://a/b?password=secret"])
def test_password_is_not_for_everybody(path: Path, url: str) -> None:
    """A table with a password is refused where everybody can read it, and shown without it."""
    path.write_text(f'[ledgers.main]\ndatabase = "{url}"\n')
    path.chmod(0o644)
    with pytest.raises(RoutesRefused, match="chmod"):
        read_routes(path)
    path.chmod(0o640)
    assert url == read_routes(path).of("main").database
    assert "a/b" == shown(url)


def test_route_is_changed_and_nothing_else(path: Path) -> None:
    """A moved ledger's line is another, its `direct` goes, and every other line stays."""
    url = 'postgresql://x@b/m?options="q"'
    changed = read_routes(path).with_route("main", url)
    lines, before = changed.splitlines(), TABLE.splitlines()

    assert [line for line in before if "a/main" not in line and "a-1/main" not in line] == [
        line for line in lines if "options" not in line
    ]
    path.write_text(changed)
    assert Route(url, None, "candour.local/1/main") == read_routes(path).of("main")


def test_table_that_is_spelt_otherwise_is_left_alone(path: Path) -> None:
    """What cannot be changed line by line is changed by a person."""
    path.write_text('ledgers = {main = {database = "postgresql://a/b"}}\n')
    with pytest.raises(RoutesRefused, match="by hand"):
        read_routes(path).with_route("main", "postgresql://c/d")


def test_another_ledger_at_the_end_of_a_route_is_refused(postgres_url: str, tmp_path: Path) -> None:
    """A front-end whose route leads to another ledger claims and serves nothing."""
    settings = Settings(data=tmp_path, database_url=postgres_url, origin="candour.local/1/main")
    with pytest.raises(StoreMismatch, match="its route leads to"):
        open_ledger(settings)
    with closing(PostgresStore(postgres_url, create=False)) as store:
        assert "origin" not in store.meta()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://u:p@a:5432,b:5433/x", "a:5432,b:5433/x"),
        ("postgresql:///x?host=/run/pg", "/run/pg/x"),
        ("nonsense", "a URL that libpq does not read"),
    ],
)
def test_shown(url: str, told: str) -> None:
    """A database is told by host, port and name."""
    assert told == shown(url)
