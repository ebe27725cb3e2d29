"""How is a trust policy written down? (C2SP tlog-policy)

Lines of words, each ended by a newline; `#` begins a comment; one quorum.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>...
    quorum <name>|none

    trust.txt ──parse_trust_policy──► TrustPolicy, or the line that is wrong
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from ledger.errors import Malformed
from ledger.limits import MAX_TRUST_POLICY_BYTES, MAX_TRUST_POLICY_LINES
from ledger.tlog.note_keys import COSIGNATURE_TYPE, NOTE_TYPE, VerifierKey
from ledger.tlog.texts import parse_decimal
from ledger.tlog.trust_policy import Group, Log, TrustPolicy, Witness

_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BLANKS: Final = re.compile(r"[ \t]+")
_NONE: Final = "none"
_SHAPES: Final = {
    "log": "must be: log <vkey> [<url>]",
    "witness": "must be: witness <name> <vkey> [<url>]",
    "group": "must be: group <name> all|any|<k> <name>...",
    "quorum": "must be: quorum <name>|none",
}


class TrustPolicyMalformed(Malformed):
    """A line of a trust policy breaks its format; `line` counts from 1."""

    def __init__(self, reason: str, *, line: int) -> None:
        super().__init__(f"trust policy, line {line}", reason)
        self.line = line


def parse_trust_policy(data: bytes) -> TrustPolicy:
    """The policy in this file, strictly: a line we misread could cost us a witness.

    Args:
        data: 1,000,000 bytes and 10,000 lines at most, each line ended by a newline.
    Raises:
        TrustPolicyMalformed: A line breaks the format, or a rule about earlier lines.
        Malformed: The file is too large or has no quorum line.
    Source: C2SP tlog-policy.
    """
    if len(data) > MAX_TRUST_POLICY_BYTES:
        raise Malformed("trust policy", f"must be {MAX_TRUST_POLICY_BYTES} bytes at most")
    *lines, rest = data.decode(errors="surrogateescape").split("\n")
    if len(lines) > MAX_TRUST_POLICY_LINES:
        raise Malformed("trust policy", f"must be {MAX_TRUST_POLICY_LINES} lines at most")
    if rest:
        raise TrustPolicyMalformed("must end in a newline; was it cut?", line=len(lines) + 1)
    draft = _Draft()
    for number, line in enumerate(lines, start=1):
        try:
            draft.read(line)
        except Malformed as broken:
            raise TrustPolicyMalformed(str(broken), line=number) from None
    return draft.finished()


@dataclass(slots=True)
class _Draft:
    """The policy as far as it has been read. Its errors get their line from the caller."""

    logs: list[Log] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    quorum: list[str | None] = field(default_factory=list)  # one item once it is set
    defined: set[str] = field(default_factory=set)
    grouped: set[str] = field(default_factory=set)
    log_keys: set[bytes] = field(default_factory=set)
    witness_keys: set[bytes] = field(default_factory=set)

    def read(self, line: str) -> None:
        if _FORBIDDEN.search(line):
            raise Malformed("line", "must have no control character but tab")
        keyword, *items = _BLANKS.split(line.strip(" \t"))
        if keyword == "" or keyword.startswith("#"):
            return
        match keyword, items:
            case "log", [vkey] | [vkey, _]:
                key = _key(vkey, NOTE_TYPE, self.log_keys)
                self.logs.append(Log(key, *items[1:]))
            case "witness", [name, vkey] | [name, vkey, _]:
                self._define(name)
                key = _key(vkey, COSIGNATURE_TYPE, self.witness_keys)
                self.witnesses.append(Witness(name, key, *items[2:]))
            case "group", [name, rule, _, *_]:
                self._add_group(name, rule, tuple(items[2:]))
            case "quorum", [name]:
                self._set_quorum(name)
            case _:
                raise Malformed(
                    "line", _SHAPES.get(keyword, "must be log, witness, group or quorum")
                )

    def finished(self) -> TrustPolicy:
        if not self.quorum:
            raise Malformed("trust policy", "must have a quorum line")
        return TrustPolicy(
            tuple(self.logs), tuple(self.witnesses), tuple(self.groups), self.quorum[0]
        )

    def _define(self, name: str) -> None:
        if name == _NONE or name in self.defined:
            raise Malformed("name", "must be new, and not `none`")
        self.defined.add(name)

    def _add_group(self, name: str, rule: str, members: tuple[str, ...]) -> None:
        most = len(members)
        if rule in ("all", "any"):
            threshold = most if rule == "all" else 1
        else:
            threshold = parse_decimal(rule, field="threshold", maximum=most)
        if threshold == 0:
            raise Malformed("threshold", "must be 1 or more")
        for member in members:
            if member not in self.defined:
                raise Malformed("member", "must be defined on an earlier line")
            if member in self.grouped:
                raise Malformed("member", "must stand in one group, once")
            self.grouped.add(member)
        self._define(name)
        self.groups.append(Group(name, threshold, members))

    def _set_quorum(self, name: str) -> None:
        if self.quorum:
            raise Malformed("quorum", "must be set once")
        if name != _NONE and name not in self.defined:
            raise Malformed("quorum", "must be defined on an earlier line")
        self.quorum.append(None if name == _NONE else name)


def _key(vkey: str, key_type: int, earlier: set[bytes]) -> VerifierKey:
    """The key, if it is of this type and none of the earlier ones under any name."""
    key = VerifierKey.parse(vkey)
    if key.key_type != key_type:
        raise Malformed("vkey.type", f"must be {key_type:#04x} on this line")
    if key.public_key in earlier:
        raise Malformed("vkey.key", "must not stand on two lines of a kind")
    earlier.add(key.public_key)
    return key
