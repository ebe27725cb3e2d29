"""Does a monitor believe only what tiles show, and does what it keeps convict a log that forked?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import Malformed, VerificationFailed
from ledger.tlog import Equivocation, TilePath, WentBack, format_seen
from services.monitor.tiles import LogReader, LogUnreadable
from services.monitor.watching import Convicted, Monitor, NotShown, read_seen
from tests.services.monitor.shown import Shown, showing
from tests.tlog.logs import MemoryLog
from tests.tlog.strategies import LOG, STRANGER

SIZE = 700  # full tiles and partial ones, two levels
HONEST = MemoryLog(SIZE)
FORK = MemoryLog(SIZE, forked_at=300)
KEY = LOG.verifier_key


@pytest.fixture
def shown() -> Iterator[Shown]:
    with showing(HONEST, 5) as found:
        yield found


def monitor(shown: Shown, state: Path) -> Monitor:
    return Monitor(LogReader(shown.url, KEY), state)


def sizes(state: Path) -> list[int]:
    return [signed.checkpoint.tree_size for signed in read_seen(state, KEY)]


def evidence(convicted: Convicted) -> tuple[int, int]:
    """The sizes in the file, which a stranger with the key has checked."""
    found = Equivocation.parse(convicted.path.read_bytes(), [KEY])
    assert str(convicted.path) in str(convicted)
    return found.older.checkpoint.tree_size, found.newer.checkpoint.tree_size


def saw(path: Path, log: MemoryLog, *at: int) -> Path:
    """The file of another monitor, to which the log showed these sizes of a history."""
    path.write_bytes(b"".join(format_seen(log.signed(size)) for size in at))
    return path


def test_every_step_is_checked_and_kept(shown: Shown, tmp_path: Path) -> None:
    """Each larger tree once, over restarts of the monitor; a tree seen before adds nothing."""
    state = tmp_path / "seen"
    told = []
    for size in (0, 5, 5, 256, 257, 300, 512, 700):
        shown.show(HONEST, size)
        shown.no_partials = True
        told.append(str(monitor(shown, state).look()))

    assert [0, 5, 256, 257, 300, 512, 700] == sizes(state)
    assert ["size 0: the first look, believed", "size 5: adds to 0"] == told[:2]
    assert ["size 5: as before", "size 256: adds to 5"] == told[2:4]


@pytest.mark.parametrize(("seen", "then"), [(310, 310), (310, 311), (310, 512), (301, 700)])
def test_fork_is_convicted(shown: Shown, tmp_path: Path, seen: int, then: int) -> None:
    """Of the same size or a larger one: two signatures, and the proof that they contradict."""
    watching = monitor(shown, tmp_path / "seen")
    shown.show(HONEST, seen)
    watching.look()
    shown.show(FORK, then)
    with pytest.raises(Convicted) as convicted:
        watching.look()

    assert (seen, then) == evidence(convicted.value)
    assert [seen] == sizes(tmp_path / "seen")


def test_common_beginning_is_no_fork(shown: Shown, tmp_path: Path) -> None:
    """Before the fork both histories are one."""
    watching = monitor(shown, tmp_path / "seen")
    shown.show(FORK, 300)
    watching.look()
    shown.show(HONEST, 512)
    watching.look()


def test_restored_log_went_back(shown: Shown, tmp_path: Path) -> None:
    """A smaller tree of the same history is told; what was seen stays."""
    watching = monitor(shown, tmp_path / "seen")
    for size in (40, 500):
        shown.show(HONEST, size)
        watching.look()
    shown.show(HONEST, 400)
    with pytest.raises(WentBack):
        watching.look()
    shown.show(HONEST, 600)
    watching.look()

    assert [40, 500, 600] == sizes(tmp_path / "seen")


@pytest.mark.parametrize("seen", [(40, 305, 500), (310, 500)])
def test_restored_log_that_went_on_is_convicted(
    shown: Shown, tmp_path: Path, seen: tuple[int, ...]
) -> None:
    """Smaller than the last one seen, and of another history than one before it."""
    watching = monitor(shown, tmp_path / "seen")
    for size in seen:
        shown.show(HONEST, size)
        watching.look()
    shown.show(FORK, 400)
    with pytest.raises(Convicted) as convicted:
        watching.look()

    assert (seen[-2], 400) == evidence(convicted.value)


def test_tiles_of_another_tree_show_nothing(shown: Shown, tmp_path: Path) -> None:
    """Nobody is convicted by tiles that are not those of the signed root, and nothing is kept."""
    watching = monitor(shown, tmp_path / "seen")
    shown.show(HONEST, 310)
    watching.look()
    shown.show(FORK, 512, note=HONEST.note(512))
    with pytest.raises(NotShown):
        watching.look()

    assert [310] == sizes(tmp_path / "seen")
    assert ["seen"] == [path.name for path in tmp_path.iterdir()]


def test_nothing_to_read_is_said(shown: Shown, tmp_path: Path) -> None:
    """Which URL, and what it answers."""
    watching = monitor(shown, tmp_path / "seen")
    shown.broken = {"checkpoint"}
    with pytest.raises(LogUnreadable, match="/log/checkpoint: answers 404"):
        watching.look()
    shown.show(HONEST, 300)
    watching.look()
    shown.show(HONEST, 600)
    shown.broken = {"tile/0/001"}
    with pytest.raises(LogUnreadable, match="/log/tile/0/001: answers 404"):
        watching.look()
    with pytest.raises(LogUnreadable):
        Monitor(LogReader("http://127.0.0.1:1", KEY), tmp_path / "other").look()


def test_another_key_is_not_believed(shown: Shown, tmp_path: Path) -> None:
    """Neither in what is shown, nor in a file."""
    watching = Monitor(LogReader(shown.url, STRANGER.verifier_key), tmp_path / "seen")
    with pytest.raises(VerificationFailed):
        watching.look()
    with pytest.raises(VerificationFailed):
        Monitor(LogReader(shown.url, STRANGER.verifier_key), saw(tmp_path / "his", HONEST, 5))
    (tmp_path / "cut").write_bytes(format_seen(HONEST.signed(5))[:-3])
    with pytest.raises(Malformed):
        monitor(shown, tmp_path / "cut")


@pytest.mark.parametrize("theirs", [(5, 200), (310, 512), (100, 600), (512,), ()])
def test_two_monitors_of_one_history_agree(
    shown: Shown, tmp_path: Path, theirs: tuple[int, ...]
) -> None:
    """Whichever sizes each of them saw; what lies between, the log's tiles join."""
    watching = monitor(shown, tmp_path / "mine")
    for size in (5, 310, 512, 600):
        shown.show(HONEST, size)
        watching.look()

    assert len(theirs) == watching.compare(saw(tmp_path / "theirs", HONEST, *theirs))


