"""Do these nodes follow the rule, and what do they add up to? (section 5, steps 6 to 8)

    nodes ──take: position, form, bounds──► sums, one a span
          ──fold, backwards───────────────► total and root

One stack holds the positions that wait for a node, another the subtrees that are folded:
there is no recursion. The rule comes from the verifier's own question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ledger.canonical_json import JsonObject, JsonValue
from ledger.limits import MAX_COUNT
from ledger.usage_index.keys import KEY_BITS, KEY_BYTES
from ledger.usage_index.nodes import EMPTY, Ref, inner_hash_of, leaf_hash_of
from ledger.usage_index.refusals import (
    CountTooLarge,
    KeyOutOfPlace,
    NodeMalformed,
    NodesLeftOver,
    ProofTruncated,
    WronglyClosed,
    WronglyOpened,
)
from ledger.usage_index.spans import BELOW, Detail, OpeningRule

_KEY_HEX: Final = re.compile(r"[0-9a-f]{138}")
_HASH_HEX: Final = re.compile(r"[0-9a-f]{64}")
_SKIP: Final = re.compile(r"[01]*")
_CLOSED: Final = {"n", "h"}
_INNER: Final = {"s"}
_LEAF: Final = {"k", "n", "r"}


class Register(NamedTuple):
    """A register that a proof shows: its key, its number of entries, their RFC 6962 root."""

    key: bytes
    size: int
    root: bytes


@dataclass(slots=True)
class Tally:
    """What the nodes of a proof add up to.

    Members:
        sums: One a span.
        groups: For detail `groups`, one a span: second part -> count.
        registers: For detail `registers`, those within a span, in order of their keys.
    """

    sums: list[int]
    groups: list[dict[bytes, int]]
    registers: list[Register] = field(default_factory=list)


class _Label(NamedTuple):
    """An opened inner node, as its hash needs it."""

    bits: int
    prefix: bytes


class ProofWalk:
    """One pass: the positions that wait for a node, what was taken, what it adds up to."""

    def __init__(self, rule: OpeningRule, spans: int, detail: Detail) -> None:
        self._rule, self._detail = rule, detail
        self._waiting = [(0, 0)]  # position and its bits; the next one is last
        self._taken: list[_Label | Ref] = []
        self.tally = Tally([0] * spans, [{} for _ in range(spans)])

    def take(self, number: int, node: JsonValue) -> None:
        """Step 6 for one node. Raises UsageProofRefused."""
        if not self._waiting:
            raise NodesLeftOver(node=number)
        position, bits = self._waiting.pop()
        place = self._rule.place(position, bits)
        opens = self._rule.opens(place, bits)
        if not isinstance(node, dict):
            raise NodeMalformed("must be an object", node=number)
        form = set(node)
        if form not in (_CLOSED, _INNER, _LEAF):
            raise NodeMalformed("must hold n and h, or s, or k, n and r", node=number)
        if opens and form == _CLOSED:
            raise WronglyClosed(node=number)
        if not opens and form != _CLOSED:
            raise WronglyOpened(node=number)
        if form == _CLOSED:
            self._take_closed(number, node, position, place)
        elif form == _INNER:
            self._take_inner(number, node, position, bits)
        else:
            self._take_leaf(number, node, position, bits)

    def _take_closed(self, number: int, node: JsonObject, position: int, place: int) -> None:
        count = _count(number, node["n"])
        hashed = _bytes(number, node["h"], _HASH_HEX)
        if place >= 0:
            self._add(place, position.to_bytes(KEY_BYTES, "big"), count)
        self._taken.append(Ref(0, count, hashed))

    def _take_inner(self, number: int, node: JsonObject, position: int, bits: int) -> None:
        skip = node["s"]
        if not isinstance(skip, str) or not _SKIP.fullmatch(skip):
            raise NodeMalformed("a skip must be a text of 0 and 1", node=number)
        bits += len(skip)
        if bits >= KEY_BITS:
            raise NodeMalformed("a skip must end before the key does", node=number)
        label = position | (int(skip or "0", 2) << (KEY_BITS - bits))
        self._taken.append(_Label(bits, label.to_bytes(KEY_BYTES, "big")[: (bits + 7) // 8]))
        right = label | (1 << (KEY_BITS - 1 - bits))
        self._waiting += [(right, bits + 1), (label, bits + 1)]

    def _take_leaf(self, number: int, node: JsonObject, position: int, bits: int) -> None:
        key = _bytes(number, node["k"], _KEY_HEX)
        count = _count(number, node["n"])
        register_root = _bytes(number, node["r"], _HASH_HEX)
        value = int.from_bytes(key, "big")
        if value & ~BELOW[bits] != position:
            raise KeyOutOfPlace(node=number)
        place = self._rule.place(value, KEY_BITS)
        if place >= 0:
            self._add(place, key, count)
            if self._detail is Detail.REGISTERS:
                self.tally.registers.append(Register(key, count, register_root))
        self._taken.append(Ref(0, count, leaf_hash_of(key, count, register_root)))

    def _add(self, place: int, key: bytes, count: int) -> None:
        self.tally.sums[place] += count
        if self._detail is Detail.GROUPS:
            groups, second = self.tally.groups[place], key[33:65]
            groups[second] = groups.get(second, 0) + count

    def fold(self) -> Ref:
        """Steps 7 and 8: counts and hashes up to the root. Raises UsageProofRefused."""
        if not self._taken:  # step 5: the empty index has no nodes
            return EMPTY
        if self._waiting:
            raise ProofTruncated(len(self._waiting))
        folded: list[Ref] = []
        for number in range(len(self._taken) - 1, -1, -1):
            taken = self._taken[number]
            if isinstance(taken, _Label):
                left, right = folded.pop(), folded.pop()
                total = left.total + right.total
                if total > MAX_COUNT:
                    raise CountTooLarge(node=number)
                taken = Ref(0, total, inner_hash_of(taken.bits, taken.prefix, left, right))
            folded.append(taken)
        [root] = folded
        return root


def _count(number: int, value: JsonValue) -> int:
    if type(value) is not int or not 1 <= value <= MAX_COUNT:
        raise NodeMalformed("a count must be an integer in 1..2^53-1", node=number)
    return value


def _bytes(number: int, value: JsonValue, pattern: re.Pattern[str]) -> bytes:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise NodeMalformed("hex must have its one length, in lower case", node=number)
    return bytes.fromhex(value)
