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
from typing import Final

from bench.figures import Figure
from bench.suite import Bench
from bench.targets import AUDIT_CORE
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

STORE: Final = "tiles"
KEY = SIGNER.verifier_key
STEPS: Final = ("audit from tiles and from Parquet",)
_INDEXED: Final = 50_000  # entries that the usage index is made of


def audit(bench: Bench) -> Iterator[Figure]:
    """Figures over a log of so many entries."""
    entries, runs = bench.sizes.tiles, bench.sizes.tile_runs
    figures: list[Figure] = []

    def take(name: str, measure: Callable[[], None], *, of: int = entries, times: int = 1) -> None:
        figures.append(bench.figure(name, _rates(of, times, measure), "entries/s", size=of))

    with bench.step(STEPS[0]), _log(entries) as folder:
        source = Folder(folder)
        take(AUDIT_CORE, lambda: _alone(source), times=runs)
        take("… of it hashing and comparing tiles", lambda: _tree(source, entries), times=runs)
        name = f"audit from tiles, {cores()} cores, by the command, start included"
        take(name, lambda: _command(folder), times=runs)
        some = min(entries, _INDEXED)
        made = [bench_entry(number) for number in range(some)]
        take("usage index anew from entries, one core", lambda: _usage(made), of=some)
        out = folder / "parquet"
        take("export to Parquet", lambda: _export(source, out))
        take(f"audit by DuckDB, {cores()} cores", lambda: _duckdb(out))
    yield from figures


def _rates(entries: int, runs: int, measure: Callable[[], None]) -> list[float]:
    rates = []
    for _ in range(runs):
        began = time.perf_counter()
        measure()
        rates.append(entries / (time.perf_counter() - began))
    return rates


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
