"""How fast is the index, and how long are its proofs? `python -m tests.usage_index.measure`.

The patterns of section 8 of its design: 200 agencies x 40 technologies x 365 days, family 03,
1 M events, in memory; then all six families, as the projector would feed them. No test: it
takes some minutes and one core. The garbage collector is paused unless `--collector` is given;
times are the processor's, so that others at work on the machine count less.
"""

from __future__ import annotations

import gc
import sys
import time
import zlib
from collections.abc import Callable, Iterable
from hashlib import sha256
from random import Random
from statistics import median

from ledger.canonical_json import encode
from ledger.usage_index import (
    EMPTY,
    Commitment,
    CountQuestion,
    Days,
    Detail,
    Family,
    MemoryNodes,
    Question,
    Ref,
    Span,
    Use,
    WholeQuestion,
    insert,
    prove_nodes,
    prove_question,
    read_proof,
    tally_nodes,
    verify_proof,
)
from ledger.usage_index.keys import key_of

AGENCIES = [f"agencies/{number}" for number in range(200)]
TECHNOLOGIES = [f"technologies/{number}" for number in range(40)]
DAYS = 365
TODAY = 18_000 + DAYS
RANDOM = Random(1)

Additions = dict[bytes, list[bytes]]


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def collect(keys: Iterable[bytes]) -> Additions:
    """One leaf hash, of any bytes, for each mention of a key."""
    additions: Additions = {}
    for number, key in enumerate(keys):
        additions.setdefault(key, []).append(sha256(b"%d" % number).digest())
    return additions


def key(agency: str, technology: str, day: int) -> bytes:
    return key_of(Family.AGENCY_TECHNOLOGY, agency, technology, day)


def anywhere() -> bytes:
    return key(
        RANDOM.choice(AGENCIES), RANDOM.choice(TECHNOLOGIES), 18_000 + RANDOM.randrange(DAYS)
    )


def zipf() -> list[str]:
    weights = [1 / rank for rank in range(1, len(AGENCIES) + 1)]
    return RANDOM.choices(AGENCIES, weights, k=500)


PATTERNS: dict[str, Callable[[], list[bytes]]] = {
    "today, one agency, 4 technologies": lambda: [
        key(AGENCIES[7], RANDOM.choice(TECHNOLOGIES[:4]), TODAY) for _ in range(500)
    ],
    "today, Zipf over agencies": lambda: [
        key(agency, RANDOM.choice(TECHNOLOGIES), TODAY) for agency in zipf()
    ],
    "today, uniform over agencies": lambda: [
        key(RANDOM.choice(AGENCIES), RANDOM.choice(TECHNOLOGIES), TODAY) for _ in range(500)
    ],
    "random agency, technology, day": lambda: [anywhere() for _ in range(500)],
}


def measure_batches(nodes: MemoryNodes, root: Ref, tree_size: int) -> tuple[Ref, int]:
    for name, pattern in PATTERNS.items():
        times, written = [], 0
        for _ in range(20):
            additions = collect(pattern())
            before = len(nodes)
            started = time.process_time()
            # Every root is kept, so every touched node is written anew: the dearest case.
            root = insert(nodes, root, additions, tree_size=tree_size + 1, kept=tree_size)
            times.append(time.process_time() - started)
            tree_size += 1
            written = len(nodes) - before
        say(
            f"batch of 500, {name:<34} {min(times) / 500 * 1e6:6.1f} best, "
            f"{median(times) / 500 * 1e6:6.1f} median µs an event, {written} nodes"
        )
    return root, tree_size


