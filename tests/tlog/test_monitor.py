"""Does a monitor see every fork that it is shown, and every fork that two of them were shown?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed, VerificationFailed
from ledger.merkle import ConsistencyFailed
from ledger.tlog import (
    Equivocation,
    Gap,
    SignedCheckpoint,
    WentBack,
    compare,
    format_seen,
    judge,
    observe,
    parse_seen,
)
from tests.tlog.logs import MemoryLog
from tests.tlog.strategies import LOG, STRANGER

SIZE = 40
HONEST = MemoryLog(SIZE)
FORKS = [MemoryLog(SIZE, forked_at=at) for at in range(SIZE)]
KEYS = [LOG.verifier_key]

histories = st.sets(st.integers(1, SIZE), min_size=1, max_size=6).map(sorted)
forked_at = st.integers(0, SIZE - 1)


def watched(log: MemoryLog, sizes: list[int]) -> list[SignedCheckpoint]:
    """What a monitor keeps that is shown this log at these sizes."""
    last: SignedCheckpoint | None = None
    seen = []
    for size in sizes:
        before = last.checkpoint.tree_size if last else 0
        found = observe(last, log.signed(size), log.proof(before, size))
        assert isinstance(found, SignedCheckpoint)
        seen.append(found)
        last = found
    return seen


@given(st.lists(st.integers(0, SIZE), min_size=1, max_size=8))
def test_honest_log_is_followed(sizes: list[int]) -> None:
    """The largest tree is remembered; a smaller one shown later is told as a step back."""
    last: SignedCheckpoint | None = None
    largest = -1
    for size in sizes:
        low, high = min(size, max(largest, 0)), max(size, largest)
        proof = HONEST.proof(low, high) if last else []
        if size < largest:
            with pytest.raises(WentBack) as back:
                observe(last, HONEST.signed(size), proof)
            assert (back.value.shown, back.value.seen) == (size, largest)
        else:
            found = observe(last, HONEST.signed(size), proof)
            assert isinstance(found, SignedCheckpoint)
            last, largest = found, size
        assert last is not None
        assert HONEST.checkpoint(largest) == last.checkpoint


@given(st.integers(1, SIZE), st.integers(1, SIZE), forked_at)
def test_fork_shown_to_one_monitor_is_convicted(seen: int, shown: int, at: int) -> None:
    """Larger, smaller or of one size: where the trees differ, two checkpoints prove it."""
    fork = FORKS[at]
    last = watched(HONEST, [seen])[0]
    low, high = min(seen, shown), max(seen, shown)
    larger = fork if shown >= seen else HONEST  # its tiles give proof and prefix
    differ = low > at

    if not differ and shown < seen:
        with pytest.raises(WentBack):
            observe(last, fork.signed(shown), larger.proof(low, high))
        return
    found = observe(last, fork.signed(shown), larger.proof(low, high), prefix_root=larger.root(low))
    if differ:
        assert isinstance(found, Equivocation)
        assert found == Equivocation.parse(found.marshal(), KEYS)
        assert {seen, shown} == {
            found.older.checkpoint.tree_size,
            found.newer.checkpoint.tree_size,
        }
    else:
        assert isinstance(found, SignedCheckpoint)


def test_step_that_is_not_shown_is_not_taken() -> None:
    """Without a sound proof the monitor raises, so it goes on remembering what it saw last."""
    last = watched(HONEST, [10])[0]
    for proof in ([], HONEST.proof(9, 20), [bytes(32)]):
        with pytest.raises(ConsistencyFailed):
            observe(last, HONEST.signed(20), proof)
    with pytest.raises(ConsistencyFailed, match="too long"):
        observe(None, HONEST.signed(20), [bytes(32)])
    with pytest.raises(Malformed, match="one log"):
        observe(last, MemoryLog(20, signer=STRANGER).signed(20), HONEST.proof(10, 20))


@given(histories, histories, forked_at, st.booleans())
def test_two_monitors_find_every_fork(
    mine: list[int], theirs: list[int], at: int, mine_is_honest: bool
) -> None:
    """Shown different histories, they convict the log at once or by one proof, asked of anybody."""
    fork = FORKS[at]
    first, second = (HONEST, fork) if mine_is_honest else (fork, HONEST)
    logs = {"mine": first, "theirs": second}
    found = compare(watched(first, mine), watched(second, theirs))
    differ = min(mine[-1], theirs[-1]) > at

    if isinstance(found, Gap):
        longer = logs["mine" if mine[-1] > theirs[-1] else "theirs"]
        low, high = found.older.checkpoint.tree_size, found.newer.checkpoint.tree_size
        found = judge(
            found.older, found.newer, longer.proof(low, high), prefix_root=longer.root(low)
        )
    assert differ == isinstance(found, Equivocation)
    assert differ or found is None


@given(histories, histories)
def test_monitors_that_share_an_end_agree(mine: list[int], theirs: list[int]) -> None:
    """Where the shorter file's last size is in the other one, nothing is left to prove."""
    found = compare(watched(HONEST, mine), watched(HONEST, theirs))
    shorter, longer = sorted((mine, theirs), key=lambda sizes: sizes[-1])

    if shorter[-1] in longer:
        assert found is None
    else:
        assert isinstance(found, Gap)
        assert found.older.checkpoint.tree_size == shorter[-1]
        assert found.newer.checkpoint.tree_size == min(n for n in longer if n > shorter[-1])


def test_files_of_two_logs_are_not_compared() -> None:
    """Whatever their sizes; an empty file agrees with any."""
    mine, theirs = watched(HONEST, [3, 7]), watched(MemoryLog(9, signer=STRANGER), [3, 9])
    for other in (theirs, theirs[1:]):
        with pytest.raises(Malformed):
            compare(mine, other)
    assert compare(mine, []) is None
    assert compare([], []) is None


@given(histories)
def test_file_round_trips_by_appending(sizes: list[int]) -> None:
    """Each checkpoint as it came; the file is all of them in a row."""
    seen = watched(HONEST, sizes)
    data = b"".join(map(format_seen, seen))

    assert seen == parse_seen(data, KEYS)


def test_file_that_is_out_of_order_or_forged_is_refused() -> None:
    """Sizes rise, one log speaks, every signature holds, and no end is missing."""
    three, seven = (format_seen(HONEST.signed(size)) for size in (3, 7))
    other = format_seen(MemoryLog(9, signer=STRANGER).signed(9))
    both = [*KEYS, STRANGER.verifier_key]

    for data in (seven + three, three + three, three + other, three + seven[:-1], b"x"):
        with pytest.raises(Malformed):
            parse_seen(data, both)
    with pytest.raises(VerificationFailed):
        parse_seen(other, KEYS)
    with pytest.raises(VerificationFailed):
        parse_seen(three.replace(b"\n3\n", b"\n4\n"), KEYS)
    assert parse_seen(b"", KEYS) == []
