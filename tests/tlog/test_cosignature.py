"""Does a cosignature count exactly when that witness made it, over that checkpoint and time?"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed, VerificationFailed
from ledger.limits import MAX_COSIGNED_AT, MAX_NOTE_SIGNATURES
from ledger.tlog import (
    COSIGNATURE_TYPE,
    NOTE_TYPE,
    Checkpoint,
    CosignatureFailed,
    Cosigner,
    KeyUntrusted,
    NoteUntrusted,
    QuorumUnmet,
    Signature,
    SignatureFailed,
    VerifierKey,
    Witness,
    add_signatures,
    cosignatures,
    open_witnessed,
    parse_note,
    sign,
    verify_cosignature,
)
from tests.tlog.logs import WITNESSES, MemoryLog, policy
from tests.tlog.strategies import LOG, ORIGIN, STRANGER, names, seeds
from tests.tlog.test_checkpoint import checkpoints

times = st.integers(0, MAX_COSIGNED_AT)
HONEST = MemoryLog(9)
CHECKPOINT = HONEST.checkpoint(9)
W0 = WITNESSES[0]


def cosigned(by: Sequence[int], *, size: int = 9, at: int = 1_700_000_000) -> bytes:
    """The log's note with a cosignature of each of these witnesses."""
    checkpoint = HONEST.checkpoint(size)
    lines = [WITNESSES[n].cosign(checkpoint, cosigned_at=at + n) for n in by]
    return add_signatures(HONEST.note(size), lines)


@given(checkpoints, names, seeds, times)
def test_cosignature_verifies_and_tells_its_time(
    checkpoint: Checkpoint, name: str, seed: bytes, at: int
) -> None:
    """For every checkpoint with or without extension lines, every key and every time."""
    cosigner = Cosigner(name, seed)
    signature = cosigner.cosign(checkpoint, cosigned_at=at)

    assert at == verify_cosignature(checkpoint, signature, cosigner.verifier_key)


def test_signed_bytes_are_c2sps() -> None:
    """Key id over type 0x04, eight bytes of time, and the message word for word."""
    checkpoint = Checkpoint("example.com/behind-the-sofa", 20852163, bytes(range(32)), ("more",))
    signature = W0.cosign(checkpoint, cosigned_at=1679315147)
    message = (
        b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
        b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nmore\n"
    )

    assert COSIGNATURE_TYPE == W0.verifier_key.key_type
    assert signature.key_id == W0.verifier_key.key_id
    assert signature.signature[:8] == bytes.fromhex("00000000641850cb")
    key = Ed25519PublicKey.from_public_bytes(W0.verifier_key.public_key)
    key.verify(signature.signature[8:], message)  # raises where it is another message


@given(st.integers(0, 71), st.integers(0, 7))
def test_changed_bit_never_verifies(at: int, bit: int) -> None:
    """Time and signature belong together, to the bit."""
    good = W0.cosign(CHECKPOINT, cosigned_at=1_700_000_000)
    blob = bytearray(good.signature)
    blob[at] ^= 1 << bit
    bad = Signature(good.key_name, good.key_id, bytes(blob))

    with pytest.raises(CosignatureFailed) as failed:
        verify_cosignature(CHECKPOINT, bad, W0.verifier_key)
    assert (failed.value.key_name, failed.value.key_id) == (good.key_name, good.key_id)


@pytest.mark.parametrize(
    "other",
    [
        HONEST.checkpoint(8),
        Checkpoint("example.com/other", 9, HONEST.root(9)),
        Checkpoint(ORIGIN, 9, HONEST.root(9), ("an extension",)),
    ],
)
def test_cosignature_counts_for_its_checkpoint_only(other: Checkpoint) -> None:
    """Another size, origin or extension line is another checkpoint."""
    signature = W0.cosign(CHECKPOINT, cosigned_at=1)

    with pytest.raises(CosignatureFailed, match="not over this checkpoint"):
        verify_cosignature(other, signature, W0.verifier_key)


@pytest.mark.parametrize("blob", [b"", bytes(71), bytes(73), b"\xff" * 72])
def test_blob_of_other_form_is_refused(blob: bytes) -> None:
    """Too short, too long, or a time beyond 2**63 - 1."""
    signature = Signature(W0.verifier_key.name, W0.verifier_key.key_id, blob)

    with pytest.raises(CosignatureFailed):
        verify_cosignature(CHECKPOINT, signature, W0.verifier_key)


def test_key_and_signature_must_belong_together() -> None:
    """Another witness's line proves nothing, and a log's key cosigns nothing."""
    signature = W0.cosign(CHECKPOINT, cosigned_at=1)

    with pytest.raises(CosignatureFailed, match="another name or id"):
        verify_cosignature(CHECKPOINT, signature, WITNESSES[1].verifier_key)
    with pytest.raises(Malformed, match="0x04"):
        verify_cosignature(CHECKPOINT, signature, LOG.verifier_key)


@pytest.mark.parametrize("at", [-1, MAX_COSIGNED_AT + 1])
def test_time_out_of_bounds_is_not_signed(at: int) -> None:
    """Before 1970, or beyond what the format holds."""
    with pytest.raises(Malformed, match="cosigned_at"):
        W0.cosign(CHECKPOINT, cosigned_at=at)


def test_note_signature_by_a_witness_key_is_no_cosignature() -> None:
    """The same Ed25519 key of type 0x01 has another id, and signs another message."""
    as_log = VerifierKey(W0.verifier_key.name, W0.verifier_key.public_key, NOTE_TYPE)

    assert as_log.key_id != W0.verifier_key.key_id


