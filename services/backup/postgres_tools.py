"""How is a ledger's schema dumped and brought back? By PostgreSQL's own programs.

    snapshot ──pg_dump──► log.dump, disclosures.dump ──pg_restore──► schema

Where the server is, and the password, go by the environment: a command line can be read by others.

Source: https://www.postgresql.org/docs/15/libpq-envars.html, app-pgdump.html.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo

from ledger.errors import Refused
from ledger.store.copied import PROTECTED

BIN_VARIABLE: Final = "CANDOUR_POSTGRES_BIN"  # looked in before all other places


class PostgresToolMissing(Refused):
    """One of PostgreSQL's programs is not installed here."""

    def __init__(self, program: str) -> None:
        super().__init__(
            f"{program} is not installed here; install postgresql-client of the server's release,"
            f" or say in which folder it is with {BIN_VARIABLE}"
        )
        self.program = program


class PostgresToolFailed(Refused):
    """One of PostgreSQL's programs ended with an error; it quotes no row."""

    def __init__(self, program: str, said: str) -> None:
        super().__init__(f"{program}: {said}")
        self.program, self.said = program, said


def dump_log(url: str, schema: str, snapshot: str, target: Path, *, with_views: bool) -> None:
    """The schema and its rows, but for the rows of what is protected, and for views.

    Raises:
        PostgresToolMissing, PostgresToolFailed
    """
    command = ["--schema", schema]
    command += [f"--exclude-table-data={schema}.{table}*" for table in PROTECTED]
    command += [] if with_views else [f"--exclude-table={schema}.view_*"]
    _dump(url, snapshot, target, command)


def dump_protected(url: str, schema: str, snapshot: str, target: Path) -> None:
    """The rows of what is protected; raises as `dump_log`."""
    tables = [f"--table={schema}.{table}*" for table in PROTECTED]
    _dump(url, snapshot, target, ["--data-only", *tables])


def _dump(url: str, snapshot: str, target: Path, command: list[str]) -> None:
    common = ["--format", "custom", "--compress", "1", "--no-owner", "--no-privileges"]
    common += ["--no-password", "--snapshot", snapshot, "--file", str(target)]
    _run("pg_dump", [*common, *command], url)


def restore_dump(url: str, dump: Path) -> None:
    """All that a dump holds, or nothing; raises as `dump_log`."""
    (database,) = [one.val for one in Conninfo.parse(url.encode()) if one.keyword == b"dbname"]
    command = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
    # A database that is named is connected to; host, user and password come from outside.
    name = make_conninfo(dbname=(database or b"").decode()) if database else ""
    _run("pg_restore", [*command, "--no-password", "--dbname", name, str(dump)], url)


def _run(program: str, arguments: list[str], url: str) -> None:
    done = subprocess.run(  # noqa: S603  PostgreSQL's own program
        [_find(program), *arguments],
        env={**os.environ, **environment_of(url)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        # CONTEXT and DETAIL lines may quote rows.
        lines = [line for line in done.stderr.splitlines() if "error:" in line]
        raise PostgresToolFailed(program, (lines or [f"ended with {done.returncode}"])[0])


def environment_of(url: str) -> dict[str, str]:
    """A connection string as libpq's environment. Raises Refused where one part has no place there."""
    found: dict[str, str] = {}
    for option in Conninfo.parse(url.encode()):
        if option.val is None:
            continue
        if option.envvar is None:
            if option.keyword in (b"dbname", b"keepalives", b"tcp_user_timeout"):
                continue
            raise Refused(f"{option.keyword.decode()} of the database URL cannot be handed on")
        found[option.envvar.decode()] = option.val.decode()
    return found


def without_password(url: str) -> str:
    """A connection string as it may be written down."""
    said = {
        option.keyword.decode(): option.val.decode()
        for option in Conninfo.parse(url.encode())
        if option.val is not None and option.keyword not in (b"password", b"sslpassword")
    }
    return make_conninfo(**said)


def _find(program: str) -> str:
    if chosen := os.environ.get(BIN_VARIABLE):
        places = [Path(chosen)]
    else:
        debian = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
        newest = sorted(debian, key=lambda folder: float(folder.parent.name), reverse=True)
        # Debian's wrapper in PATH takes the server's release, and needs Perl; the newest reads all.
        places = [*newest, *map(Path, os.environ.get("PATH", "").split(os.pathsep))]
    for place in places:
        if found := shutil.which(program, path=str(place)):
            return found
    raise PostgresToolMissing(program)
