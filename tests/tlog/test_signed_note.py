"""Does a note open exactly where a trusted key signed exactly this text?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import CandourError, Malformed
from ledger.limits import MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES
from ledger.tlog import (
    COSIGNATURE_TYPE,
    Note,
    NoteUntrusted,
    Signature,
    SignatureFailed,
    Signer,
    VerifierKey,
    open_note,
    parse_note,
    sign,
)
from tests.tlog.strategies import ANSWERS, LOG, STRANGER, signers, texts, verifier

TEXT = "example.com/log\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
TRUSTED = [LOG.verifier_key]

# Documented in golang.org/x/mod/sumdb/note: two signatures, of which we trust one.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_NOTE = (
    f"{GO_TEXT}\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    "\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)


def test_go_note_opens() -> None:
    """Go's documented example opens with its key, the other signature left unverified."""
    note = open_note(GO_NOTE.encode(), [VerifierKey.parse(GO_KEY)])

    assert note.text == GO_TEXT
    assert [signature.key_name for signature in note.signatures] == ["PeterNeumann"]
    assert [signature.key_name for signature in note.unverified] == ["EnochRoot"]


@given(texts, st.lists(signers, min_size=1, max_size=4, unique_by=lambda s: s.verifier_key))
def test_signed_note_opens_to_its_text(text: str, some: list[Signer]) -> None:
    """Whatever the lines say, blank ones and signature-like ones included."""
    keys = [signer.verifier_key for signer in some]
    note = open_note(sign(text, some), keys)

    assert text == note.text
    assert [key.key_id for key in keys] == [signature.key_id for signature in note.signatures]
    assert note.unverified == ()


def test_signed_note_is_bytes_of_c2sp() -> None:
    """Text, blank line, em dash, name, and base64 of key id and signature."""
    blob = Signature(LOG.verifier_key.name, LOG.verifier_key.key_id, LOG.sign(TEXT.encode()))

    assert f"{TEXT}\n{blob.line()}\n".encode() == sign(TEXT, [LOG])
    assert blob.line().startswith("\u2014 example.com/log ")


def test_no_flipped_bit_opens_to_another_text() -> None:
    """Each single bit of a signed note: refused, or it stood in a stranger's line."""
    data = sign(TEXT, [LOG, STRANGER])
    for at in range(len(data)):
        for bit in range(8):
            changed = bytes([*data[:at], data[at] ^ 1 << bit, *data[at + 1 :]])
            try:
                note = open_note(changed, TRUSTED)
            except CandourError:
                continue
            assert note.text == TEXT
            assert at > data.index("\u2014 stranger".encode())


@given(st.data())
def test_no_edit_opens_to_another_text(data: st.DataObject) -> None:
    """Bytes cut out, put in or replaced: refused, or the same text."""
    note = sign(TEXT, [LOG])
    start = data.draw(st.integers(0, len(note)))
    end = data.draw(st.integers(start, min(start + 5, len(note))))
    new = data.draw(st.binary(max_size=5) | st.sampled_from([b"\n", b"\n\n", "\u2014 ".encode()]))
    changed = note[:start] + new + note[end:]

    try:
        opened = open_note(changed, TRUSTED)
    except CandourError:
        return
    assert opened.text == TEXT


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_our_errors_only(data: bytes) -> None:
    """No input ends in anything but our own errors."""
    with pytest.raises(CandourError):
        open_note(data, TRUSTED)


def test_unknown_key_is_ignored() -> None:
    """A stranger's signature proves nothing and spoils nothing, even with a shared name or id."""
    key = LOG.verifier_key
    namesake = Signature(key.name, b"\0\0\0\0", bytes(64))
    same_id = Signature("elsewhere.example", key.key_id, bytes(64))
    note = sign(TEXT, [LOG]) + f"{namesake.line()}\n{same_id.line()}\n".encode()

    assert open_note(note, TRUSTED).unverified == (namesake, same_id)


def test_note_of_strangers_is_refused() -> None:
    """Without one trusted signature there is no note, and the error counts what it saw."""
    with pytest.raises(NoteUntrusted) as failed:
        open_note(sign(TEXT, [STRANGER]), TRUSTED)

    assert (failed.value.signatures, failed.value.trusted_keys) == (1, 1)


def test_known_but_bad_signature_spoils_the_note() -> None:
    """One trusted key's good signature does not heal another's bad one."""
    key = ANSWERS.verifier_key
    forged = Signature(key.name, key.key_id, bytes(64))
    note = sign(TEXT, [LOG]) + f"{forged.line()}\n".encode()

    assert open_note(note, TRUSTED).text == TEXT
    with pytest.raises(SignatureFailed) as failed:
        open_note(note, [LOG.verifier_key, key])
    assert (failed.value.key_name, failed.value.key_id) == (key.name, key.key_id)


