"""Who is calling? The credential that stands in an entry as its reporter.

    TLS client certificate with a SPIFFE id ──► spiffe://eugene.example/importer
    plain connection from this very machine ──► unauthenticated:loopback

Anybody else is refused: an entry must say whose word it is.
"""

from __future__ import annotations

from typing import Any, Final

from grpc.aio import ServicerContext

from services.runtime.refusals import Unauthenticated

LOOPBACK: Final = "unauthenticated:loopback"
_LOCAL_PEERS: Final = ("ipv4:127.", "ipv6:[::1]", "ipv6:%5B::1%5D", "unix:")


def reporter_of(context: ServicerContext[Any, Any]) -> str:
    """The reporter credential of a call.

    Raises:
        Unauthenticated: TLS without one SPIFFE id, or a plain call from elsewhere.
    """
    proven = context.auth_context()
    if b"ssl" in proven.get("transport_security_type", ()):
        ids = list(proven.get("peer_spiffe_id", ()))
        if len(ids) != 1:
            raise Unauthenticated("the client certificate carries no SPIFFE id")
        return bytes(ids[0]).decode("ascii")
    if context.peer().startswith(_LOCAL_PEERS):
        return LOOPBACK
    raise Unauthenticated("calls from other machines need TLS with a client certificate")
