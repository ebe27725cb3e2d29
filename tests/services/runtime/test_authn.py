"""Whose word is it? TLS with one SPIFFE id, or this very machine; nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from services.runtime.authn import LOOPBACK, reporter_of
from services.runtime.refusals import Unauthenticated


class Call:
    """As much of a gRPC context as authentication looks at."""

    def __init__(self, peer: str, *ids: bytes, tls: bool = False) -> None:
        self._peer, self._tls, self._ids = peer, tls, ids

    def peer(self) -> str:
        return self._peer

    def auth_context(self) -> dict[str, list[bytes]]:
        kind = b"ssl" if self._tls else b"insecure"
        return {"transport_security_type": [kind], "peer_spiffe_id": list(self._ids)}


def reporter(call: Any) -> str:
    return reporter_of(call)


def test_tls_gives_the_spiffe_id() -> None:
    """The certificate's SPIFFE id stands in the entry."""
    uri = "spiffe://eugene.example/importer"

    assert uri == reporter(Call("ipv4:192.0.2.7:1", uri.encode(), tls=True))


@pytest.mark.parametrize("peer", ["ipv4:127.0.0.1:5", "ipv6:[::1]:5", "ipv6:%5B::1%5D:5", "unix:"])
def test_loopback_says_that_nobody_was_authenticated(peer: str) -> None:
    """A plain call from this machine is taken, and the entry says what it was worth."""
    assert LOOPBACK == reporter(Call(peer))


@pytest.mark.parametrize(
    "call",
    [
        Call("ipv4:127.0.0.1:5", tls=True),
        Call("ipv4:192.0.2.7:1", b"spiffe://a/b", b"spiffe://a/c", tls=True),
        Call("ipv4:192.0.2.7:1"),
        Call("ipv4:192.0.2.7:1", b"spiffe://a/b"),
        Call("ipv6:[2001:db8::1]:5"),
        Call("unknown"),
    ],
)
def test_anybody_else_is_refused(call: Call) -> None:
    """No id, several ids, or a plain call from elsewhere: nobody known is behind it."""
    with pytest.raises(Unauthenticated):
        reporter(call)
