"""How does an audit go on where it was broken off? By a file that says what is done.

    AuditState ──to_bytes──► JSON ──from_bytes──► AuditState of the same tree, or StateRefused

It speaks of one signed tree. When the log has grown meanwhile, the audit goes on with the tree
that it began with. Whoever can write the file can say that all is well: keep it as your own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from ledger.audit.report import Finding
from ledger.audit.slices import Committed, SliceAudit
from ledger.canonical_json import decode, encode
from ledger.errors import Malformed, Refused

_FORMAT: Final = "candour-audit-state/1"


class StateRefused(Refused):
    """A state file is of another audit; nothing was done."""


@dataclass(slots=True)
class AuditState:
    """What is done of an audit.

    Members:
        note: The checkpoint, as it was signed, that the audit began with.
        slices: Done, by index; their records of streams lie beside the file.
        usage: How the usage index came out, once that is done: checks.Course's outcome.
    """

    note: bytes
    slices: dict[int, SliceAudit] = field(default_factory=dict)
    usage: dict[str, Any] | None = None

    def to_bytes(self) -> bytes:
        slices = [
            {
                **asdict(audit),
                "subtrees": [root.hex() for root in audit.subtrees],
                "committed": [list(said) for said in audit.committed],
                "failed": [list(item) for item in sorted(audit.failed.items())],
                "streams": "",
            }
            for _, audit in sorted(self.slices.items())
        ]
        found: dict[str, Any] = {"format": _FORMAT, "note": self.note.decode(), "slices": slices}
        if self.usage is not None:
            found["usage"] = self.usage
        return encode(found)

    @classmethod
    def from_bytes(cls, data: bytes) -> AuditState:
        """Raises StateRefused: The file is none, or of another release."""
        try:
            found = decode(data, what="state")
            if found["format"] != _FORMAT:
                raise Malformed("state", "is of another format")
            slices = {item["index"]: _slice_of(item) for item in found["slices"]}
            return cls(found["note"].encode(), slices, found.get("usage"))
        except (Malformed, KeyError, TypeError, ValueError, AttributeError):
            raise StateRefused("the state file is none of an audit by this release") from None


def _slice_of(item: Mapping[str, Any]) -> SliceAudit:
    return SliceAudit(
        index=item["index"],
        subtrees=[bytes.fromhex(root) for root in item["subtrees"]],
        whole=item["whole"],
        findings=[Finding(**finding) for finding in item["findings"]],
        differences=item["differences"],
        failed=dict(item["failed"]),
        counts=dict(item["counts"]),
        committed=[
            Committed(leaf_index, size, root, total, tuple(closed))
            for leaf_index, size, root, total, closed in item["committed"]
        ],
        withdrawn_imports=list(item["withdrawn_imports"]),
        records=item["records"],
    )
