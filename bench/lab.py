"""What is measured, and on what? A real server process, a real database, real gRPC.

    encoded requests ──grpc.aio──► `candour serve` (own process, projector a child of it)
                                        │ fsync on
                                   PostgreSQL (own cluster) or SQLite (a file on disk)

Client, server, projector and database share the machine. Requests are serialized before
the clock starts; nothing else is left out.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from services.pb.candour.v1 import (
    common_pb2,
    ingest_pb2,
    proofs_pb2,
    proofs_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
)
from tests.postgres import PostgresCluster, create_database

AGENCY = "agencies/sampleton-police"
TECHNOLOGY = "technologies/plate-reader"
PARENT = "ledgers/main"
SERVICE = "/candour.v1.IngestService/"
OPTIONS = [
    ("grpc.max_send_message_length", 64 << 20),
    ("grpc.max_receive_message_length", 64 << 20),
]


@dataclass(frozen=True)
class Lab:
    """A running server."""

    store: str
    data: Path
    target: str
    pid: int
    database_url: str | None

    def rss_mb(self) -> tuple[float, float]:
        """Resident memory of the server process, and of its projector, MB."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return rss_mb_of(str(self.pid)), sum(rss_mb_of(pid) for pid in children)

    def heads(self) -> proofs_pb2.GetTreeHeadResponse:
        with grpc.insecure_channel(self.target, OPTIONS) as channel:
            stub = proofs_pb2_grpc.ProofsServiceStub(channel)
            return stub.GetTreeHead(proofs_pb2.GetTreeHeadRequest(parent=PARENT))


def rss_mb_of(pid: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


@contextmanager
def lab(store: str, environment: Mapping[str, str] | None = None) -> Iterator[Lab]:
    """A fresh ledger with one registered agency, on `sqlite` or `postgres`, and its server."""
    with (
        place(store) as (data, database_url),
        serve(data, database_url, environment) as (target, pid),
    ):
        register_agency(target, AGENCY, "Sampleton Police")
        yield Lab(store, data, target, pid, database_url)


def register_agency(target: str, name: str, display_name: str) -> None:
    with grpc.insecure_channel(target) as channel:
        registry_pb2_grpc.RegistryServiceStub(channel).RegisterAgency(
            registry_pb2.RegisterAgencyRequest(
                parent=PARENT,
                agency=registry_pb2.Agency(name=name, display_name=display_name),
            )
        )


@contextmanager
def place(store: str) -> Iterator[tuple[Path, str | None]]:
    """An empty data directory, and the URL of a database of its own; both gone afterwards."""
    data = Path(tempfile.mkdtemp(prefix="candour-bench-", dir=os.environ.get("CANDOUR_BENCH_DIR")))
    cluster = None
    database_url = None
    try:
        if store == "postgres":
            cluster = PostgresCluster({"shared_buffers": "256MB", "max_wal_size": "2GB"})
            cluster.start()
            database_url = create_database(cluster.url())
        yield data, database_url
    finally:
        if cluster is not None:
            cluster.destroy()
        shutil.rmtree(data, ignore_errors=True)


@contextmanager
def serve(
    data: Path, database_url: str | None, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, int]]:
    """`candour serve` in a process of its own: its address and id."""
    port = random.randint(20_000, 30_000)
    command = [sys.executable, "-m", "services.cli", "serve", "--data", str(data)]
    command += ["--grpc", f"127.0.0.1:{port}", "--http", "127.0.0.1:0"]
    env = {**os.environ, **(environment or {})}
    if database_url:
        env["CANDOUR_DATABASE_URL"] = database_url
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    target = f"127.0.0.1:{port}"
    try:
        with grpc.insecure_channel(target) as channel:
            grpc.channel_ready_future(channel).result(timeout=30)
        yield target, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def tool_uses(
    count: int, seed: int = 7, *, agencies: int = 1, technologies: int = 1
) -> Iterator[common_pb2.ToolUse]:
    """Reports like a vendor's export makes: entries of some 900 bytes, six commitments.

    Of one agency they lie 20 s apart, of several they all happened within a day.
    """
    draw = random.Random(seed)
    performers = [str(uuid.UUID(int=draw.getrandbits(128))) for _ in range(200)]
    columns = ["id", "userId", "searchDate", "cameraCount", "reason", "caseNumber"]
    start = 1_700_000_000
    for number in range(count):
        own_id = str(uuid.UUID(int=draw.getrandbits(128)))
        performer = draw.choice(performers)
        seconds = start + (number * 20 if agencies == 1 else number % 86_400)
        ms = draw.randrange(1000)
        when = Timestamp(seconds=seconds, nanos=ms * 1_000_000)
        cameras = draw.randrange(3000)
        case = f"24-{draw.randrange(40_000):06d}"
        written = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds)) + f".{ms:03d}"
        yield common_pb2.ToolUse(
            agency=AGENCY if agencies == 1 else agency_name(draw.randrange(agencies)),
            technology=TECHNOLOGY
            if technologies == 1
            else technology_name(draw.randrange(technologies)),
            source="sources/plate-reader-export",
            source_event_id=own_id,
            capture=common_pb2.CAPTURE_BACKFILL,
            occurred=common_pb2.Occurred(earliest=when, latest=when, zone_assumed="UTC"),
            performer=common_pb2.Performer(user_id=performer),
            trigger=common_pb2.TRIGGER_HUMAN,
            acquisition=common_pb2.ACQUISITION_PROCURED,
            purpose="investigation",
            devices_searched=common_pb2.Count(exactly=cameras),
            case_number=common_pb2.ProtectedText(value=case),
            reason=common_pb2.ProtectedText(value="stolen vehicle"),
            source_record=common_pb2.SourceRecord(
                columns=columns,
                row=[own_id, performer, written, str(cameras), "stolen vehicle", case],
            ),
        )


def agency_name(number: int) -> str:
    return f"agencies/a{number}"


def technology_name(number: int) -> str:
    return f"technologies/t{number}"


def batches(
    count: int, size: int, seed: int = 7, *, agencies: int = 1, technologies: int = 1
) -> list[bytes]:
    """Serialized BatchReportToolUses requests."""
    encoded, some = [], []
    for use in tool_uses(count, seed, agencies=agencies, technologies=technologies):
        some.append(use)
        if len(some) == size:
            request = ingest_pb2.BatchReportToolUsesRequest(parent=PARENT, tool_uses=some)
            encoded.append(request.SerializeToString())
            some = []
    return encoded


def unaries(count: int, seed: int = 8) -> list[bytes]:
    """Serialized ReportToolUse requests."""
    return [
        ingest_pb2.ReportToolUseRequest(parent=PARENT, tool_use=use).SerializeToString()
        for use in tool_uses(count, seed)
    ]


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
