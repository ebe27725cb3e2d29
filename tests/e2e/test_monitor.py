"""Does `candour monitor` follow a real ledger, and convict the key that signed two histories?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.tlog import (
    Checkpoint,
    Equivocation,
    VerifierKey,
    claimed_checkpoint,
    sign_checkpoint,
)
from ledger.tlog.growth import join_notes
from services.cli.local_server import LocalServer
from services.pb.candour.v1 import ingest_pb2 as pb
from services.runtime.keys import open_keys
from tests.e2e.witnessed import Watched, candour

Look = Callable[..., str]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    with LocalServer(tmp_path / "data") as found:
        Watched(found).register()
        yield found


@pytest.fixture
def look(server: LocalServer, tmp_path: Path) -> Look:
    """One look at the ledger with the state of `who`."""

    def monitor(who: str, *more: object, exit_code: int = 0) -> str:
        url, vkey = f"http://{server.http}/ledgers/main", server.data / "main.vkey"
        arguments = (url, "--vkey", vkey, "--state", tmp_path / who, "--once", *more)
        return candour("monitor", *arguments, exit_code=exit_code)

    return monitor


def grown(server: LocalServer, own_id: str) -> int:
    """Report once more; the size that is published then."""
    answer = Watched(server).report(own_id, pb.WAIT_FOR_PUBLISHED)
    return claimed_checkpoint(answer.checkpoint.encode()).tree_size


def forged(server: LocalServer, size: int, root: bytes = bytes(32)) -> bytes:
    """A checkpoint that only the log's key can make."""
    origin = VerifierKey.parse((server.data / "main.vkey").read_text().strip()).name
    keys = open_keys(server.data, "main", origin=origin)
    return sign_checkpoint(Checkpoint(origin, size, root), keys.checkpoint)


def test_follows_and_agrees(server: LocalServer, look: Look, tmp_path: Path) -> None:
    """Each step is checked and kept; another monitor that came later saw the same."""
    sizes = [grown(server, "1")]
    assert f"size {sizes[0]}: the first look, believed" in look("mine")
    for number in range(2, 5):
        sizes.append(grown(server, str(number)))
        assert f"size {sizes[-1]}: adds to {sizes[-2]}" in look("mine")
    look("theirs")
    grown(server, "5")
    assert "one history, 1 checkpoints of theirs" in look("mine", "--compare", tmp_path / "theirs")


@pytest.mark.parametrize("at", [1, 2])
def test_fork_is_convicted(server: LocalServer, look: Look, tmp_path: Path, at: int) -> None:
    """Another history was shown to somebody else: exit 1, and a file that a stranger can check."""
    size = grown(server, "1")
    assert 2 == size
    look("mine")
    (tmp_path / "theirs").write_bytes(join_notes([forged(server, at)]))
    told = look("mine", "--compare", tmp_path / "theirs", exit_code=1)
    [path] = tmp_path.glob("mine.equivocation-*.txt")
    key = VerifierKey.parse((server.data / "main.vkey").read_text().strip())
    found = Equivocation.parse(path.read_bytes(), [key])

    assert f"The proof is in {path}" in told
    assert "signed two histories" in told
    assert {at, 2} == {one.checkpoint.tree_size for one in (found.older, found.newer)}


def test_what_cannot_be_told_is_2(server: LocalServer, look: Look, tmp_path: Path) -> None:
    """A log that went back, that does not answer, or a key or state that cannot be used."""
    grown(server, "1")
    look("mine")
    head = (tmp_path / "mine").read_bytes()
    (tmp_path / "mine").write_bytes(head + join_notes([forged(server, 9)]))
    assert "shows its tree of size 2 after that of size 9" in look("mine", exit_code=2)
    (tmp_path / "mine").write_bytes(head[:-1])
    assert "must each end in a blank line" in look("mine", exit_code=2)
    server.stop()
    assert "Connection refused" in look("theirs", exit_code=2)
    assert not (tmp_path / "theirs").exists()
