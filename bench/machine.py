"""On what was it measured? What a reader needs to compare, and nothing that names the machine."""

from __future__ import annotations

import importlib
import os
import platform
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Final

from bench.figures import Run
from services.runtime.native_reports import contract
from tests.postgres import PostgresMissing, find_binaries

_TOP: Final = Path(__file__).resolve().parents[1]
_LIBRARIES: Final = (
    *("grpcio", "protobuf", "psycopg", "sqlalchemy", "eventsourcing", "msgspec"),
    *("cryptography", "duckdb", "pyarrow", "opentelemetry-sdk"),
)


def begin_run(asked: str) -> Run:
    """A run that begins now."""
    return Run(
        on=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        asked=asked,
        commit=_commit(),
        load_before=round(os.getloadavg()[0], 2),
        machine=machine(),
    )


def machine() -> dict[str, str]:
    """Processor, memory, system, and versions of what takes part."""
    found = {
        "processor": f"{os.cpu_count()} x {_first('/proc/cpuinfo', 'model name')} ({platform.machine()})",
        "memory": f"{int(_first('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
        "Python": platform.python_version(),
        "PostgreSQL": _postgres(),
        "SQLite": sqlite3.sqlite_version,
        "path of reports": "native" if native_is_used() else "Python",
    }
    return found | {name: metadata.version(name) for name in _LIBRARIES}


def native_is_used() -> bool:
    """True where servers take the native path of reports: built, of this contract, and not turned off."""
    try:
        extension = importlib.import_module("candour_native")
    except ImportError:
        return False
    return os.environ.get("CANDOUR_NATIVE", "1") != "0" and extension.CONTRACT == contract()


def _first(path: str, name: str) -> str:
    """The value of the first line `name : value` of a file of /proc; `unknown` where none is."""
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "0 unknown"


def _postgres() -> str:
    try:
        program = find_binaries() / "postgres"
    except PostgresMissing:
        return "none"
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip().rpartition("PostgreSQL) ")[2]


def _commit() -> str:
    """The revision, with a `+` where files differ from it; `unknown` outside a clone."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", _TOP, *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    return f"{git('rev-parse', '--short', 'HEAD') or 'unknown'}{'+' * bool(git('status', '--porcelain', '--untracked-files=no'))}"
