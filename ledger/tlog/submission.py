"""What does a log send to a witness? (C2SP tlog-witness, add-checkpoint)

old <size the witness cosigned last>
<consistency proof from there, a hash a line>

<signed checkpoint>

Submission ──marshal──► request body ──parse──► Submission, nothing judged
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.errors import Malformed
from ledger.limits import MAX_SUBMISSION_BYTES, MAX_SUBMITTED_HASHES, MAX_TREE_SIZE
from ledger.merkle import HASH_BYTES
from ledger.tlog.checkpoint import claimed_checkpoint
from ledger.tlog.texts import decode_base64, encode_base64, parse_decimal

SIZE_CONTENT_TYPE: Final = "text/x.tlog.size"  # of a witness that tells the size it cosigned last


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint to be cosigned, and how it follows from the last one.

    Args:
        old_size: Leaves of the checkpoint that the witness cosigned last; 0 for none.
        proof: Consistency proof from there, 32 bytes each, 63 at most.
        note: The signed checkpoint.
    Raises:
        Malformed: A field breaks these rules, or all are more than 131,072 bytes.
    """

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.old_size <= MAX_TREE_SIZE:
            raise Malformed("submission.old", f"must lie in 0..{MAX_TREE_SIZE}")
        if len(self.proof) > MAX_SUBMITTED_HASHES:
            raise Malformed("submission.proof", f"must be {MAX_SUBMITTED_HASHES} hashes at most")
        if any(len(sibling) != HASH_BYTES for sibling in self.proof):
            raise Malformed("submission.proof", f"must be {HASH_BYTES} bytes each")
        if len(self.note) > MAX_SUBMISSION_BYTES:
            raise Malformed("submission", f"must be {MAX_SUBMISSION_BYTES} bytes at most")
        claimed_checkpoint(self.note)

    def marshal(self) -> bytes:
        """The body of the request."""
        lines = [f"old {self.old_size}", *map(encode_base64, self.proof), ""]
        body = "".join(f"{line}\n" for line in lines).encode() + self.note
        if len(body) > MAX_SUBMISSION_BYTES:
            raise Malformed("submission", f"must be {MAX_SUBMISSION_BYTES} bytes at most")
        return body

    @classmethod
    def parse(cls, body: bytes) -> Submission:
        """The submission that `marshal` wrote; one body for each.

        Raises:
            Malformed: Another form, to the byte.
        """
        if len(body) > MAX_SUBMISSION_BYTES:
            raise Malformed("submission", f"must be {MAX_SUBMISSION_BYTES} bytes at most")
        head, blank, note = body.partition(b"\n\n")
        if not blank or not head.isascii():
            raise Malformed("submission", "must be ASCII lines, a blank line and a checkpoint")
        old, *lines = head.decode("ascii").split("\n")
        if not old.startswith("old "):
            raise Malformed("submission.old", "must be the first line: old <size>")
        return cls(
            parse_decimal(old.removeprefix("old "), field="submission.old", maximum=MAX_TREE_SIZE),
            tuple(decode_base64(line, field="submission.proof") for line in lines),
            note,
        )
