"""What went wrong, in one sentence, and what to do next? Never a traceback.

grpc status + google.rpc details ──failure_of──► CommandFailed ──main──► stderr, exit status
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import grpc
    from google.rpc.status_pb2 import Status

USAGE: Final = 2


class CommandFailed(Exception):
    """A command could not do what it was asked to.

    Args:
        sentence: What failed, without a full stop.
        advice: What to do next; "" where nobody can say.
        exit_code: 1; USAGE where the command line itself is wrong.
    """

    def __init__(self, sentence: str, advice: str = "", *, exit_code: int = 1) -> None:
        super().__init__(" ".join(map(ended, filter(None, (sentence, advice)))))
        self.sentence, self.advice, self.exit_code = sentence, advice, exit_code


def ended(sentence: str) -> str:
    """With a full stop, unless it has its own ending."""
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


@dataclass(frozen=True, slots=True)
class Details:
    """What a google.rpc.Status says beside its message.

    Members:
        violations: (field, description) of a BadRequest.
        reason: Of an ErrorInfo, as CONFLICTING_RESUBMISSION.
        retry_s: Of a RetryInfo; None where there is none.
        facts: What an ErrorInfo says beside its reason.
    """

    violations: tuple[tuple[str, str], ...] = ()
    reason: str = ""
    retry_s: float | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


_ADVICE: Final = {
    "AGENCY_NOT_REGISTERED": (
        "Register it with `candour agencies register`, or import without --no-register"
    ),
    "USAGE_ROOT_NOT_KEPT": (
        "Ask --as-of one of these; or whoever runs the ledger makes it anew with"
        " `candour index rebuild --with TREE_SIZE`, of the root that is missing"
    ),
    "COVERAGE_THIN": (
        "Ask whoever was not asked (`candour sources nil-return`, --asked N --of M), or say it with"
        " its gaps named: --qualified"
    ),
    "CONTRADICTED_BY_RECORD": (
        "Look at what there is with `candour uses list`; --anyway records the denial all the same"
    ),
    "CONFLICTING_RESUBMISSION": "What was said first stands; withdraw it if it was wrong, or use another name",
}
_ADVICE_BY_CODE: Final = {
    "NOT_FOUND": "Look it up with a `list` command, and check --ledger",
    "OUT_OF_RANGE": "Leave --as-of out to ask about the newest state",
    "UNIMPLEMENTED": "The server is of another release than this command",
    "UNAUTHENTICATED": "Check your credentials",
    "PERMISSION_DENIED": "Ask whoever runs the ledger for access",
    "INTERNAL": "The server's log says more",
    "UNKNOWN": "The server's log says more",
    "DATA_LOSS": "Run `candour audit`, and tell whoever runs the ledger",
    "RESOURCE_EXHAUSTED": "Try again in a while",
    "ABORTED": "Try again",
}


def failure_of(error: grpc.RpcError, target: str) -> CommandFailed:
    """A failed call as what a person can act on."""
    code, message = code_name(error), str(error.details() or "")
    details = details_of_error(error)
    if code == "UNAVAILABLE" and details == Details():
        return CommandFailed(
            f"No ledger answers at {target}",
            "Start one with `candour serve`, or say where it is with --target HOST:PORT",
        )
    if code == "UNAVAILABLE":
        wait = f"in {details.retry_s:g} s" if details.retry_s else "in a while"
        return CommandFailed(
            f"The ledger cannot answer now: {_plain(message)}", f"Try again {wait}"
        )
    if code == "DEADLINE_EXCEEDED":
        return CommandFailed(
            f"The ledger at {target} did not answer in time",
            "It may be busy, or its views behind: try again in a while",
        )
    if details.reason == "NOT_IN_STATE":
        return CommandFailed(*in_state(details.facts))
    said = "; ".join(f"{where}: {text}" if where else text for where, text in details.violations)
    advice = _ADVICE.get(details.reason) or _ADVICE_BY_CODE.get(code, "")
    return CommandFailed(_plain(said or message or code), advice)


def code_name(error: grpc.RpcError) -> str:
    """`UNAVAILABLE`, `NOT_FOUND`, …"""
    return str(error.code().name)


def details_of_error(error: grpc.RpcError) -> Details:
    """The details that came with a failed call; none where the transport failed."""
    from grpc_status import rpc_status

    try:
        status = rpc_status.from_call(error)
    except ValueError:  # details that contradict the status itself
        return Details()
    return Details() if status is None else details_of(status)


def details_of(status: Status) -> Details:
    """The details that this command understands; others are passed by."""
    from google.rpc import error_details_pb2 as pb

    violations: list[tuple[str, str]] = []
    reason, retry_s, facts = "", None, {}
    for detail in status.details:
        bad, info, retry = pb.BadRequest(), pb.ErrorInfo(), pb.RetryInfo()
        if detail.Unpack(bad):
            violations += [(item.field, item.description) for item in bad.field_violations]
        elif detail.Unpack(info):
            reason, facts = info.reason, dict(info.metadata)
        elif detail.Unpack(retry):
            retry_s = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    return Details(tuple(violations), reason, retry_s, facts)


def in_state(facts: Mapping[str, str]) -> tuple[str, str]:
    """What a thing's state does not allow, and what it does: a sentence and advice."""
    sentence = f"{facts.get('name', 'it')} is {facts.get('state', '').replace('_', ' ')}"
    if facts.get("track"):
        sentence += f" for {facts['track']}"
    allowed = [_told(topic) for topic in facts.get("allowed", "").split(",") if topic]
    if not allowed:
        return sentence, "Nothing more can be told of it"
    return sentence, f"What can be told of it now: {', '.join(allowed)}"


def _told(topic: str) -> str:
    """`technology.trial_started.v1` as a person says it: trial started."""
    return topic.removesuffix(".v1").partition(".")[2].replace("_", " ") or topic


def _plain(text: str) -> str:
    """One line without a full stop."""
    return " ".join(text.split()).rstrip(".")
