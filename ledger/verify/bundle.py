"""What is in an evidence bundle, to the byte? One JSON file, in the deterministic form.

    {"answer": …, "checkpoint": "<signed note>", "entries": [{"leaf_index", "entry", "proof",
     "disclosures"}], "format": "candour-evidence/1", "origin", "question", "signed": "<note>"}

A bundle of a proven count is of format `candour-usage-evidence/1` and holds `proofs` as well:
those of the usage index, by name. One of a numbered question is of `candour-inquiry-evidence/1`,
which a verifier that cannot re-run rules does not know. Each may hold `consistency`, an older checkpoint and the
proof that the tree only grew since, and `timestamps`, added by whoever wants them. The answer to a
numbered question may hold `proven_count`: a whole bundle of a proven count for the same.

`signed` is a note by the answers key over the SHA-256 of the same object without `signed`,
`timestamps` and `proven_count`, so a changed byte is refused, and a false answer is evidence against
whoever gave it; a time stamp is over `signed`, and a proven count has its own signature. Entries are the log's own bytes as text; proofs are RFC 6962,
hashes in base64, leaf to root.

Source: docs/adr/0007-evidence-bundle.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from ledger.canonical_json import JsonObject, JsonValue, check_shape, decode, encode
from ledger.disclosure import Disclosure, bytes_of_base64
from ledger.errors import Malformed, VerificationFailed
from ledger.limits import (
    MAX_BUNDLE_BYTES,
    MAX_BUNDLE_ENTRIES,
    MAX_PROOF_HASHES,
    MAX_TIMESTAMP_BYTES,
    MAX_TIMESTAMPS,
)
from ledger.tlog import Signer, VerifierKey, open_note, sign
from ledger.tlog.texts import encode_base64

FORMAT: Final = "candour-evidence/1"
USAGE_FORMAT: Final = "candour-usage-evidence/1"
INQUIRY_FORMAT: Final = "candour-inquiry-evidence/1"
_MEMBERS: Final = {
    "answer": dict,
    "checkpoint": str,
    "entries": list,
    "format": str,
    "origin": str,
    "question": dict,
    "signed": str,
}
_USAGE_MEMBERS: Final = {**_MEMBERS, "proofs": dict}
_OPTIONAL: Final = {"consistency": dict, "timestamps": list}
_INQUIRY_OPTIONAL: Final = {**_OPTIONAL, "proven_count": dict}
# A time stamp comes after the signature, and is over it; a proven count is signed by itself.
_UNSIGNED: Final = {"signed", "timestamps", "proven_count"}
_ENTRY_MEMBERS: Final = {"disclosures", "entry", "leaf_index", "proof"}


class AnswerUnsigned(VerificationFailed):
    """The answers key did not sign this bundle as it stands."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the answer's signature does not hold: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class BundledEntry:
    """One entry, where it stands, and what is shown of it."""

    leaf_index: int
    entry: bytes
    proof: list[bytes]
    disclosures: tuple[Disclosure, ...]


