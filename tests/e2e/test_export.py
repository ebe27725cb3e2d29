"""Does `candour export tiles` write, beside a running server, what strangers can check?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ledger.ingest.sample import sample_export
from ledger.tlog import VerifierKey, claimed_checkpoint
from tests.e2e.conftest import Place
from tests.published_logs import ask, check_whole_log


def test_tiles_follow_the_ledger(place: Place, tmp_path: Path) -> None:
    """The files lead from entries to the checkpoint that the server shows, and grow with it."""
    out = tmp_path / "log"
    vkey = VerifierKey.parse((place.data / "main.vkey").read_text().strip())
    size = 0
    for rows in (60, 600):
        export = tmp_path / "export.csv"
        export.write_bytes(sample_export(rows))
        who = ("--agency", "Sampleton PD", "--technology", "Platewatch")
        said: Any = place.json("import", "flock", export, *who)
        wait_until_published(place, said["tree_size"])
        done = place.json("export", "tiles", "--out", out)
        note = (out / "checkpoint").read_bytes()

        assert (str(out), True) == (done["out"], done["tree_size"] >= said["tree_size"] > size)
        assert done["tree_size"] == check_whole_log(
            lambda path: (out / path).read_bytes(), note=note, vkey=vkey
        )
        size = done["tree_size"]


def wait_until_published(place: Place, size: int) -> None:
    """Until the served checkpoint covers so many entries."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        note = ask(place.server.http, "/ledgers/main/checkpoint").body
        if size <= claimed_checkpoint(note).tree_size:
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing of size {size} was published")


def test_where_there_is_no_ledger_nothing_is_made(place: Place, tmp_path: Path) -> None:
    """Not a database, and not a directory."""
    missing = tmp_path / "missing"
    missing.mkdir()
    place.candour(
        *("export", "tiles", "--out", tmp_path / "log", "--ledger", "other", "--data", missing),
        exit_code=1,
    )

    assert [] == list(missing.iterdir())
    assert not (tmp_path / "log").exists()
