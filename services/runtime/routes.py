"""Which ledger lives in which PostgreSQL cluster? A routing table: one TOML file for a deployment.

    [ledgers.main]
    database = "postgresql://candour@a.example/candour"      may lead to a pooler
    direct   = "postgresql://candour@a-1.example/candour"    PostgreSQL itself, if that is elsewhere
    origin   = "candour.local/6e6bd510ba331045/main"         refused where the database holds another
    [directory]
    database = "postgresql://candour@c.example/candour"

Passwords belong into libpq's password file, or the file into a secret: with a password in it, it
must not be readable by everybody. Nothing else is kept on a front-end's machine but keys.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ledger.directory import DIRECTORY
from ledger.errors import Refused
from ledger.limits import MAX_ROUTES_BYTES

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_KEYS: Final = frozenset({"database", "direct", "origin"})
_TABLES: Final = frozenset({"ledgers", "directory"})
_SCHEMES: Final = ("postgresql://", "postgres://")
_PASSWORD: Final = re.compile(r"://[^/@]*:[^/@]+@|[?&]password=")
_FOR_OTHERS: Final = 0o007


class RoutesRefused(Refused):
    """A routing table cannot be used; says where and why, and never quotes a URL."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


@dataclass(frozen=True, slots=True)
class Route:
    """Where one ledger lives.

    Members:
        database: libpq URL, of a pooler perhaps.
        direct: Of PostgreSQL itself, for what needs a session of its own; else as `database`.
        origin: Of the ledger that must be there; None where whatever is there will do.
    """

    database: str
    direct: str | None = None
    origin: str | None = None

    @property
    def session(self) -> str:
        """The URL for dumps, migrations and moves."""
        return self.direct or self.database


@dataclass(frozen=True, slots=True)
class Routes:
    """Where each ledger of a deployment lives.

    Members:
        ledgers: By name, in the order of the file.
        directory: Where the log that lists them lives; None where none is placed.
    """

    path: Path
    ledgers: Mapping[str, Route] = field(default_factory=dict)
    directory: Route | None = None

    def of(self, ledger: str) -> Route:
        """Raises RoutesRefused where it names no such ledger."""
        found = self.directory if ledger == DIRECTORY else self.ledgers.get(ledger)
        if found is None:
            raise RoutesRefused(self.path, f"names no ledger {ledger}")
        return found

    def with_route(self, ledger: str, database: str) -> str:
        """The file's text, with another `database` for one ledger, and without its `direct`.

        All other lines stay as they are. Raises RoutesRefused where that would not read back.
        """
        header = f"[{DIRECTORY}]" if ledger == DIRECTORY else f"[ledgers.{ledger}]"
        lines, within, written = [], False, False
        for line in self.path.read_text("utf-8").splitlines():
            bare = line.strip()
            if bare.startswith("["):
                within = bare.partition("#")[0].strip().replace('"', "") == header
            key = bare.partition("=")[0].strip()
            if within and key == "direct":
                continue
            if within and key == "database":
                lines.append(f"database = {_quoted(database)}")
                written = True
                continue
            lines.append(line)
        text = "\n".join(lines) + "\n"
        wanted = replace(self.of(ledger), database=database, direct=None)
        if not written or parse_routes(self.path, text).of(ledger) != wanted:
            raise RoutesRefused(self.path, f"change the route of {ledger} by hand")
        return text


def read_routes(path: Path) -> Routes:
    """A routing table.

    Raises:
        RoutesRefused: It cannot be read, says something else, or shows passwords to everybody.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ROUTES_BYTES + 1)
        mode = path.stat().st_mode
    except OSError as error:
        raise RoutesRefused(path, error.strerror or "cannot be read") from None
    if len(data) > MAX_ROUTES_BYTES:
        raise RoutesRefused(path, f"is larger than {MAX_ROUTES_BYTES} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise RoutesRefused(path, "is not UTF-8") from None
    routes = parse_routes(path, text)
    if mode & _FOR_OTHERS and any(_PASSWORD.search(url) for url in _urls(routes)):
        raise RoutesRefused(path, "holds a password and can be read by everybody; chmod o= it")
    return routes


def parse_routes(path: Path, text: str) -> Routes:
    """As `read_routes`, of a text."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at [^)]*\)", str(error))  # the rest may quote a URL
        raise RoutesRefused(path, f"is not TOML {place[0] if place else ''}".rstrip()) from None
    unknown = found.keys() - _TABLES
    ledgers = found.get("ledgers", {})
    if unknown or not isinstance(ledgers, dict) or not ledgers:
        raise RoutesRefused(path, "must hold [ledgers.NAME] tables, and [directory] at most")
    for name in ledgers:
        if not _NAME.fullmatch(name) or name == DIRECTORY:
            raise RoutesRefused(path, "a ledger's name is letters, digits, _ and -, not directory")
    placed = {name: _route(path, name, table) for name, table in ledgers.items()}
    directory = found.get("directory")
    return Routes(path, placed, None if directory is None else _route(path, DIRECTORY, directory))


def _route(path: Path, name: str, table: Any) -> Route:
    if not isinstance(table, dict) or table.keys() - _KEYS or "database" not in table:
        raise RoutesRefused(path, f"{name} must have `database`, and `direct` and `origin` at most")
    for key, value in table.items():
        if not isinstance(value, str) or not value:
            raise RoutesRefused(path, f"{key} of {name} must be a text")
        if key != "origin" and not value.startswith(_SCHEMES):
            raise RoutesRefused(path, f"{key} of {name} must be a postgresql:// URL")
    return Route(**table)


def _urls(routes: Routes) -> list[str]:
    every = [*routes.ledgers.values(), *([routes.directory] if routes.directory else [])]
    return [url for route in every for url in (route.database, route.direct) if url]


def _quoted(text: str) -> str:
    """A TOML string; a URL has neither control characters nor, unescaped, quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def shown(url: str) -> str:
    """A database for people: `host:port/name`, and no password."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return "a URL that libpq does not read"
    hosts = str(parts.get("host") or "").split(",")
    ports = str(parts.get("port") or "").split(",")
    if len(ports) < len(hosts):
        ports += [ports[0]] * (len(hosts) - len(ports))
    where = ",".join(
        f"{host}:{port}" if port else host for host, port in zip(hosts, ports, strict=False)
    )
    return f"{where}/{parts.get('dbname') or ''}"