def test_repeated_signatures_count_once() -> None:
    """As Go: the first of a known key is judged, identical ones of a stranger are one."""
    data = sign(TEXT, [LOG, STRANGER])
    key = LOG.verifier_key
    repeated = data.removeprefix(f"{TEXT}\n".encode())
    late = f"{Signature(key.name, key.key_id, bytes(64)).line()}\n".encode()

    assert open_note(data, TRUSTED) == open_note(data + repeated + late, TRUSTED)


def test_cosigners_keys_are_left_to_others() -> None:
    """A signature under a key of type 0x04 is not over the text: it stays unverified here."""
    witness = verifier(STRANGER, COSIGNATURE_TYPE)
    cosignature = Signature(witness.name, witness.key_id, bytes(72))
    note = sign(TEXT, [LOG]) + f"{cosignature.line()}\n".encode()

    assert open_note(note, [*TRUSTED, witness]).unverified == (cosignature,)
    with pytest.raises(NoteUntrusted):
        open_note(note, [witness])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        TEXT.encode(),
        f"{TEXT}\n".encode(),
        sign(TEXT, [LOG])[:-1],
        sign(TEXT, [LOG]) + b"\n",
        sign(TEXT, [LOG]).replace(b"\n\n", b"\n"),
        sign(TEXT, [LOG]).replace(b"\n\n", b"\r\n\r\n"),
        sign(TEXT, [LOG]).replace("\u2014 ".encode(), b"- "),
        sign(TEXT, [LOG]).replace(b"42", b"\t42"),
        sign(TEXT, [LOG]).replace(b"42", b"\xff42"),
        sign(TEXT, [LOG]).replace(b"42", b"\xed\xb2\x80"),
        f"{TEXT}\n\u2014 a AAAAAA==\n".encode(),
        f"{TEXT}\n\u2014 a \n".encode(),
        f"{TEXT}\n\u2014 a\n".encode(),
        f"{TEXT}\n\u2014  AAAAAAAA\n".encode(),
    ],
)
def test_other_bytes_are_no_note(data: bytes) -> None:
    """No blank line, no signature, other line ends, controls, or not UTF-8."""
    with pytest.raises(Malformed):
        parse_note(data)


def test_note_is_bounded() -> None:
    """100 signatures and 1,000,000 bytes, for those who sign and for those who read."""
    many = [Signer("a", bytes([0, n] + [0] * 30)) for n in range(MAX_NOTE_SIGNATURES + 1)]
    longest = "x" * (MAX_NOTE_BYTES - len(sign("\n", [LOG]))) + "\n"
    one_more = f"{Signature('a', bytes(4), bytes(64)).line()}\n".encode()

    assert len(sign(longest, [LOG])) == MAX_NOTE_BYTES
    full = sign(TEXT, many[:-1])
    assert len(parse_note(full)[1]) == MAX_NOTE_SIGNATURES
    with pytest.raises(Malformed, match="100 signatures"):
        parse_note(full + one_more)
    with pytest.raises(Malformed, match="bytes at most"):
        parse_note(bytes(MAX_NOTE_BYTES + 1))
    with pytest.raises(Malformed, match="bytes at most"):
        sign(f"x{longest}", [LOG])
    with pytest.raises(Malformed, match="signers"):
        sign(TEXT, many)


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "cr\r\n", "\udc80\n"])
def test_other_texts_are_not_signed(text: str) -> None:
    """A text that no reader would take is not signed."""
    with pytest.raises(Malformed):
        sign(text, [LOG])


def test_nobody_signs_twice() -> None:
    """At least one signer, and each key once."""
    for some in ([], [LOG, LOG]):
        with pytest.raises(Malformed, match="signers"):
            sign(TEXT, some)


def test_two_keys_of_one_identity_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who found two keys with the same name and id shall not choose which one we trust."""
    monkeypatch.setattr(VerifierKey, "key_id", b"\1\2\3\4")
    twins = [VerifierKey("a", bytes(32)), VerifierKey("a", bytes([1] * 32))]

    with pytest.raises(Malformed, match="verifiers"):
        open_note(sign(TEXT, [LOG]), twins)


def test_note_is_a_value() -> None:
    """Opening the same bytes twice gives equal notes; the text alone makes none."""
    data = sign(TEXT, [LOG])

    assert open_note(data, TRUSTED) == open_note(data, TRUSTED) != Note(TEXT, ())