@dataclass(frozen=True, slots=True)
class Consistency:
    """An older checkpoint that whoever asked named, and the proof from it to the bundle's."""

    checkpoint: bytes
    proof: list[bytes]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle, read; nothing in it is believed yet."""

    origin: str
    checkpoint: bytes
    question: Mapping[str, JsonValue]
    answer: Mapping[str, JsonValue]
    entries: tuple[BundledEntry, ...]
    proofs: Mapping[str, JsonValue] = field(default_factory=dict)
    consistency: Consistency | None = None
    signed: bytes = b""
    timestamps: tuple[bytes, ...] = ()
    proven_count: Mapping[str, JsonValue] | None = None


def write_bundle(
    *,
    origin: str,
    checkpoint: bytes,
    question: Mapping[str, JsonValue],
    answer: Mapping[str, JsonValue],
    entries: Iterable[BundledEntry],
    signer: Signer,
    format: str = FORMAT,  # noqa: A002  the member's name
    proofs: Mapping[str, JsonValue] | None = None,
    consistency: Consistency | None = None,
) -> bytes:
    """The file, signed by the answers key; `proofs` where its format has them."""
    body: dict[str, Any] = {
        "answer": answer,
        "checkpoint": checkpoint.decode(),
        "entries": [_entry_object(item) for item in entries],
        "format": format,
        "origin": origin,
        "question": question,
    }
    if proofs is not None:
        body["proofs"] = proofs
    if consistency is not None:
        body["consistency"] = {
            "checkpoint": consistency.checkpoint.decode(),
            "proof": [encode_base64(item) for item in consistency.proof],
        }
    body["signed"] = sign(signed_text(origin, encode(body)), [signer]).decode()
    return encode(body) + b"\n"


def signed_text(origin: str, body: bytes) -> str:
    """What the answers key signs for a body without the members that it does not sign."""
    return f"candour-answer/1\n{origin}\n{encode_base64(sha256(body).digest())}\n"


def stamped(found: Mapping[str, JsonValue], token: bytes) -> bytes:
    """The file of a bundle with one more time stamp; nothing of it is verified.

    Raises:
        Malformed: The bundle or the token breaks the format: too long, too many, there already.
    """
    more = {**found, "timestamps": [*found.get("timestamps", []), encode_base64(token)]}
    bundle_of_object(more)
    return encode(more) + b"\n"


def with_proven_count(found: Mapping[str, JsonValue], count: Mapping[str, JsonValue]) -> bytes:
    """The file of an answer with a proven count in it; nothing of either is verified.

    Args:
        found, count: Bundles, as read from their files.
    Raises:
        Malformed: Together they break the format, or its bounds.
    """
    more = {**found, "proven_count": count}
    bundle_of_object(more)
    data = encode(more) + b"\n"
    check_bounds(data)
    return data


def check_bounds(data: bytes) -> None:
    """Raises Malformed where a bundle is larger, deeper or more than a verifier reads."""
    if len(data) > MAX_BUNDLE_BYTES:
        raise Malformed("bundle", f"is larger than {MAX_BUNDLE_BYTES} bytes")
    check_shape(data, what="bundle")


def read_object(data: bytes) -> dict[str, JsonValue]:
    """The JSON object of a bundle file, in deterministic form to the byte.

    Raises:
        Malformed: Too large, not JSON, or spelled in another way than the signer's.
    """
    if len(data) > MAX_BUNDLE_BYTES:
        raise Malformed("bundle", f"is larger than {MAX_BUNDLE_BYTES} bytes")
    found = decode(data, what="bundle")
    if not isinstance(found, dict):
        raise Malformed("bundle", "must be an object")
    if encode(found) + b"\n" != data:
        raise Malformed("bundle", "is not in deterministic form")
    return found


def check_signed(found: Mapping[str, JsonValue], key: VerifierKey) -> None:
    """Raises AnswerUnsigned unless `key` signed the bundle just as it stands."""
    origin, note = found.get("origin"), found.get("signed")
    if not isinstance(origin, str) or not isinstance(note, str):
        raise AnswerUnsigned("there is none")
    body = {name: value for name, value in found.items() if name not in _UNSIGNED}
    text = signed_text(origin, encode(body))
    try:
        opened = open_note(note.encode(), [key])
    except (VerificationFailed, Malformed) as error:
        raise AnswerUnsigned(str(error)) from None
    if opened.text != text:
        raise AnswerUnsigned("it is over another content")
    if len(opened.signatures) != 1 or opened.unverified:
        raise AnswerUnsigned("it holds more than the one signature")


def bundle_of_object(found: Mapping[str, JsonValue]) -> Bundle:
    """Check the members of a bundle in one of the formats. Raises Malformed."""
    members = _USAGE_MEMBERS if found.get("format") == USAGE_FORMAT else _MEMBERS
    optional = _INQUIRY_OPTIONAL if found.get("format") == INQUIRY_FORMAT else _OPTIONAL
    if set(found) - set(optional) != set(members):
        raise Malformed("bundle", f"must hold {', '.join(members)}")
    members = {**members, **{name: kind for name, kind in optional.items() if name in found}}
    for name, kind in members.items():
        if not isinstance(found[name], kind):
            raise Malformed(f"bundle.{name}", f"must be of type {kind.__name__}")
    if len(found["entries"]) > MAX_BUNDLE_ENTRIES:
        raise Malformed("bundle.entries", f"more than {MAX_BUNDLE_ENTRIES}: audit instead")
    return Bundle(
        origin=found["origin"],
        checkpoint=found["checkpoint"].encode(),
        question=found["question"],
        answer=found["answer"],
        entries=tuple(_entry(item) for item in found["entries"]),
        proofs=found.get("proofs", {}),
        consistency=_consistency(found["consistency"]) if "consistency" in found else None,
        signed=found["signed"].encode(),
        timestamps=_timestamps(found["timestamps"]) if "timestamps" in found else (),
        proven_count=found.get("proven_count"),
    )


def _hashes(found: JsonValue, field: str) -> list[bytes]:
    if not isinstance(found, list) or len(found) > MAX_PROOF_HASHES:
        raise Malformed(field, f"a proof is a list of {MAX_PROOF_HASHES} at most")
    return [bytes_of_base64(item, field=field) for item in found]


def _consistency(found: JsonObject) -> Consistency:
    if set(found) != {"checkpoint", "proof"} or not isinstance(found["checkpoint"], str):
        raise Malformed("bundle.consistency", "must hold a checkpoint, a text, and a proof")
    return Consistency(
        found["checkpoint"].encode(), _hashes(found["proof"], "bundle.consistency.proof")
    )


def _timestamps(found: list[JsonValue]) -> tuple[bytes, ...]:
    if not 1 <= len(found) <= MAX_TIMESTAMPS:
        raise Malformed("bundle.timestamps", f"must be 1 to {MAX_TIMESTAMPS}, or left out")
    tokens = tuple(bytes_of_base64(item, field="bundle.timestamps") for item in found)
    if len(set(tokens)) != len(tokens):
        raise Malformed("bundle.timestamps", "must stand there once each")
    if any(len(token) > MAX_TIMESTAMP_BYTES for token in tokens):
        raise Malformed("bundle.timestamps", f"must be {MAX_TIMESTAMP_BYTES} bytes each at most")
    return tokens


def _entry(found: JsonValue) -> BundledEntry:
    if not isinstance(found, dict) or set(found) != _ENTRY_MEMBERS:
        raise Malformed("bundle.entries", f"each must hold {', '.join(sorted(_ENTRY_MEMBERS))}")
    leaf_index = found["leaf_index"]
    if type(leaf_index) is not int or leaf_index < 0 or not isinstance(found["entry"], str):
        raise Malformed("bundle.entries", "leaf_index or entry is of another type")
    if not isinstance(found["disclosures"], list):
        raise Malformed("bundle.entries", "disclosures must be a list")
    return BundledEntry(
        leaf_index,
        found["entry"].encode(),
        _hashes(found["proof"], "bundle.entries.proof"),
        tuple(Disclosure.from_object(item) for item in found["disclosures"]),
    )


def _entry_object(item: BundledEntry) -> dict[str, Any]:
    return {
        "disclosures": [shown.to_object() for shown in item.disclosures],
        "entry": item.entry.decode(),
        "leaf_index": item.leaf_index,
        "proof": [encode_base64(sibling) for sibling in item.proof],
    }
