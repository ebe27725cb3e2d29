"""Does only our own signature over another history stop a ledger, and does it stop it whole?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.merkle import EMPTY_ROOT
from ledger.store.core import NewEntry, Published
from ledger.tlog import Checkpoint, Submission, Witness, sign_checkpoint
from services.publisher.lost_history import Doubted, check_doubt
from services.publisher.witness_client import WitnessAhead
from services.runtime.hosting import Hosted, open_ledger
from services.runtime.refusals import HistoryLost
from services.runtime.settings import Settings
from services.witness.server import WitnessServer
from tests.services.witness.harness import served
from tests.tlog.logs import WITNESSES

AHEAD = WitnessAhead("http://w", cosigned_size=9, tree_size=3)


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Hosted]:
    with closing(open_ledger(Settings(data=tmp_path / "data"))) as found:
        found.store.append([NewEntry.of(f"s/{n}", 1, "t", b"%d" % n) for n in range(3)])
        yield found


@pytest.fixture
def server(hosted: Hosted, tmp_path: Path) -> Iterator[WitnessServer]:
    with served(tmp_path / "w", [hosted.keys.checkpoint.verifier_key]) as found:
        yield found


def vouch(server: WitnessServer, hosted: Hosted, size: int, root: bytes) -> None:
    """The witness cosigns what the ledger's key signs."""
    checkpoint = Checkpoint(hosted.keys.origin, size, root)
    note = sign_checkpoint(checkpoint, hosted.keys.checkpoint)
    assert 200 == server.service.add_checkpoint(Submission(0, (), note).marshal()).status


def doubt(hosted: Hosted, url: str) -> None:
    check_doubt(hosted, Witness("w", WITNESSES[0].verifier_key, url), AHEAD)


def test_tree_of_ours_is_no_harm(hosted: Hosted, server: WitnessServer) -> None:
    """Another process was quicker, or the witness is merely wrong: we go on."""
    vouch(server, hosted, 3, hosted.store.head().root)
    doubt(hosted, server.url)

    assert hosted.log.halted is None
    hosted.log.checkpoint(hosted.store.head())


@pytest.mark.parametrize("size", [2, 3, 9])
def test_tree_that_we_lost_halts_the_log(hosted: Hosted, server: WitnessServer, size: int) -> None:
    """Larger than the head, or with another root: nothing is appended or signed from then on."""
    vouch(server, hosted, size, bytes(32))
    with pytest.raises(HistoryLost) as lost:
        doubt(hosted, server.url)

    assert (size, 3) == (lost.value.signed_size, lost.value.tree_size)
    with pytest.raises(HistoryLost):
        hosted.log.append([NewEntry.of("s/9", 1, "t", b"9")])
    with pytest.raises(HistoryLost):
        hosted.log.checkpoint(hosted.store.head())
    assert 3 == hosted.store.head().tree_size


def test_word_without_signature_halts_nothing(hosted: Hosted, server: WitnessServer) -> None:
    """A witness that shows nothing, or cannot be asked, is named and no more."""
    for url in (server.url, "http://127.0.0.1:1"):
        with pytest.raises(Doubted, match="witness w: cosigned size 9 already"):
            doubt(hosted, url)

    assert hosted.log.halted is None


def test_smaller_head_than_published_is_not_served(tmp_path: Path) -> None:
    """The database itself says that it was larger: nothing is opened, and nothing signed."""
    settings = Settings(data=tmp_path)
    with closing(open_ledger(settings)) as hosted:
        note = sign_checkpoint(
            Checkpoint(hosted.keys.origin, 1, EMPTY_ROOT), hosted.keys.checkpoint
        )
        hosted.store.publish(Published(1, note, 0))
    with pytest.raises(HistoryLost, match="tree of 1 entries"):
        open_ledger(settings)
