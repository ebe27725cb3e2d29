"""Does the export to Parquet hold the ledger, grow with it, and refuse another's?"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from ledger.audit.slices import SLICE_ENTRIES
from ledger.errors import VerificationFailed
from services.audit import parquet_export
from services.audit.parquet_audit import ParquetAudit
from services.audit.parquet_export import Exported, FromStore, FromTiles, ParquetRefused
from services.audit.parquet_files import SCHEMA
from services.audit.sources import Folder, SourceFailed
from tests.audit.copies import DUCKDB, KEY, as_tiles, copy_of, honest
from tests.audit.logs import entry, write_tiles
from tests.ledgers import SIGNER, SqlitePlace
from tests.store.audited import Audited


def export(log: Path, out: Path) -> Exported:
    tiles = FromTiles(Folder(log))
    return parquet_export.export_parquet(tiles, out, trust=KEY, vkey=KEY.format())


def audit(out: Path) -> list[str]:
    assert DUCKDB.engine is not None
    return [item.sentence for item in ParquetAudit(out, KEY, DUCKDB.engine).run().findings]


def test_entries_stand_there_to_the_byte(tmp_path: Path) -> None:
    """And what anybody may ask by SQL follows from them."""
    entries = [*honest(300), b"no entry", entry(301, v=9)]
    export(as_tiles(copy_of(entries), tmp_path / "log"), tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "entries")
    found = duckdb.sql(
        "SELECT topic, recorded_day::VARCHAR, count(*) FROM read_parquet($files)"
        " WHERE stream LIKE 'tool_use/%' GROUP BY ALL ORDER BY 1",
        params={"files": str(tmp_path / "out/entries/*.parquet")},
    )
    assert found is not None
    counted = found.fetchall()

    assert SCHEMA.names == rows.schema.names
    assert entries == rows.column("entry").to_pylist()
    assert list(range(302)) == rows.column("leaf_index").to_pylist()
    assert [None, None] == rows.column("stream").to_pylist()[300:]
    day = "2026-11-24"
    assert [("tool_use.note.v9", day, 3), ("tool_use.reported.v1", day, 297)] == counted


def test_export_grows(tmp_path: Path) -> None:
    """Full files are kept as they are, the last one is replaced, and each state passes an audit."""
    out, made = tmp_path / "out", [entry(number) for number in range(SLICE_ENTRIES + 300)]
    done = []
    for size in (300, 300, SLICE_ENTRIES + 10, SLICE_ENTRIES + 300):
        shutil.rmtree(tmp_path / "log", ignore_errors=True)
        write_tiles(tmp_path / "log", made[:size])
        done.append(export(tmp_path / "log", out))
    assert [
        Exported(300, 1, 0, 0),
        Exported(300, 0, 1, 0),
        Exported(SLICE_ENTRIES + 10, 2, 0, 1),
        Exported(SLICE_ENTRIES + 300, 1, 1, 1),
    ] == done
    names = sorted(path.name for path in (out / "entries").iterdir())
    assert ["000000000.parquet", "000000001.p300.parquet"] == names
    assert [] == audit(out)


def test_broken_off_export_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What got its name is whole; a draft is none of an export's files."""
    log = as_tiles(copy_of(honest(300)), tmp_path / "log")
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(parquet_export, "derived_columns", lambda _some: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            export(log, out)
    assert not (out / "checkpoint").exists()
    assert Exported(300, 1, 0, 0) == export(log, out)
    assert [] == audit(out)


def test_export_of_a_database_is_that_of_its_tiles(tmp_path: Path) -> None:
    """Byte for byte in its entries, under the same checkpoint."""
    place = SqlitePlace(tmp_path)
    audited = Audited(place)
    audited.live()
    vkey = SIGNER.verifier_key
    store = FromStore(audited.store)
    parquet_export.export_parquet(store, tmp_path / "out", trust=vkey, vkey=vkey.format())
    entries = [row.entry for row in audited.ledger.entries()]
    place.close()

    rows = pq.read_table(tmp_path / "out" / "entries").column("entry").to_pylist()
    assert entries == rows


def test_other_ledgers_directory_is_refused(tmp_path: Path) -> None:
    """As is one of another history of the same ledger, or one that is ahead."""
    out = tmp_path / "out"
    export(as_tiles(copy_of(honest(300)), tmp_path / "log"), out)
    before = (out / "checkpoint").read_bytes()
    rewritten = [entry(number + 1) for number in range(300)]
    for name, log in (
        ("same", copy_of(rewritten)),
        ("longer", copy_of([*rewritten, *honest(400)[300:]])),
        ("shorter", copy_of(honest(200))),
    ):
        with pytest.raises((ParquetRefused, VerificationFailed)):
            export(as_tiles(log, tmp_path / name), out)
    (out / "vkey").write_text("another\n")
    with pytest.raises(ParquetRefused, match="another ledger"):
        export(tmp_path / "log", out)
    assert before == (out / "checkpoint").read_bytes()


def test_damaged_ledger_is_not_exported(tmp_path: Path) -> None:
    """No checkpoint is put beside entries that do not lead to it."""
    log = as_tiles(copy_of(honest(300)), tmp_path / "log")
    bundle = log / "tile/entries/000"
    data = bundle.read_bytes()
    bundle.write_bytes(data.replace(b'"investigation"', b'"investigatioN"', 1))
    with pytest.raises(VerificationFailed):
        export(log, tmp_path / "out")
    bundle.unlink()
    with pytest.raises(SourceFailed):
        export(log, tmp_path / "again")
    assert not (tmp_path / "out" / "checkpoint").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("garbage", "entries/000000000.p300.parquet cannot be read"),
        ("gone", "entries/000000000.p300.parquet is missing"),
        ("columns", "entries/000000000.p300.parquet has other columns than an export has"),
        ("extra", "is a file that the tree of the checkpoint does not have"),
        ("stream", "the column stream is not what the entry says"),
        ("day", "the column recorded_day is not what the entry says"),
    ],
)
def test_changed_file_is_named(tmp_path: Path, change: str, sentence: str) -> None:
    """A column that follows from the entry is compared with it, since people ask by columns."""
    out = tmp_path / "out"
    export(as_tiles(copy_of(honest(300)), tmp_path / "log"), out)
    path = out / "entries/000000000.p300.parquet"
    table = pq.read_table(path, partitioning=None)
    if change == "garbage":
        path.write_bytes(b"PAR1 garbage PAR1")
    elif change == "gone":
        path.unlink()
    elif change == "columns":
        pq.write_table(table.drop_columns(["topic"]), path)
    elif change == "extra":
        pq.write_table(table, path.with_name("000000001.parquet"))
    else:
        name = {"stream": "stream", "day": "recorded_day"}[change]
        column = table.column(name).to_pylist()
        column[41] = None
        field = SCHEMA.field(name)
        pq.write_table(table.set_column(table.schema.get_field_index(name), field, [column]), path)

    assert sentence in audit(out)
