"""What is sent? Reports like a vendor's export makes, serialized before any clock starts."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterable, Iterator

from google.protobuf.timestamp_pb2 import Timestamp

from services.pb.candour.v1 import common_pb2, ingest_pb2

AGENCY = "agencies/sampleton-police"
TECHNOLOGY = "technologies/plate-reader"
PARENT = "ledgers/main"


def tool_uses(
    count: int,
    seed: int = 7,
    *,
    agencies: int = 1,
    technologies: int = 1,
    every_s: int | None = None,
) -> Iterator[common_pb2.ToolUse]:
    """Reports like a vendor's export makes: entries of some 900 bytes, six commitments.

    Args:
        every_s: How far apart they lie. None: of one agency 20 s, of several all within a day.
    """
    draw = random.Random(seed)
    performers = [str(uuid.UUID(int=draw.getrandbits(128))) for _ in range(200)]
    columns = ["id", "userId", "searchDate", "cameraCount", "reason", "caseNumber"]
    start = 1_700_000_000
    for number in range(count):
        own_id = str(uuid.UUID(int=draw.getrandbits(128)))
        performer = draw.choice(performers)
        own_step = number * 20 if agencies == 1 else number % 86_400
        seconds = start + (own_step if every_s is None else number * every_s)
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
    return encoded(tool_uses(count, seed, agencies=agencies, technologies=technologies), size)


def encoded(uses: Iterable[common_pb2.ToolUse], size: int) -> list[bytes]:
    """Serialized BatchReportToolUses requests of `size` uses each, the last one of fewer."""
    requests: list[bytes] = []
    some: list[common_pb2.ToolUse] = []

    def end() -> None:
        request = ingest_pb2.BatchReportToolUsesRequest(parent=PARENT, tool_uses=some)
        requests.append(request.SerializeToString())
        some.clear()

    for use in uses:
        some.append(use)
        if len(some) == size:
            end()
    if some:
        end()
    return requests


def unaries(count: int, seed: int = 8) -> list[bytes]:
    """Serialized ReportToolUse requests."""
    return [
        ingest_pb2.ReportToolUseRequest(parent=PARENT, tool_use=use).SerializeToString()
        for use in tool_uses(count, seed)
    ]


def streamed(count: int, seed: int = 9) -> list[bytes]:
    """Serialized StreamToolUses requests."""
    return [
        ingest_pb2.StreamToolUsesRequest(parent=PARENT, tool_use=use).SerializeToString()
        for use in tool_uses(count, seed)
    ]


def many_agencies(count: int) -> dict[str, str]:
    """Names of `agency_name` with what they are called."""
    return {agency_name(number): f"Agency {number}" for number in range(count)}
