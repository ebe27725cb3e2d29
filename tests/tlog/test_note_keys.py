"""Is a key known by exactly one text, and does it verify exactly its own signatures?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.tlog import COSIGNATURE_TYPE, NOTE_TYPE, Signer, VerifierKey, is_key_name
from ledger.tlog.texts import encode_base64
from tests.tlog.strategies import LOG, names, seeds, signers, verifier

C2SP_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


def test_vkey_of_c2sp() -> None:
    """The specification's own key is read and written back."""
    key = VerifierKey.parse(C2SP_VKEY)

    assert (key.name, key.key_id.hex(), key.key_type) == ("example.com/foo", "530d903a", NOTE_TYPE)
    assert key.format() == C2SP_VKEY


@given(names, seeds, st.sampled_from([NOTE_TYPE, COSIGNATURE_TYPE]))
def test_vkey_round_trips(name: str, public_key: bytes, key_type: int) -> None:
    """Any name and key of a known type."""
    key = VerifierKey(name, public_key, key_type)

    assert key == VerifierKey.parse(key.format())


@given(st.data())
def test_changed_vkey_is_refused(data: st.DataObject) -> None:
    """One character changed, added or left out breaks the name, the key or its id."""
    at = data.draw(st.integers(0, len(C2SP_VKEY) - 1))
    new = data.draw(st.text("aA0+/= \n\u2014", max_size=2).filter(lambda s: s != C2SP_VKEY[at]))

    with pytest.raises(Malformed):
        VerifierKey.parse(C2SP_VKEY[:at] + new + C2SP_VKEY[at + 1 :])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "example.com/foo+530d903a+",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        f"{C2SP_VKEY} ",
    ],
)
def test_other_texts_are_no_vkey(vkey: str) -> None:
    """Missing parts, capital hex, another id, and blanks are refused."""
    with pytest.raises(Malformed):
        VerifierKey.parse(vkey)


@pytest.mark.parametrize("key_type", [0, 2, 6, 0xFF])
def test_unknown_type_is_refused(key_type: int) -> None:
    """We do not trust a key whose signatures we could not judge."""
    blob = encode_base64(bytes([key_type]) + bytes(32))

    with pytest.raises(Malformed, match=r"vkey\.type"):
        VerifierKey.parse(f"a+00000000+{blob}")


@pytest.mark.parametrize(
    "name", ["", "a b", "a+b", "a\tb", "a\u00a0b", "a\u2028b", "a\x01b", "\udc80"]
)
def test_name_must_fit_a_signature_line(name: str) -> None:
    """No space of any script, plus, control or lone surrogate; and not empty."""
    assert not is_key_name(name)
    with pytest.raises(Malformed):
        VerifierKey(name, bytes(32))


def test_fields_are_bounded() -> None:
    """255 bytes of name, whatever its characters; keys and seeds of 32 bytes."""
    VerifierKey("\u00e9" * 127, bytes(32))
    with pytest.raises(Malformed):
        VerifierKey("\u00e9" * 128, bytes(32))
    with pytest.raises(Malformed):
        VerifierKey("a", bytes(31))
    with pytest.raises(Malformed):
        Signer("a", bytes(33))


@given(signers, st.binary(max_size=50), st.integers(0, 511))
def test_signature_holds_for_its_message_only(signer: Signer, message: bytes, bit: int) -> None:
    """Another message, or one bit of the signature changed, does not verify."""
    signature = signer.sign(message)
    changed = (int.from_bytes(signature, "big") ^ 1 << bit).to_bytes(64, "big")

    assert signer.verifier_key.verify(message, signature)
    assert not signer.verifier_key.verify(message + b"!", signature)
    assert not signer.verifier_key.verify(message, changed)
    assert not signer.verifier_key.verify(message, signature[:-1])


@given(seeds)
def test_no_public_key_makes_verification_crash(public_key: bytes) -> None:
    """Most 32 bytes are no point of the curve; they verify nothing, quietly."""
    assert not VerifierKey("a", public_key).verify(b"message", bytes(range(64)))


def test_signer_hides_its_secret() -> None:
    """A printed signer shows its public key only."""
    assert repr(LOG) == f"Signer({LOG.verifier_key.format()!r})"


def test_id_tells_types_apart() -> None:
    """The same name and key have another id as a cosigner's."""
    assert verifier(LOG).key_id != verifier(LOG, COSIGNATURE_TYPE).key_id
