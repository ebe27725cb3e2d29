"""Which parts of a time-stamp token do OpenSSL and rfc3161-client pass over? Checked here.

    token ──► versions, algorithms of the one signer, the name of its certificate, nothing unsigned

Signature, chain and content are theirs. Without this, bits of a token could be changed and it
would hold all the same, which is not what a reader expects of evidence.

Source: RFC 5652, sections 5.1 and 5.3.
"""

from __future__ import annotations

from typing import Final

from ledger.errors import Malformed
from ledger.verify.der import (
    CONTEXT_0,
    INTEGER,
    OCTET_STRING,
    OID,
    SEQUENCE,
    SET,
    Value,
    members,
    one,
    read_all,
)

_WHAT: Final = "token"
_SIGNED_DATA_VERSION: Final = b"\x03"  # its content is no plain data
_SIGNER_VERSION: Final = b"\x01"  # it is named by issuer and serial number
_SIGNER: Final = (INTEGER, SEQUENCE, SEQUENCE, CONTEXT_0, SEQUENCE, OCTET_STRING)
_RSA: Final = "2a864886f70d0101"
# By the digest that a signer names: the signature algorithms that go with it, RSA and ECDSA.
_SIGNATURES: Final = {
    "608648016503040201": {_RSA + "01", _RSA + "0b", "2a8648ce3d040302"},
    "608648016503040202": {_RSA + "01", _RSA + "0c", "2a8648ce3d040303"},
    "608648016503040203": {_RSA + "01", _RSA + "0d", "2a8648ce3d040304"},
}


def check_frame(token: bytes) -> None:
    """Return where nothing in a token can be changed that its signature does not cover.

    Certificates that the chain does not use are not looked at.

    Raises:
        Malformed: It is not the SignedData of one signer, or says something that nobody signed.
    """
    content = members(one(token, SEQUENCE, _WHAT), OID, CONTEXT_0, what=_WHAT)
    data = one(content[1].content, SEQUENCE, _WHAT)
    parts = members(data, INTEGER, SET, SEQUENCE, what=_WHAT)
    signer = members(one(parts[-1].content, SEQUENCE, _WHAT), *_SIGNER, what=_WHAT)
    if len(content) != 2 or len(signer) != len(_SIGNER):
        raise Malformed(_WHAT, "holds something that nobody signed")
    if (parts[0].content, signer[0].content) != (_SIGNED_DATA_VERSION, _SIGNER_VERSION):
        raise Malformed(_WHAT, "is of another version of CMS")
    digest, signature = _algorithm(signer[2]), _algorithm(signer[4])
    if signature not in _SIGNATURES.get(digest, ()):
        raise Malformed(_WHAT, "is signed by an algorithm that does not go with its digest")
    certificates = [part for part in parts[3:-1] if part.tag == CONTEXT_0]
    named = [_name(one) for part in certificates for one in read_all(part.content, _WHAT)]
    if signer[1].content not in named:
        raise Malformed(_WHAT, "does not hold the certificate that its signer names")


def _algorithm(value: Value) -> str:
    return members(value, OID, what=_WHAT)[0].content.hex()


def _name(certificate: Value) -> bytes:
    """Issuer and serial number, as a signer names a certificate."""
    to_be_signed = members(certificate, SEQUENCE, what=_WHAT)[0]
    fields = read_all(to_be_signed.content, _WHAT)
    if fields and fields[0].tag == CONTEXT_0:  # the version, where it is not the first
        del fields[0]
    if len(fields) < 3:
        raise Malformed(_WHAT, "holds what is no certificate")
    serial, _signature, issuer = fields[:3]
    return issuer.whole + serial.whole
