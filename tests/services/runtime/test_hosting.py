"""Which ledgers are where the settings say, and is one opened whose past does not fit?"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from ledger.store.core import Published, StoreMismatch
from ledger.tlog import Checkpoint, Signer, sign_checkpoint
from services.runtime.hosting import ledger_names, open_ledger, write_trust_files
from services.runtime.settings import Settings
from tests.published_logs import append_up_to, grow


def test_ledgers_are_found(settings: Settings) -> None:
    """Those that have begun, whoever serves them, and nothing else that lies about."""
    assert [] == ledger_names(settings)
    for name in ("main", "court", "directory"):
        open_ledger(settings.of(name)).close()
    with closing(sqlite3.connect(settings.data / "notes.db")) as other, other:
        other.execute("CREATE TABLE notes (text)")
    (settings.data / "letters.db").write_bytes(b"no database")

    assert ["court", "main"] == ledger_names(settings)
    with closing(sqlite3.connect(settings.data / "notes.db")) as other:
        assert [("notes",)] == other.execute("SELECT name FROM sqlite_schema").fetchall()


def test_each_ledger_has_its_trust_file(settings: Settings) -> None:
    """`trust.txt` for the ledger that most deployments have alone, a name for the others."""
    for name, file in (("main", "trust.txt"), ("court", "court.trust.txt")):
        hosted = open_ledger(settings.of(name))
        write_trust_files(hosted)
        hosted.close()
        assert hosted.keys.origin in (settings.data / file).read_text()
        vkey = (settings.data / f"{name}.vkey").read_text().strip()
        assert hosted.keys.checkpoint.verifier_key.format() == vkey


def test_ledger_that_fits_is_opened_again(settings: Settings) -> None:
    """At any size: beyond its newest checkpoint, at it, and before there is one."""
    for published, size in ((False, 0), (False, 300), (True, 600), (False, 601)):
        hosted = open_ledger(settings)
        if published:
            grow(hosted, size)
        else:
            append_up_to(hosted.store, size)
        hosted.close()
    hosted = open_ledger(settings)
    assert 601 == hosted.store.head().tree_size
    hosted.close()


def test_unsigned_past_is_refused(settings: Settings) -> None:
    """A checkpoint in its table that its key did not sign: somebody put it there."""
    hosted = open_ledger(settings)
    grow(hosted, 3)
    origin = hosted.keys.origin
    head = hosted.store.head()
    append_up_to(hosted.store, 4)
    forged = Checkpoint(origin, 4, head.root)
    hosted.store.publish(Published(4, sign_checkpoint(forged, Signer(origin, bytes(32))), 0))
    hosted.close()
    with pytest.raises(StoreMismatch, match="its newest checkpoint is not signed by its key"):
        open_ledger(settings)
