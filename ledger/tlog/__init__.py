"""What does the log sign, and whose signatures do we trust? (C2SP signed-note and friends)

Texts that clients we did not write accept; no I/O, no clock.

    texts ◄── note_keys ◄── signed_note ◄── checkpoint
                   ▲
                   └── trust_policy ◄── trust_file
"""

from ledger.tlog.checkpoint import (
    Checkpoint,
    CheckpointUntrusted,
    SignedCheckpoint,
    open_checkpoint,
    sign_checkpoint,
)
from ledger.tlog.note_keys import (
    COSIGNATURE_TYPE,
    NOTE_TYPE,
    Signer,
    VerifierKey,
    is_key_name,
    key_id,
)
from ledger.tlog.signed_note import (
    Note,
    NoteUntrusted,
    Signature,
    SignatureFailed,
    open_note,
    parse_note,
    sign,
)
from ledger.tlog.trust_file import TrustPolicyMalformed, format_trust, parse_trust_policy
from ledger.tlog.trust_policy import (
    Group,
    KeyUntrusted,
    Log,
    TrustPolicy,
    Witness,
    answers_key,
    answers_name,
    log_key,
)

__all__ = [
    "COSIGNATURE_TYPE",
    "NOTE_TYPE",
    "Checkpoint",
    "CheckpointUntrusted",
    "Group",
    "KeyUntrusted",
    "Log",
    "Note",
    "NoteUntrusted",
    "Signature",
    "SignatureFailed",
    "SignedCheckpoint",
    "Signer",
    "TrustPolicy",
    "TrustPolicyMalformed",
    "VerifierKey",
    "Witness",
    "answers_key",
    "answers_name",
    "format_trust",
    "is_key_name",
    "key_id",
    "log_key",
    "open_checkpoint",
    "open_note",
    "parse_note",
    "parse_trust_policy",
    "sign",
    "sign_checkpoint",
]
