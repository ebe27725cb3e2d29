"""Is a log convicted where it forked, and only there?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import CandourError, Malformed, VerificationFailed
from ledger.merkle import EMPTY_ROOT, ConsistencyFailed
from ledger.tlog import (
    Checkpoint,
    Cosigner,
    Equivocation,
    Signer,
    add_signatures,
    check_growth,
    judge,
    open_checkpoint,
)
from ledger.tlog.growth import join_notes, note_bytes, split_notes
from tests.merkle.strategies import faulty
from tests.tlog.logs import MemoryLog
from tests.tlog.strategies import LOG, STRANGER

SIZE = 40
HONEST = MemoryLog(SIZE)
FORKS = [MemoryLog(SIZE, forked_at=at) for at in range(SIZE)]
KEYS = [LOG.verifier_key]

sizes = st.integers(0, SIZE)
pairs = st.tuples(sizes, sizes).map(lambda two: (min(two), max(two)))


@given(pairs)
def test_honest_growth_is_seen_and_convicts_nobody(pair: tuple[int, int]) -> None:
    """Between any two sizes, the empty tree included."""
    old, new = pair
    proof = HONEST.proof(old, new)

    check_growth(old_size=old, old_root=HONEST.root(old), newer=HONEST.checkpoint(new), proof=proof)
    assert judge(HONEST.signed(old), HONEST.signed(new), proof) is None
    assert (
        judge(HONEST.signed(old), HONEST.signed(new), proof, prefix_root=HONEST.root(old)) is None
    )


@given(pairs, st.integers(0, SIZE - 1))
def test_fork_is_convicted_by_two_checkpoints(pair: tuple[int, int], forked_at: int) -> None:
    """The honest tree, then a fork of it: proven to whoever has the key, from the file alone."""
    old, new = pair
    fork = FORKS[forked_at]
    found = judge(
        HONEST.signed(old), fork.signed(new), fork.proof(old, new), prefix_root=fork.root(old)
    )

    if old <= forked_at:
        assert found is None
    else:
        assert found is not None
        assert found == Equivocation.parse(found.marshal(), KEYS)
        assert f"size {old}" in str(found)


@given(pairs, st.integers(0, SIZE - 1), st.data())
def test_garbage_convicts_nobody(
    pair: tuple[int, int], forked_at: int, data: st.DataObject
) -> None:
    """A faulty proof between honest checkpoints is a failure, whatever root it comes with."""
    old, new = pair
    proof = data.draw(faulty(HONEST.proof(old, new)))
    wrong_root = FORKS[forked_at].root(old)

    with pytest.raises(ConsistencyFailed):
        judge(HONEST.signed(old), HONEST.signed(new), proof, prefix_root=wrong_root)
    with pytest.raises(ConsistencyFailed):
        check_growth(
            old_size=old, old_root=HONEST.root(old), newer=HONEST.checkpoint(new), proof=proof
        )


@given(pairs, st.integers(0, SIZE - 1))
def test_innocent_log_cannot_be_framed(pair: tuple[int, int], forked_at: int) -> None:
    """A file of two honest checkpoints, with a fork's root and proof, is refused."""
    old, new = pair
    fork = FORKS[forked_at]
    framed = Equivocation(
        HONEST.signed(old), HONEST.signed(new), fork.root(old), tuple(fork.proof(old, new))
    )

    with pytest.raises(CandourError):
        Equivocation.parse(framed.marshal(), KEYS)


def test_without_the_prefix_root_a_fork_is_suspected_only() -> None:
    """A proof that fails could be anybody's garbage."""
    fork = FORKS[3]

    with pytest.raises(ConsistencyFailed):
        judge(HONEST.signed(10), fork.signed(20), fork.proof(10, 20))


def test_two_roots_of_one_size_need_no_proof() -> None:
    """The attack of signing twice is its own evidence."""
    found = judge(HONEST.signed(10), FORKS[3].signed(10), [])

    assert found == Equivocation(HONEST.signed(10), FORKS[3].signed(10))
    assert found is not None
    assert found == Equivocation.parse(found.marshal(), KEYS)


def test_changed_file_convicts_nobody() -> None:
    """Any byte of it."""
    fork = FORKS[3]
    found = judge(HONEST.signed(10), fork.signed(21), fork.proof(10, 21), prefix_root=fork.root(10))
    assert found is not None
    good = found.marshal()
    for at in range(len(good)):
        for changed in (good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :], good[:at]):
            with pytest.raises(CandourError):
                Equivocation.parse(changed, KEYS)


def test_others_cannot_be_made_to_confess() -> None:
    """Checkpoints that a stranger signed convict the stranger, under its own key."""
    signer = Signer(LOG.verifier_key.name, bytes([5] * 32))
    two = MemoryLog(5, signer=signer).signed(5), MemoryLog(5, forked_at=1, signer=signer).signed(5)
    data = Equivocation(*two).marshal()

    assert Equivocation.parse(data, [signer.verifier_key]) == Equivocation(*two)
    with pytest.raises(VerificationFailed):
        Equivocation.parse(data, KEYS)


def test_two_logs_are_no_equivocation() -> None:
    """Nor is a larger tree that comes first, or a proof between equal sizes."""
    other = MemoryLog(9, signer=STRANGER)
    for claim in (
        Equivocation(HONEST.signed(5), other.signed(5)),
        Equivocation(HONEST.signed(6), HONEST.signed(5)),
        Equivocation(HONEST.signed(5), FORKS[1].signed(5), bytes(32)),
        Equivocation(HONEST.signed(5), FORKS[1].signed(5), b"", (bytes(32),)),
    ):
        with pytest.raises(Malformed):
            claim.check()


def test_empty_tree_has_one_root() -> None:
    """A checkpoint of size 0 with another root is refused, from nothing too."""
    bad = Checkpoint(LOG.verifier_key.name, 0, bytes(32))

    with pytest.raises(ConsistencyFailed, match="empty tree"):
        check_growth(old_size=0, old_root=EMPTY_ROOT, newer=bad, proof=[])
    with pytest.raises(ConsistencyFailed, match="too long"):
        check_growth(old_size=0, old_root=EMPTY_ROOT, newer=HONEST.checkpoint(3), proof=[bytes(32)])


def test_cosignatures_stay_with_the_evidence() -> None:
    """A witness that cosigned both histories is convicted with the log."""
    cosigner = Cosigner("w.example", bytes(32))
    notes = [
        add_signatures(log.note(9), [cosigner.cosign(log.checkpoint(9), cosigned_at=1)])
        for log in (HONEST, FORKS[2])
    ]
    older, newer = (open_checkpoint(note, KEYS) for note in notes)

    assert [note_bytes(older.note), note_bytes(newer.note)] == notes
    assert all(note in Equivocation(older, newer).marshal() for note in notes)


@given(st.lists(sizes, max_size=5))
def test_notes_in_a_file_round_trip(some: list[int]) -> None:
    """Joined by appending, split again; a cut file is refused."""
    notes = [HONEST.note(size) for size in some]
    joined = join_notes(notes)

    assert notes == split_notes(joined)
    assert joined == b"".join(join_notes([note]) for note in notes)
    if notes:
        with pytest.raises(Malformed):
            split_notes(joined[:-1])
