"""At what time did this answer exist, at the latest? What time-stamp authorities say. (RFC 3161)

    bundle.signed ──SHA-256──► imprint ══ token ──signature, chain──► a root that the reader trusts
                                             └──► time

Signature and chain are checked by rfc3161-client, where it is installed: the base install lacks
it, and then nothing is said of a time. What that library does not look at is in cms.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from types import ModuleType
from typing import Any, Final

from cryptography import x509

from ledger.canonical_json import JsonValue
from ledger.errors import Malformed, Unverifiable, VerificationFailed
from ledger.times import text_of_us
from ledger.verify.cms import check_frame
from ledger.verify.der import SEQUENCE, wrapped

LIBRARY: Final = "rfc3161-client"
NAME_THE_AUTHORITIES: Final = (
    "the time stamps: say which authorities you believe (--tsa-ca FILE, their root certificates)"
)
WHO_STAMPED: Final = (
    "whether the time-stamp authority is honest, and whether its certificate was revoked: time"
    " stamps are its word"
)
_GRANTED: Final = bytes.fromhex("3003020100")  # the status of a response, which a token lacks
_SHA256: Final = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")

Authorities = Sequence[x509.Certificate]


class TimestampFailed(VerificationFailed):
    """A time-stamp token does not show that this answer existed at a time."""

    def __init__(self, reason: str, *, number: int) -> None:
        super().__init__(f"time stamp {number}: {reason}")
        self.reason, self.number = reason, number


class LibraryMissing(Unverifiable):
    """What would check a time stamp is not installed here."""

    def __init__(self) -> None:
        super().__init__(f"not checked here: install {LIBRARY} (pip install {LIBRARY})")


@dataclass(frozen=True, slots=True)
class Stamp:
    """When an authority saw the signature of the answer; microseconds, UTC."""

    at_us: int
    within_us: int | None
    authority: str

    def __str__(self) -> str:
        within = "" if self.within_us is None else f", within {self.within_us / 1e6:g} s"
        return f"{text_of_us(self.at_us)}{within}, says {self.authority}"

    def to_object(self) -> dict[str, JsonValue]:
        return {
            "existed_at": text_of_us(self.at_us),
            "within_us": self.within_us,
            "authority": self.authority,
        }


def read_authorities(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a file in PEM, one root of its own signature at least.

    Raises:
        Malformed: There is none, or one that cannot be read.
    """
    try:
        found = tuple(x509.load_pem_x509_certificates(pem))
        roots = [one for one in found if one.issuer == one.subject]
    except (ValueError, x509.InvalidVersion) as error:
        raise Malformed("authorities", f"must be certificates in PEM: {error}") from None
    if not roots:
        raise Malformed("authorities", "must hold a root: a certificate that signed itself")
    return found


def check_timestamps(
    tokens: Sequence[bytes], signed: bytes, authorities: Authorities
) -> list[Stamp]:
    """What each token proves; a bad one condemns them all.

    Args:
        tokens: DER, as the bundle has them.
        signed: The bundle's member of that name: what the tokens are over.
        authorities: As `read_authorities` gives them.
    Raises:
        TimestampFailed: Over something else, changed, or by an authority that is not trusted.
        LibraryMissing: It cannot be judged here.
    """
    client = _library()
    if client is None:
        raise LibraryMissing
    imprint = sha256(signed).digest()
    return [
        _check(client, token, imprint, authorities, number)
        for number, token in enumerate(tokens, 1)
    ]


def _library() -> ModuleType | None:
    try:
        import rfc3161_client
    except ImportError:
        return None
    return rfc3161_client


def _check(
    client: ModuleType, token: bytes, imprint: bytes, authorities: Authorities, number: int
) -> Stamp:
    try:
        check_frame(token)
        response = client.decode_timestamp_response(response_of(token))
        stamped = response.tst_info.message_imprint
        if (stamped.hash_algorithm, stamped.message) != (_SHA256, imprint):
            raise TimestampFailed("it is over something else than this answer", number=number)
        roots = [one for one in authorities if one.issuer == one.subject]
        others = [one for one in authorities if one.issuer != one.subject]
        client.VerifierBuilder(roots=roots, intermediates=others).build().verify(response, imprint)
        return _stamp(response)
    except TimestampFailed:
        raise
    except Exception as error:  # noqa: BLE001  a stranger's parser over a stranger's bytes
        raise TimestampFailed(str(error) or type(error).__name__, number=number) from None


def response_of(token: bytes) -> bytes:
    """The response that an authority would have sent the token in."""
    return wrapped(SEQUENCE, _GRANTED + token)


def _stamp(response: Any) -> Stamp:
    """What a verified token says, and whose certificate signed it."""
    (signer,) = response.signed_data.signer_infos
    subjects = [
        one.subject.rfc4514_string()
        for one in map(x509.load_der_x509_certificate, response.signed_data.certificates)
        if (one.issuer, one.serial_number) == (signer.issuer, signer.serial_number)
    ]
    moment: datetime = response.tst_info.gen_time
    accuracy = response.tst_info.accuracy
    within = None
    if accuracy is not None:
        within = (accuracy.seconds or 0) * 1_000_000 + (accuracy.millis or 0) * 1000
        within += accuracy.micros or 0
    return Stamp(int(moment.timestamp()) * 1_000_000 + moment.microsecond, within, subjects[0])