def test_cosigner_does_not_show_its_seed() -> None:
    """Printed, it is its public key."""
    assert repr(W0) == f"Cosigner({W0.verifier_key.format()!r})"


@given(st.sets(st.integers(0, 3)), st.permutations(range(4)))
def test_quorum_is_judged_on_who_cosigned(by: set[int], order: list[int]) -> None:
    """Two of four: with two it opens and names who and when; with fewer it says who is missing."""
    data = cosigned([n for n in order if n in by])
    expected = {f"w{n}": 1_700_000_000 + n for n in by}

    if len(by) >= 2:
        opened = open_witnessed(data, policy("at-least-2"), ORIGIN)
        assert CHECKPOINT == opened.checkpoint
        assert expected == opened.cosigned
        assert opened.note.text == CHECKPOINT.marshal()
    else:
        with pytest.raises(QuorumUnmet) as failed:
            open_witnessed(data, policy("at-least-2"), ORIGIN)
        assert set(expected) == set(failed.value.cosigned)
        assert (failed.value.origin, failed.value.tree_size) == (ORIGIN, 9)
        assert failed.value.quorum == "at-least-2"


def test_without_quorum_cosignatures_are_still_verified() -> None:
    """None is enough, and a bad one is refused all the same."""
    assert open_witnessed(HONEST.note(9), policy("none"), ORIGIN).cosigned == {}
    of_another = W0.cosign(HONEST.checkpoint(8), cosigned_at=1)

    with pytest.raises(CosignatureFailed):
        open_witnessed(add_signatures(HONEST.note(9), [of_another]), policy("none"), ORIGIN)


def test_bad_cosignature_condemns_the_note_though_others_suffice() -> None:
    """A known witness's name over something else is an attack, not a blank."""
    of_another = WITNESSES[3].cosign(HONEST.checkpoint(8), cosigned_at=1)
    data = add_signatures(cosigned([0, 1]), [of_another])

    with pytest.raises(CosignatureFailed) as failed:
        open_witnessed(data, policy("any"), ORIGIN)
    assert failed.value.key_name == WITNESSES[3].verifier_key.name


def test_strangers_count_for_nothing() -> None:
    """Sixteen cosigners we do not know are read over, and one we know is enough."""
    strangers = [Cosigner(f"s{n}.example", bytes([n] * 32)) for n in range(16)]
    lines = [stranger.cosign(CHECKPOINT, cosigned_at=1) for stranger in strangers]
    data = add_signatures(HONEST.note(9), lines)

    with pytest.raises(QuorumUnmet, match="no witness we know"):
        open_witnessed(data, policy("any"), ORIGIN)
    lines = [W0.cosign(CHECKPOINT, cosigned_at=7)]
    assert open_witnessed(add_signatures(data, lines), policy("any"), ORIGIN).cosigned == {"w0": 7}


def test_one_witness_counts_once() -> None:
    """Two cosignatures by one key are one witness, and the first tells the time."""
    data = add_signatures(cosigned([0], at=5), [W0.cosign(CHECKPOINT, cosigned_at=6)])

    with pytest.raises(QuorumUnmet):
        open_witnessed(data, policy("at-least-2"), ORIGIN)
    assert open_witnessed(data, policy("any"), ORIGIN).cosigned == {"w0": 5}


def test_cosignatures_do_not_replace_the_logs_own() -> None:
    """All witnesses, and no signature of the log, or a bad one: refused."""
    lines = [witness.cosign(CHECKPOINT, cosigned_at=1) for witness in WITNESSES]
    unsigned = add_signatures(sign(CHECKPOINT.marshal(), [STRANGER]), lines)
    with pytest.raises(NoteUntrusted):
        open_witnessed(unsigned, policy("all"), ORIGIN)

    forged = Signature(ORIGIN, LOG.verifier_key.key_id, bytes(64))
    with pytest.raises(SignatureFailed):
        open_witnessed(add_signatures(unsigned, [forged]), policy("all"), ORIGIN)


def test_another_logs_checkpoint_is_not_this_logs() -> None:
    """The policy must name the origin we ask for, whoever else it trusts."""
    with pytest.raises(KeyUntrusted):
        open_witnessed(cosigned([0, 1]), policy("any"), "example.com/elsewhere")
    other = MemoryLog(9, signer=STRANGER)
    with pytest.raises(VerificationFailed):
        open_witnessed(other.note(9), policy("none"), ORIGIN)


def test_two_witnesses_of_one_name_and_id_are_not_chosen_between() -> None:
    """The id is four bytes; a collision must not let one key pass for another."""
    witness = Witness("a", W0.verifier_key)

    with pytest.raises(Malformed, match="share a name"):
        cosignatures(CHECKPOINT, [], [witness, Witness("b", W0.verifier_key)])


def test_name_that_is_not_utf8_can_be_told() -> None:
    """A policy's names are octets; the error that names them must be printable."""
    error = QuorumUnmet(origin=ORIGIN, tree_size=1, quorum="\udcff", cosigned=["\udcfe"])

    assert "\\udcff" in str(error)
    assert "\\udcfe" in str(error)
    str(error).encode()


def test_lines_are_added_as_long_as_a_note_holds_them() -> None:
    """A hundred in all, and only to a note."""
    lines = [W0.cosign(CHECKPOINT, cosigned_at=n) for n in range(MAX_NOTE_SIGNATURES)]
    full = add_signatures(HONEST.note(9), lines[1:])

    assert len(parse_note(full)[1]) == MAX_NOTE_SIGNATURES
    with pytest.raises(Malformed):
        add_signatures(full, lines[:1])
    with pytest.raises(Malformed):
        add_signatures(b"no note", lines[:1])
