"""How much, how long, how many? What may be set of a client, each with its usual bound."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.limits import (
    CLIENT_BATCH_BYTES,
    CLIENT_BATCH_USES,
    CLIENT_CALL_S,
    CLIENT_IN_FLIGHT,
    CLIENT_LINGER_S,
    CLIENT_MAX_DELAY_S,
    CLIENT_PATIENCE_S,
    CLIENT_QUEUE_BYTES,
    CLIENT_QUEUE_USES,
    CLIENT_SPOOL_BYTES,
    CLIENT_SPOOL_IDLE_S,
    CLIENT_SPOOL_SEGMENT_BYTES,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Bounds of one client.

    Members:
        linger_s: That the first use of a batch waits for company.
        batch_uses, batch_bytes: Of one request; whichever is reached first.
        in_flight: Requests under way at once; one alone while the ledger is in trouble. They are
            sent in the order of reports; with 1 they are also recorded in it.
        queue_uses, queue_bytes: That callers may have waiting; beyond it they wait, or Full.
        call_s: Deadline of one request.
        patience_s: Without a spool: of trying again, before a report fails with LedgerAway.
        max_delay_s: Between two attempts, before jitter; a RetryInfo may ask for more.
        spool_bytes: On disk; beyond it SpoolFull.
        segment_bytes: Of one file of the spool, after which the next begins.
        spool_idle_s: After which a file whose uses all have receipts is deleted.
    """

    linger_s: float = CLIENT_LINGER_S
    batch_uses: int = CLIENT_BATCH_USES
    batch_bytes: int = CLIENT_BATCH_BYTES
    in_flight: int = CLIENT_IN_FLIGHT
    queue_uses: int = CLIENT_QUEUE_USES
    queue_bytes: int = CLIENT_QUEUE_BYTES
    call_s: float = CLIENT_CALL_S
    patience_s: float = CLIENT_PATIENCE_S
    max_delay_s: float = CLIENT_MAX_DELAY_S
    spool_bytes: int = CLIENT_SPOOL_BYTES
    segment_bytes: int = CLIENT_SPOOL_SEGMENT_BYTES
    spool_idle_s: float = CLIENT_SPOOL_IDLE_S
