"""How fast is a ledger audited from outside? From a tile directory on local disk, and from Parquet.

    entries of some 900 bytes, in eight shapes ──► tiles ──┬─ slices in this process: one core
                                                         ├─ `candour audit --url DIR`: all cores
                                                         └─ Parquet ──► DuckDB

No database and no server take part. The files were just written, so they come from the page
cache: what is measured is the processor. The log commits to no root of the usage index, which is
made anew by one core at a rate of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.audit.shapes import EntryReader, Seen
from ledger.audit.slices import audit_slice, slices_of
from ledger.audit.usage import UsageAudit, Wanted
from ledger.canonical_json import decode
from services.audit.duckdb_engine import DuckDb
from services.audit.parquet_audit import ParquetAudit
from services.audit.parquet_export import FromTiles, export_parquet
from services.audit.sources import Folder
from services.audit.tiles import TileAudit, cores
from tests.audit.logs import SIGNER, entry, write_tiles

STORE = "tiles"
KEY = SIGNER.verifier_key
Row = tuple[str, str, float, float, str, str, int]


def audit(*, entries: int, runs: int) -> Iterator[Row]:
    """Figures over a log of so many entries."""
    with _log(entries) as folder:
        source = Folder(folder)
        yield _row("audit from tiles, one core", entries, runs, "150,000", lambda: _alone(source))
        yield _row(
            "… of it hashing and comparing tiles", entries, runs, "", lambda: _tree(source, entries)
        )
        name = f"audit from tiles, {cores()} cores, by the command, start included"
        yield _row(name, entries, runs, "", lambda: _command(folder))
        some = min(entries, 50_000)
        made = [bench_entry(number) for number in range(some)]
        yield _row("usage index anew from entries, one core", some, 1, "", lambda: _usage(made))
        out = folder / "parquet"
        yield _row("export to Parquet", entries, 1, "", lambda: _export(source, out))
        yield _row(f"audit by DuckDB, {cores()} cores", entries, 1, "", lambda: _duckdb(out))


def _row(name: str, entries: int, runs: int, least: str, measure: Callable[[], None]) -> Row:
    rates = []
    for _ in range(runs):
        began = time.perf_counter()
        measure()
        rates.append(entries / (time.perf_counter() - began))
    rates.sort()
    target = f">= {least.replace(',', '')}" if least else ""
    median = rates[len(rates) // 2]
    return name, STORE, round(median, 1), round(rates[-1] - rates[0], 1), "entries/s", target, runs


def bench_entry(number: int) -> bytes:
    """An entry of one of eight shapes: authorizations cited or not, a unit or none."""
    data = entry(number)
    event = dict(decode(data)["event"])
    event["authorizations"] = [f"authorizations/{n}" for n in range(number % 4)]
    if number % 8 < 4:
        event["unit"] = "traffic"
    return entry(number, event=event)


@contextmanager
def _log(entries: int) -> Iterator[Path]:
    where = os.environ.get("CANDOUR_BENCH_DIR")
    folder = Path(tempfile.mkdtemp(prefix="candour-bench-audit-", dir=where))
    try:
        write_tiles(folder, [bench_entry(number) for number in range(entries)])
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _alone(source: Folder) -> None:
    """The whole audit in this process: hashes, tiles, root, form of entries, streams."""
    assert TileAudit(source, KEY, workers=1).run().good


class _Unread(EntryReader):
    """Takes everything for an entry, to leave the form out of a measure."""

    def read(self, data: bytes) -> Seen:
        return Seen(b"", 1, True, None)


def _tree(source: Folder, entries: int) -> None:
    reader = _Unread("")
    for part in slices_of(entries):
        assert not audit_slice(part, source.read_all(part.paths()), reader).findings


def _command(folder: Path) -> None:
    command = [sys.executable, "-m", "services.cli", "audit", "--url", str(folder)]
    command += ["--vkey", str(folder / "vkey")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _usage(entries: list[bytes]) -> None:
    UsageAudit(Wanted([], frozenset(), frozenset()), len(entries)).add(entries)


def _export(source: Folder, out: Path) -> None:
    export_parquet(FromTiles(source), out, trust=KEY, vkey=KEY.format())


def _duckdb(out: Path) -> None:
    assert ParquetAudit(out, KEY, lambda: DuckDb(threads=cores())).run().good
