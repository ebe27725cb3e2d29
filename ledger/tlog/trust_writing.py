"""What does a reader get to know whom to trust? The file to hand out, explained. (C2SP tlog-policy)

two keys, the policy we publish by ──format_trust──► trust.txt ──parse_trust_policy──► TrustPolicy
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.errors import Malformed
from ledger.tlog.note_keys import VerifierKey
from ledger.tlog.trust_file import parse_trust_policy
from ledger.tlog.trust_policy import TrustPolicy, answers_name

_NO_WITNESSES: Final = """\
# No witness has to cosign. Independent witnesses would show that everybody is shown
# the same ledger; name them here, and in the quorum, when there are some.
"""
_WITNESSES: Final = """\
# These cosign a checkpoint if its ledger only adds to what they cosigned before; so many
# have to as the quorum says. Find out who they are: they vouch for what you are shown.
"""


def format_trust(
    *,
    log: VerifierKey,
    answers: VerifierKey,
    url: str | None = None,
    witnessed: TrustPolicy | None = None,
) -> str:
    """A trust file for one log.

    Args:
        log: Its name is the log's origin.
        answers: Its name is `answers_name` of that origin; another key.
        url: Where the log is read, without spaces.
        witnessed: Whose witnesses, groups and quorum to ask for; None for no witness.
    Returns:
        The text; a name that is not UTF-8 keeps its surrogates.
    Raises:
        Malformed: The keys are not such a pair, or the policy would not parse.
    """
    if answers.name != answers_name(log.name):
        raise Malformed("answers", "must be named <origin>/answers")
    text = f"""\
# Whom you trust when you check evidence from this ledger (c2sp.org/tlog-policy).
# Get this file from the ledger's operator by a way of its own, and compare it with
# what others hold: whoever can change it decides what you believe.

# Signs checkpoints: the size and root hash of the whole ledger. Its name is the origin.
log {log.format()}{f" {url}" if url else ""}

# Signs answers: it stands for what the service replied, never for a checkpoint.
log {answers.format()}

"""
    text += _NO_WITNESSES if witnessed is None or witnessed.quorum is None else _WITNESSES
    text += "".join(f"{line}\n" for line in _witness_lines(witnessed))
    parse_trust_policy(text.encode(errors="surrogateescape"))
    return text


def _witness_lines(policy: TrustPolicy | None) -> Iterator[str]:
    if policy is None:
        yield "quorum none"
        return
    for witness in policy.witnesses:
        url = f" {witness.url}" if witness.url else ""
        yield f"witness {witness.name} {witness.key.format()}{url}"
    for group in policy.groups:
        yield f"group {group.name} {group.threshold} {' '.join(group.members)}"
    yield f"quorum {policy.quorum or 'none'}"
