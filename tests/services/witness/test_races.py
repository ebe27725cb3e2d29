"""Asked by many at once, does a witness ever vouch for two trees of one size, or for two histories?

A log that forks submits both histories at every step, from threads, to one process and to two
that share a directory. Each thread goes on from where the witness says it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from ledger.errors import CandourError
from ledger.tlog import Checkpoint, VerifierKey
from services.publisher.witness_client import WitnessFailed, submit
from tests.services.witness.harness import process, served
from tests.tlog.logs import MemoryLog

SIZE = 60
HISTORIES = [MemoryLog(SIZE, forked_at=at) for at in (None, 0, 7, 20)]


def climb(log: MemoryLog, url: str, key: VerifierKey) -> list[tuple[int, Checkpoint]]:
    """Submit every size in turn; what was cosigned, with its time."""
    cosigned = []
    for size in range(1, SIZE + 1):
        try:
            got = submit(
                url,
                key,
                note=log.note(size),
                old_size=size - 1,
                prove=partial(log.proof, new=size),
            )
        except WitnessFailed:
            continue
        except CandourError as error:
            raise AssertionError("a witness answers as the client understands") from error
        cosigned.append((got.cosigned_at, log.checkpoint(size)))
    return cosigned


def check_one_history(cosigned: Sequence[tuple[int, Checkpoint]]) -> None:
    roots: dict[int, bytes] = {}
    for _, checkpoint in cosigned:
        assert roots.setdefault(checkpoint.tree_size, checkpoint.root) == checkpoint.root
    assert SIZE in roots, "somebody got to the end"
    assert any(all(log.root(size) == root for size, root in roots.items()) for log in HISTORIES), (
        "all that was cosigned is one history"
    )
    largest_at: dict[int, int] = {}
    for at, checkpoint in cosigned:
        largest_at[at] = max(checkpoint.tree_size, largest_at.get(at, 0))
    # Second by second: what was the largest tree then is not larger than what was so later.
    assert all(a[1] <= b[1] for a, b in pairwise(sorted(largest_at.items())))


@pytest.mark.parametrize("attempt", range(3))
def test_threads(tmp_path: Path, attempt: int) -> None:
    """Eight clients, four histories, one process."""
    with served(tmp_path) as server, ThreadPoolExecutor(8) as pool:
        key = server.service.verifier_key
        runs = pool.map(lambda log: climb(log, server.url, key), HISTORIES * 2)
        cosigned = [one for run in runs for one in run]

    check_one_history(cosigned)


def test_two_processes_on_one_directory(tmp_path: Path) -> None:
    """Started at once on nothing, they have one key; asked at once, they have one memory."""
    with (
        ThreadPoolExecutor(8) as pool,
        process(tmp_path) as one,
        process(tmp_path) as two,
    ):
        assert one.key == two.key
        jobs = [(log, running) for log in HISTORIES for running in (one, two)]
        runs = pool.map(lambda job: climb(job[0], job[1].url, job[1].key), jobs)
        cosigned = [one for run in runs for one in run]

    check_one_history(cosigned)
