"""Which names, keys and texts do notes bear in tests?"""

from __future__ import annotations

from hypothesis import strategies as st

from ledger.tlog import NOTE_TYPE, Signer, VerifierKey, is_key_name

ORIGIN = "example.com/log"
LOG = Signer(ORIGIN, bytes(32))
ANSWERS = Signer(f"{ORIGIN}/answers", bytes([1] * 32))
STRANGER = Signer("stranger.example", bytes([2] * 32))


def verifier(signer: Signer, key_type: int = NOTE_TYPE) -> VerifierKey:
    """The same public key, as a note key or as a cosigner's."""
    return VerifierKey(signer.verifier_key.name, signer.verifier_key.public_key, key_type)


_printing = st.characters(min_codepoint=0x20, exclude_categories=["Cs"])

lines = st.text(_printing, max_size=30)
texts = st.lists(lines, min_size=1, max_size=6).map(lambda some: "".join(f"{s}\n" for s in some))
names = st.text(_printing, min_size=1, max_size=30).filter(is_key_name)
seeds = st.binary(min_size=32, max_size=32)
signers = st.builds(Signer, names, seeds)
