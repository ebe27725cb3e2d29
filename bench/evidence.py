"""What does checking cost? Bundles and audits, by the commands that people run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import grpc

from bench.lab import OPTIONS, Lab, percentile
from bench.requests import AGENCY, PARENT
from services.pb.candour.v1 import common_pb2, proofs_pb2, proofs_pb2_grpc


def verify_seconds(lab: Lab, *, entries: int) -> float:
    """Seconds that `candour-verify` takes for a bundle of so many entries, its start included."""
    bundle = lab.data / "bench.bundle.json"
    request = proofs_pb2.ProveToolUsesRequest(
        parent=PARENT, filter=f"leaf_index < {entries}", as_of=common_pb2.AsOf(tree_size=entries)
    )
    with grpc.insecure_channel(lab.target, OPTIONS) as channel:
        stub = proofs_pb2_grpc.ProofsServiceStub(channel)
        bundle.write_bytes(b"".join(part.chunk for part in stub.ProveToolUses(request)))
    return _timed("-m", "ledger.verify", bundle, "--trust", lab.data / "trust.txt")


def count_p99(lab: Lab, *, calls: int) -> float:
    """p99 of a proven count (agency, technology, a month) once its root is committed, ms."""
    request = proofs_pb2.ProveUsageRequest(
        parent=PARENT,
        agency=AGENCY,
        technology="technologies/plate-reader",
        first_day="2023-11-20",
        last_day="2023-12-20",
    )
    took = []
    with grpc.insecure_channel(lab.target, OPTIONS) as channel:
        stub = proofs_pb2_grpc.ProofsServiceStub(channel)
        head = stub.GetTreeHead(proofs_pb2.GetTreeHeadRequest(parent=PARENT)).tree_size
        list(stub.ProveUsage(request))  # commits a root of all there is
        request.as_of.tree_size = head
        for _ in range(calls):
            started = time.perf_counter()
            assert b"".join(part.chunk for part in stub.ProveUsage(request))
            took.append((time.perf_counter() - started) * 1000)
    return percentile(took, 0.99)


def audit_rate(lab: Lab) -> float:
    """Entries a second of `candour audit`: entries, tiles, checkpoints, views, usage index."""
    entries = lab.heads().tree_size
    where = ["--database-url", lab.database_url] if lab.database_url else []
    return entries / _timed("-m", "services.cli", "audit", "--data", lab.data, *where)


def _timed(*command: str | Path) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *map(str, command)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - started
