"""What does the design say, word for word? Slow, recursive, of plain dicts; judges the rest.

Shares nothing with ledger/usage_index but the register roots of ledger/merkle. Bits are
strings of 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from ledger.merkle.reference import tree_hash

Registers = Mapping[bytes, Sequence[bytes]]  # key -> leaf hashes


def bits_of(key: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in key)


def root_and_total(registers: Registers) -> tuple[bytes, int]:
    """Section 3, over registers that each hold one leaf hash or more."""
    if not registers:
        return sha256(b"CUX1E").digest(), 0
    if len(registers) == 1:
        [(key, leaf_hashes)] = registers.items()
        count = len(leaf_hashes)
        data = b"CUX1L" + key + count.to_bytes(8, "big") + tree_hash(leaf_hashes)
        return sha256(data).digest(), count
    low, high = bits_of(min(registers)), bits_of(max(registers))
    label = low[: next(i for i, (a, b) in enumerate(zip(low, high, strict=True)) if a != b)]
    sides = [
        root_and_total({k: v for k, v in registers.items() if bits_of(k)[len(label)] == bit})
        for bit in "01"
    ]
    padded = label + "0" * (-len(label) % 8)
    data = b"CUX1I" + len(label).to_bytes(2, "big")
    data += bytes(int(padded[i : i + 8], 2) for i in range(0, len(padded), 8))
    for hashed, total in sides:
        data += total.to_bytes(8, "big") + hashed
    return sha256(data).digest(), sum(total for _, total in sides)


def sums_of(registers: Registers, spans: Sequence[tuple[bytes, bytes]]) -> list[int]:
    """How many entries stand under the keys of each inclusive span."""
    return [
        sum(len(hashes) for key, hashes in registers.items() if first <= key <= last)
        for first, last in spans
    ]