@pytest.mark.parametrize("theirs", [(310,), (5, 301), (512,), (5, 299, 450), (600,)])
def test_two_histories_are_convicted(shown: Shown, tmp_path: Path, theirs: tuple[int, ...]) -> None:
    """What was shown to another one, and what is shown to us, cannot both be true."""
    watching = monitor(shown, tmp_path / "mine")
    for size in (5, 310, 512, 600):
        shown.show(HONEST, size)
        watching.look()
    with pytest.raises(Convicted) as convicted:
        watching.compare(saw(tmp_path / "theirs", FORK, *theirs))

    assert theirs[-1] == evidence(convicted.value)[0]


def test_older_trees_are_cut_from_the_tiles_of_today(shown: Shown, tmp_path: Path) -> None:
    """The partial tiles of the two that are compared are gone; those of the newest tree serve."""
    watching = monitor(shown, tmp_path / "mine")
    for size in (5, 580, 600):
        shown.show(HONEST, size)
        watching.look()
    shown.no_partials = True

    assert 1 == watching.compare(saw(tmp_path / "theirs", HONEST, 550))
    with pytest.raises(Convicted):
        watching.compare(saw(tmp_path / "others", FORK, 550))


def test_larger_tree_of_theirs_waits(shown: Shown, tmp_path: Path) -> None:
    """What we are not shown yet can be compared later, and no one is convicted before."""
    watching = monitor(shown, tmp_path / "mine")
    shown.show(HONEST, 512)
    watching.look()
    with pytest.raises(LogUnreadable):
        watching.compare(saw(tmp_path / "theirs", HONEST, 600))
    shown.show(HONEST, 700)
    watching.look()

    assert 1 == watching.compare(tmp_path / "theirs")


def test_partial_tile_that_is_gone_is_cut_from_the_whole(shown: Shown) -> None:
    """A log may collect partial tiles once they are full."""
    shown.show(HONEST, 300)
    shown.no_partials = True
    reader = LogReader(shown.url, KEY)

    assert HONEST.tile(0, 0, 5) == reader.tile(TilePath(0, 0, 5))
    with pytest.raises(LogUnreadable):
        reader.tile(TilePath(0, 1, 5))
