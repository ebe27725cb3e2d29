"""Does a tlog-proof file prove its entry, and nothing else?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import CandourError, Malformed
from ledger.limits import MAX_PROOF_EXTRA_BYTES, MAX_TREE_SIZE
from ledger.merkle import InclusionFailed, leaf_hash
from ledger.tlog import QuorumUnmet, TlogProof, add_signatures
from tests.tlog.logs import WITNESSES, MemoryLog, policy
from tests.tlog.strategies import ORIGIN

SIZE = 300
LOG_OF_300 = MemoryLog(SIZE)


def note_of(size: int) -> bytes:
    """A checkpoint with one cosignature."""
    line = WITNESSES[0].cosign(LOG_OF_300.checkpoint(size), cosigned_at=1_700_000_000)
    return add_signatures(LOG_OF_300.note(size), [line])


def proof_of(index: int, size: int, extra: bytes = b"") -> TlogProof:
    return TlogProof(index, tuple(LOG_OF_300.inclusion(index, size)), note_of(size), extra)


places = st.integers(1, SIZE).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n)))


@given(places, st.binary(max_size=40))
def test_file_round_trips_and_proves_its_entry(place: tuple[int, int], extra: bytes) -> None:
    """Any entry of a tree of any size, with extra data and without."""
    index, size = place
    proof = TlogProof.parse(proof_of(index, size, extra).marshal())

    assert proof_of(index, size, extra) == proof
    leaf = leaf_hash(LOG_OF_300.entries[index])
    witnessed = proof.verify(leaf, policy("any"), ORIGIN)
    assert LOG_OF_300.checkpoint(size) == witnessed.checkpoint
    assert witnessed.cosigned == {"w0": 1_700_000_000}


@given(places, st.data())
def test_changed_byte_never_proves(place: tuple[int, int], data: st.DataObject) -> None:
    """One byte of the file changed: it is refused, or the extra data, which nobody signed, is."""
    index, size = place
    good = proof_of(index, size).marshal()
    at = data.draw(st.integers(0, len(good) - 1))
    changed = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]

    with pytest.raises(CandourError):
        TlogProof.parse(changed).verify(leaf_hash(LOG_OF_300.entries[index]), policy("any"), ORIGIN)


@given(places, st.data())
def test_it_proves_no_other_entry(place: tuple[int, int], data: st.DataObject) -> None:
    """Nor the same entry at another index."""
    index, size = place
    proof = proof_of(index, size)
    with pytest.raises(InclusionFailed):
        proof.verify(leaf_hash(b"another"), policy("any"), ORIGIN)
    other = data.draw(st.integers(0, SIZE).filter(lambda i: i != index))

    moved = TlogProof(other, proof.proof, proof.note)
    with pytest.raises(InclusionFailed):
        moved.verify(leaf_hash(LOG_OF_300.entries[index]), policy("any"), ORIGIN)


def test_text_is_c2sps() -> None:
    """Header, extra, index, hashes, blank line, and the checkpoint word for word."""
    text = proof_of(2, 3, b"\x00\x01").marshal().decode()
    head, _, note = text.partition("\n\n")

    assert head.split("\n")[:3] == ["c2sp.org/tlog-proof@v1", "extra AAE=", "index 2"]
    assert len(head.split("\n")) == 4
    assert note.encode() == note_of(3)


def test_policy_is_asked_for_its_quorum() -> None:
    """One cosignature is not two."""
    proof = proof_of(0, 1)
    with pytest.raises(QuorumUnmet):
        proof.verify(leaf_hash(LOG_OF_300.entries[0]), policy("at-least-2"), ORIGIN)


GOOD = proof_of(2, 5, b"more").marshal()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"c2sp.org/tlog-proof@v1\n",
        GOOD.replace(b"@v1", b"@v2"),
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b"extra bW9yZQ==\n", b"extra \n"),
        GOOD.replace(b"extra bW9yZQ==\n", b"extra bW9yZQ==\nextra bW9yZQ==\n"),
        GOOD.replace(b"extra ", b"Extra "),
        GOOD.replace(b"index 2", b"index 02"),
        GOOD.replace(b"index 2", b"index -2"),
        GOOD.replace(b"index 2", b"index %d" % MAX_TREE_SIZE),
        GOOD.replace(b"index 2\n", b""),
        GOOD.replace(b"index 2\n", b"index 2\nAAAA\n"),
        GOOD.replace(b"index 2\n", b"index 2\n" + b"A" * 43 + b"=\n" + (b"A" * 43 + b"=\n") * 64),
        GOOD.replace(b"index 2\n", "index 2\nÄ\n".encode()),
        GOOD.replace(b"index 2\n", b"index 2\n\n"),
        GOOD[:-1],
        GOOD + b"\n",
    ],
)
def test_other_texts_are_no_proof(data: bytes) -> None:
    """Another version, order, number, hash or line end; a cut or longer file."""
    assert TlogProof.parse(GOOD) == proof_of(2, 5, b"more")
    with pytest.raises(Malformed):
        TlogProof.parse(data)


def test_fields_are_checked() -> None:
    """What could not be read back is not written."""
    note = note_of(3)
    for index, proof, data, extra in [
        (-1, (), note, b""),
        (MAX_TREE_SIZE, (), note, b""),
        (0, (bytes(31),), note, b""),
        (0, (bytes(32),) * 65, note, b""),
        (0, (), b"no note", b""),
        (0, (), note, bytes(MAX_PROOF_EXTRA_BYTES + 1)),
    ]:
        with pytest.raises(Malformed):
            TlogProof(index, proof, data, extra)
