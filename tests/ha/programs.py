"""Which programs does a cluster need, and how are they run? Debian's, with Debian's Python, never ours."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.postgres import PostgresMissing, find_binaries

REQUIRE_VARIABLE: Final = "CANDOUR_REQUIRE_PATRONI"  # "1": what cannot run fails
MISSING: Final = "needs Patroni and etcd"
ADVICE: Final = "apt-get install patroni etcd-server postgresql"
_PLACES: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class PatroniMissing(Exception):
    """A program that a cluster needs is not here; says which, and how to get it."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where they are."""

    patroni: Path
    etcd: Path
    postgres: Path  # the folder with initdb, pg_rewind and the rest

    @classmethod
    def find(cls) -> Self:
        """Raises PatroniMissing."""
        missing = [name for name in ("patroni", "etcd") if shutil.which(name, path=_PLACES) is None]
        try:
            postgres = find_binaries()
        except PostgresMissing:
            raise PatroniMissing(f"no PostgreSQL server here: {ADVICE}") from None
        if not (postgres / "pg_rewind").exists():
            missing.append("pg_rewind")
        if missing:
            raise PatroniMissing(f"no {' and no '.join(missing)} here: {ADVICE}")
        places = {
            name: Path(shutil.which(name, path=_PLACES) or "") for name in ("patroni", "etcd")
        }
        return cls(**places, postgres=postgres)


def environment() -> dict[str, str]:
    """For a program of Debian's: nothing of ours, so that its Python finds its own libraries."""
    kept = ("LANG", "LC_ALL", "TMPDIR", "TZ")
    return {"PATH": _PLACES, **{name: os.environ[name] for name in kept if name in os.environ}}