def measure_proofs(nodes: MemoryNodes, root: Ref, tree_size: int) -> None:
    def ranges() -> tuple[Days, ...]:
        first, last = sorted(RANDOM.randrange(18_000, TODAY) for _ in range(2))
        return (Days(first, last),)

    def count(agency: str, technology: str, days: tuple[Days, ...]) -> Question:
        return CountQuestion(
            family=Family.AGENCY_TECHNOLOGY, first=agency, second=technology, ranges=days
        )

    months = tuple(Days(18_000 + 30 * month, 18_029 + 30 * month) for month in range(12))
    questions: dict[str, tuple[Callable[[], Question], Detail]] = {
        "standard, random range": (
            lambda: count(RANDOM.choice(AGENCIES), RANDOM.choice(TECHNOLOGIES), ranges()),
            Detail.COUNT,
        ),
        "zero, technology never used": (
            lambda: count(RANDOM.choice(AGENCIES), f"never {RANDOM.random()}", ranges()),
            Detail.COUNT,
        ),
        "zero, agency never seen": (
            lambda: count(f"never {RANDOM.random()}", TECHNOLOGIES[0], ranges()),
            Detail.COUNT,
        ),
        "12 months": (
            lambda: count(RANDOM.choice(AGENCIES), RANDOM.choice(TECHNOLOGIES), months),
            Detail.COUNT,
        ),
        "list of an agency's technologies": (
            lambda: WholeQuestion(family=Family.AGENCY_TECHNOLOGY, first=RANDOM.choice(AGENCIES)),
            Detail.GROUPS,
        ),
    }
    commitment = Commitment(tree_size=tree_size, root=root.hash, total=root.total)
    for name, (ask, detail) in questions.items():
        proving, verifying, sizes, packed = [], [], [], []
        for _ in range(300):
            question = ask()
            started = time.process_time()
            proof = prove_question(nodes, root, question, tree_size=tree_size, detail=detail)
            proving.append(time.process_time() - started)
            data = encode(proof)
            sizes.append(len(data))
            packed.append(len(zlib.compress(data, 9)))
            started = time.process_time()
            verify_proof(read_proof(data), question, commitment, detail)
            verifying.append(time.process_time() - started)
        proving.sort()
        say(
            f"{name:<34} prove {median(proving) * 1e3:.2f} ms (p99 {proving[-4] * 1e3:.2f}), "
            f"verify with reading {median(verifying) * 1e3:.2f} ms, JSON {median(sizes) / 1e3:.1f} "
            f"kB (most {max(sizes) / 1e3:.1f}), deflated {median(packed) / 1e3:.1f} kB"
        )


def measure_families(batch: int, *, agencies: int, days: int, batches: int = 12) -> None:
    """All six families, uses of today and the days before, in-place between kept roots."""
    nodes, root, tree_size = MemoryNodes(), EMPTY, 0
    times = []
    for _ in range(batches):
        uses = [
            Use(
                agency=AGENCIES[RANDOM.randrange(agencies)],
                technology=RANDOM.choice(TECHNOLOGIES[: 4 if agencies == 1 else None]),
                day=TODAY - RANDOM.randrange(days),
                performer=f"p-{RANDOM.randrange(20 * agencies):032x}",
            )
            for _ in range(batch)
        ]
        hashes = [sha256(b"%d" % number).digest() for number in range(batch)]
        started = time.process_time()
        additions: Additions = {}
        for use, hashed in zip(uses, hashes, strict=True):
            for placed in use.placed_keys():
                additions.setdefault(placed, []).append(hashed)
        root = insert(nodes, root, additions, tree_size=tree_size + batch, kept=tree_size)
        times.append(time.process_time() - started)
        tree_size += batch
    assert root.total == 6 * tree_size
    best = median(times[batches // 2 :]) / batch
    say(
        f"six families, batches of {batch:>5}, {agencies:>3} agencies, {days:>3} days: "
        f"{best * 1e6:6.1f} µs a use, keys made; {1 / best:,.0f} uses/s"
    )


def measure_worst() -> None:
    """The largest proof a verifier reads, against the most ranges it can be asked about."""
    chain = {(1 << bit).to_bytes(69, "big"): [bytes(32)] for bit in range(552)}
    wide = {number.to_bytes(69, "big"): [bytes(32)] for number in range(32_000)}
    nodes = MemoryNodes()
    root = insert(nodes, EMPTY, {**chain, **wide}, tree_size=1, kept=-1)
    commitment = Commitment(tree_size=1, root=root.hash, total=root.total)
    step = (1 << 552) // 2_000
    starts = [number * step for number in range(1, 2_000)]
    spans = [Span(bytes(69), (33_000).to_bytes(69, "big"))]
    spans += [Span(n.to_bytes(69, "big"), (n + step // 2).to_bytes(69, "big")) for n in starts]
    shown = prove_nodes(nodes, root, spans, Detail.REGISTERS)
    started = time.process_time()
    tally_nodes(shown, spans, Detail.REGISTERS, commitment)
    say(f"{len(shown)} nodes, {len(spans)} spans: {time.process_time() - started:.2f} s to verify")


def main() -> None:
    if "--collector" not in sys.argv:
        gc.disable()
    measure_worst()
    for batch in (500, 5_000, 20_000):
        measure_families(batch, agencies=1, days=1)
        measure_families(batch, agencies=200, days=1)
        measure_families(batch, agencies=200, days=30)
    nodes = MemoryNodes()
    additions = collect(anywhere() for _ in range(1_000_000))
    started = time.process_time()
    root = insert(nodes, EMPTY, additions, tree_size=1_000_000, kept=-1)
    spent = time.process_time() - started
    say(f"1 M events: {len(additions)} registers, {len(nodes)} nodes, built in {spent:.1f} s")
    del additions
    root, tree_size = measure_batches(nodes, root, 1_000_000)
    measure_proofs(nodes, root, tree_size)


if __name__ == "__main__":
    main()
