"""What does the log sign, and whose signatures do we trust? (C2SP signed-note and friends)

Texts that clients we did not write accept; no I/O, no clock.

    texts ◄── note_keys ◄── signed_note ◄── checkpoint ◄── growth ◄── monitor
                   ▲                          ▲    ▲
                   │                 submission    │
                   └── trust_policy ◄── cosignature ◄── tlog_proof
                            ▲
                            └── trust_file ◄── trust_writing     tile_paths stands alone
"""

from ledger.tlog.checkpoint import (
    Checkpoint,
    CheckpointUntrusted,
    SignedCheckpoint,
    claimed_checkpoint,
    open_checkpoint,
    sign_checkpoint,
)
from ledger.tlog.cosignature import (
    CosignatureFailed,
    Cosigner,
    QuorumUnmet,
    WitnessedCheckpoint,
    add_signatures,
    cosignatures,
    open_witnessed,
    verify_cosignature,
)
from ledger.tlog.growth import Equivocation, check_growth, judge
from ledger.tlog.monitor import Gap, WentBack, compare, format_seen, observe, parse_seen
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
from ledger.tlog.submission import SIZE_CONTENT_TYPE, Submission
from ledger.tlog.tile_paths import TilePath, decode_bundle, encode_bundle, tiles_of
from ledger.tlog.tlog_proof import TlogProof
from ledger.tlog.trust_file import TrustPolicyMalformed, parse_trust_policy
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
from ledger.tlog.trust_writing import format_trust

__all__ = [
    "COSIGNATURE_TYPE",
    "NOTE_TYPE",
    "SIZE_CONTENT_TYPE",
    "Checkpoint",
    "CheckpointUntrusted",
    "CosignatureFailed",
    "Cosigner",
    "Equivocation",
    "Gap",
    "Group",
    "KeyUntrusted",
    "Log",
    "Note",
    "NoteUntrusted",
    "QuorumUnmet",
    "Signature",
    "SignatureFailed",
    "SignedCheckpoint",
    "Signer",
    "Submission",
    "TilePath",
    "TlogProof",
    "TrustPolicy",
    "TrustPolicyMalformed",
    "VerifierKey",
    "WentBack",
    "Witness",
    "WitnessedCheckpoint",
    "add_signatures",
    "answers_key",
    "answers_name",
    "check_growth",
    "claimed_checkpoint",
    "compare",
    "cosignatures",
    "decode_bundle",
    "encode_bundle",
    "format_seen",
    "format_trust",
    "is_key_name",
    "judge",
    "key_id",
    "log_key",
    "observe",
    "open_checkpoint",
    "open_note",
    "open_witnessed",
    "parse_note",
    "parse_seen",
    "parse_trust_policy",
    "sign",
    "sign_checkpoint",
    "tiles_of",
    "verify_cosignature",
]
