"""Who signed this text? (C2SP signed-note; golang.org/x/mod/sumdb/note)

    text + signers ──sign──► signed note, bytes ──open_note, with trusted keys──► Note
                                                └──parse_note──► text, signatures unjudged

Text and signatures are parted by the last blank line:

    example.com/log
    42
    <root>

    — example.com/log <base64 of key id and signature>
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.errors import Malformed, VerificationFailed
from ledger.limits import MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES
from ledger.tlog.note_keys import KEY_ID_BYTES, NOTE_TYPE, Signer, VerifierKey, is_key_name
from ledger.tlog.texts import decode_base64, encode_base64, has_control

_PREFIX: Final = "\u2014 "  # em dash, space


class SignatureFailed(VerificationFailed):
    """A signature bears a trusted key's name and id, and that key did not make it."""

    def __init__(self, *, key_name: str, key_id: bytes) -> None:
        super().__init__(f"signature of {key_name}+{key_id.hex()}: not over this text")
        self.key_name, self.key_id = key_name, key_id


class NoteUntrusted(VerificationFailed):
    """No key that we trust signed this note."""

    def __init__(self, *, signatures: int, trusted_keys: int) -> None:
        super().__init__(
            f"note of {signatures} signatures: none is by one of {trusted_keys} trusted keys"
        )
        self.signatures, self.trusted_keys = signatures, trusted_keys


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who claims to have signed, and with what.

    Args:
        key_name: As `is_key_name`.
        key_id: 4 bytes.
        signature: 1 byte or more; 64 for type 0x01.
    """

    key_name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """The line as it stands in a note, without its newline."""
        return f"{_PREFIX}{self.key_name} {encode_base64(self.key_id + self.signature)}"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that at least one trusted key signed.

    Args:
        text: What was signed, its final newline included.
        signatures: Verified ones, one a key, in the order of the note.
        unverified: By keys we do not know, or of a type judged elsewhere. They prove nothing.
    """

    text: str
    signatures: tuple[Signature, ...]
    unverified: tuple[Signature, ...] = ()


def sign(text: str, signers: Sequence[Signer]) -> bytes:
    """The signed note over this text, with a line a signer, in their order.

    Args:
        text: Lines that each end in a newline; no other control character.
        signers: 1 to 100, no key twice.
    Raises:
        Malformed: Text or signers break these rules, or the note would exceed 1,000,000 bytes.
    """
    message = _message(text)
    keys = [signer.verifier_key for signer in signers]
    if not 1 <= len(set(keys)) == len(keys) <= MAX_NOTE_SIGNATURES:
        raise Malformed("signers", f"must be 1 to {MAX_NOTE_SIGNATURES} different keys")
    note = message + b"\n"
    for key, signer in zip(keys, signers, strict=True):
        line = Signature(key.name, key.key_id, signer.sign(message)).line()
        note += f"{line}\n".encode()
    if len(note) > MAX_NOTE_BYTES:
        raise Malformed("note", f"must be {MAX_NOTE_BYTES} bytes at most")
    return note


def parse_note(data: bytes) -> tuple[str, list[Signature]]:
    """Text and signatures of a note, nothing verified: for those who judge elsewhere.

    Raises:
        Malformed: Not UTF-8, a control character, no signature, or a line that is not one.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise Malformed("note", f"must be {MAX_NOTE_BYTES} bytes at most")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise Malformed("note", "must be UTF-8") from None
    if has_control(whole.replace("\n", "")):
        raise Malformed("note", "must have no control character but newline")
    split = whole.rfind("\n\n")
    lines = whole[split + 2 :].split("\n")
    if split < 0 or lines.pop() != "" or not lines:
        raise Malformed("note", "must end in a blank line and signature lines")
    if len(lines) > MAX_NOTE_SIGNATURES:
        raise Malformed("note", f"must have {MAX_NOTE_SIGNATURES} signatures at most")
    return whole[: split + 1], [_parse_line(line) for line in lines]


def open_note(data: bytes, verifiers: Iterable[VerifierKey]) -> Note:
    """The note, if a trusted key signed it and no trusted key's signature is bad.

    As Go does: a signature by an unknown name and id is kept unverified, once; of several
    by one known key the first counts. Only keys of type 0x01 are judged; signatures by
    others, cosignatures among them, stay unverified.

    Args:
        data: The signed note, 1,000,000 bytes at most.
        verifiers: The keys we trust.
    Raises:
        Malformed: The note, as `parse_note`.
        SignatureFailed: A trusted key's name and id, over something else.
        NoteUntrusted: No signature by a trusted key.
    """
    text, signatures = parse_note(data)
    message = text.encode()
    known = _by_name_and_id(verifiers)
    verified: dict[tuple[str, bytes], Signature] = {}
    unverified: dict[Signature, None] = {}
    for signature in signatures:
        identity = (signature.key_name, signature.key_id)
        key = known.get(identity)
        if key is None:
            unverified[signature] = None
        elif identity not in verified:
            if not key.verify(message, signature.signature):
                raise SignatureFailed(key_name=key.name, key_id=key.key_id)
            verified[identity] = signature
    if not verified:
        raise NoteUntrusted(signatures=len(signatures), trusted_keys=len(known))
    return Note(text, tuple(verified.values()), tuple(unverified))


def _by_name_and_id(verifiers: Iterable[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in verifiers:
        if key.key_type == NOTE_TYPE and known.setdefault((key.name, key.key_id), key) != key:
            raise Malformed("verifiers", "two keys share a name and an id")
    return known


def _message(text: str) -> bytes:
    """The bytes that are signed: the text, which must be able to stand in a note."""
    if not text.endswith("\n") or has_control(text.replace("\n", "")):
        raise Malformed("text", "must end in newline and have no other control character")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Malformed("text", "must be writable as UTF-8") from None


def _parse_line(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_PREFIX).partition(" ")
    if not line.startswith(_PREFIX) or not is_key_name(name):
        raise Malformed("note.signature", "must be an em dash, a key name and base64")
    blob = decode_base64(encoded, field="note.signature")
    if len(blob) <= KEY_ID_BYTES:
        raise Malformed("note.signature", "must hold a key id and a signature")
    return Signature(name, blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:])
