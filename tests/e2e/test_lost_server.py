"""What becomes of an import whose server is killed in the middle?"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from ledger.ingest.sample import sample_export
from ledger.limits import IMPORT_GIVE_UP_S
from services.cli.client import Client
from services.cli.local_server import LocalServer
from services.cli.options import Connection
from tests.e2e.conftest import BIN, Place, Ran

ROWS = 12_000
WHO = ("--agency", "Sampleton PD", "--technology", "Platewatch", "--format", "json")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.csv"
    path.write_bytes(sample_export(ROWS))
    return path


def killed_in_the_middle(server: LocalServer, export: Path) -> subprocess.Popen[str]:
    """An import under way, whose server is gone since a moment."""
    importing = subprocess.Popen(
        [BIN / "candour", "import", "flock", export, *WHO, "--target", server.grpc],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with Client(Connection(target=server.grpc)) as client:
        deadline = time.monotonic() + 30
        while client.head_size() < ROWS // 4:
            assert importing.poll() is None, importing.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
    server.kill()
    return importing


def ended(importing: subprocess.Popen[str]) -> Ran:
    out, err = importing.communicate(timeout=60)
    return Ran(importing.returncode, out, err)


def test_gives_up_and_goes_on_later(tmp_path: Path, export: Path) -> None:
    """It gives up in time, not with 0, and says what was acknowledged; that is durable."""
    server = LocalServer(tmp_path / "data")
    server.start()
    importing = killed_in_the_middle(server, export)
    lost = time.monotonic()
    ran = ended(importing)
    waited_s = time.monotonic() - lost

    assert 1 == ran.exit_code
    assert IMPORT_GIVE_UP_S - 1 <= waited_s <= IMPORT_GIVE_UP_S + 5
    assert ("Traceback" not in ran.err, "No ledger answers" in ran.err) == (True, True)
    acknowledged = ran.json
    assert acknowledged["complete"] is False
    assert 0 < acknowledged["accepted"] < ROWS
    with LocalServer(tmp_path / "data") as again:
        place = Place(tmp_path / "data", None, again)
        found = place.json("import", "flock", export, *WHO[:-2])
        assert (ROWS, 0) == (found["accepted"] + found["duplicates"], found["rejected"])
        assert found["duplicates"] >= acknowledged["accepted"]
        assert acknowledged["import"] == found["import"]
        [group] = place.json("uses", "summary", "--by", "agency")
        assert ROWS == group["count"]
        place.candour("audit")


def test_rides_out_a_restart(tmp_path: Path, export: Path) -> None:
    """A server that comes back in time is found again; every row is accepted, once."""
    server = LocalServer(tmp_path / "data")
    server.start()
    importing = killed_in_the_middle(server, export)
    with LocalServer(tmp_path / "data", grpc=server.grpc, http=server.http):
        ran = ended(importing)

    assert 0 == ran.exit_code, ran.err
    counts = [ran.json[name] for name in ("rows", "accepted", "duplicates", "rejected")]
    assert [ROWS, ROWS, 0, 0] == counts


def test_sigterm_is_waited_for(tmp_path: Path) -> None:
    """A server told to end does so with 0, and its projector with it."""
    server = LocalServer(tmp_path / "data")
    server.start()
    assert server.process is not None
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    projectors = [int(pid) for pid in children.read_text().split()] if children.exists() else []
    server.stop()

    assert 0 == server.process.returncode
    for pid in projectors:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
