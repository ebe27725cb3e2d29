"""Have we been told this before? Keyed digests, kept beside the log and never in it.

    identity = HMAC-SHA256(secret, "report" | source | source event id)       unique
    content  = HMAC-SHA256(secret, the canonical command)                     compared

Idempotency cannot look at entries: salts, recorded_at and reporter differ each time. Same
identity and content: the first receipt again. Same identity, other content: an error. The
secret is the ledger's own; without it nobody can test guesses against the digests.

Source: docs/adr/0004-idempotency.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from ledger.canonical_json import JsonObject, JsonValue, encode
from ledger.commands import Masked, Performer, ReportToolUse

_BLOCK_BYTES: Final = 64  # of SHA-256


class IdentityKeys:
    """Makes the keyed digests of one ledger from its 32-byte secret."""

    __slots__ = ("_inner", "_outer", "secret")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:
            raise ValueError("the ledger's secret is 32 bytes")
        self.secret = secret  # for whoever makes the same digests by other means
        # HMAC by its definition (RFC 2104), each half begun once: hmac.digest lets go of the
        # interpreter at every call, and waits for whoever took it, the committer.
        block = secret.ljust(_BLOCK_BYTES, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, purpose: str, *parts: JsonValue) -> bytes:
        """32 bytes for a purpose and JSON parts; no two purposes collide."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(encode([purpose, *parts]))
        outer.update(inner.digest())
        return outer.digest()

    def fingerprint(self) -> str:
        """Tells two secrets apart without telling either: 16 hex digits."""
        return self.digest("fingerprint").hex()[:16]

    def of_report(self, source: str, source_event_id: str) -> bytes:
        return self.digest("report", source, source_event_id)

    def of_conflict(self, stream: str, content: bytes) -> bytes:
        """Of what a source said under an id that stands for the use of this stream."""
        return self.digest("conflict", stream, content.hex())

    def of_request(self, request_id: str) -> bytes:
        return self.digest("request", request_id)

    def of_performer(self, agency: str, key: str) -> bytes:
        """What a performer's pseudonym is found again by."""
        return self.digest("performer", agency, key)

    def row_id(self, record: Mapping[str, JsonValue], occurrence: int) -> str:
        """The id of a row whose source gives none: its keyed digest and its number.

        The digest is over the cells by column name, so a column that moves between two
        exports changes nothing.
        """
        columns, row = record.get("columns"), record.get("row")
        cells: JsonValue = record
        if isinstance(columns, list) and isinstance(row, list):
            cells = sorted([_folded(name), cell] for name, cell in zip(columns, row, strict=False))
        return f"row-{self.digest('row', cells).hex()[:32]}-{occurrence}"

    def content_of(self, command: ReportToolUse, event: JsonObject) -> bytes:
        """Digest of what was said, whoever said it, whenever, in whichever file.

        The import is left out: exports overlap, and a row is the same row in both.

        Args:
            command: What was said.
            event: `command.use.to_object()`, which the caller needs as well.
        """
        said = dict(event)
        said.pop("import", None)
        performer = command.performer
        who: JsonValue = None
        if isinstance(performer, Performer | Masked):
            who = performer.to_json()
        return self.digest("content", said, command.capture, who, dict(command.protected))


def _folded(column: JsonValue) -> str:
    return str(column).casefold().replace(" ", "").replace("_", "")
