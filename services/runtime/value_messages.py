"""How do times, counts, spans and choices cross the wire? Both ways, losing nothing.

    Timestamp ◄──► RFC 3339 text    Count, Interval ◄──► our values    enum number ◄──► our word

The zero of proto3 is "not set" throughout: an empty text or an unspecified choice is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from google.protobuf.timestamp_pb2 import Timestamp

from ledger.errors import Malformed
from ledger.events import Count, DataFlow, Interval, Occurred

if TYPE_CHECKING:  # the commands start without the ledger behind it
    from ledger.log import Receipt
from ledger.times import text_of_timestamp, us_of_text
from services.pb.candour.v1 import common_pb2 as pb

# A choice's place is its number on the wire; tests hold the two to the same words.
Choices: TypeAlias = tuple[str | None, ...]
_FLOW: Final = (
    "category",
    "recipient",
    "processing_country",
    "storage_country",
    "access_country",
    "permission",
)


def choices(words: Sequence[str]) -> Choices:
    """The words of an enum by number; 0 is "not set"."""
    return (None, *words)


def chosen(number: int, known: Choices, field: str) -> str | None:
    """The word of an enum number. Raises Malformed for a number of another release."""
    if 0 <= number < len(known):
        return known[number]
    raise Malformed(field, f"{number} is not a choice known to this release")


def number_of(word: str | None, known: Choices) -> int:
    """The enum number of a word that we wrote ourselves."""
    return known.index(word)


def read_time(stamp: Timestamp, field: str) -> str:
    """The RFC 3339 text of a Timestamp. Raises Malformed for years outside 1..9999."""
    return text_of_timestamp(stamp.seconds, stamp.nanos, field=field)


def write_time(text: str | None) -> Timestamp | None:
    """The Timestamp of an RFC 3339 UTC text, to the nanosecond. Raises Malformed."""
    if text is None:
        return None
    seconds, us = divmod(us_of_text(text), 1_000_000)
    fraction = text.partition(".")[2].rstrip("Zz")
    nanos = int(fraction) if len(fraction) == 9 else us * 1000
    return Timestamp(seconds=seconds, nanos=nanos)


def read_occurred(message: pb.Occurred) -> Occurred:
    """Raises Malformed."""
    start = message.earliest if message.HasField("earliest") else None
    end = message.latest if message.HasField("latest") else None
    earliest = None if start is None else read_time(start, "occurred.earliest")
    if end is None or end == start:  # most uses are instants: one text serves as both ends
        latest = None if end is None else earliest
    else:
        latest = read_time(end, "occurred.latest")
    return Occurred(
        earliest=earliest,
        latest=latest,
        latest_exclusive=message.latest_exclusive or None,
        zone_assumed=message.zone_assumed or None,
        date=message.date or None,
    )


def write_occurred(occurred: Occurred | None) -> pb.Occurred | None:
    if occurred is None:
        return None
    return pb.Occurred(
        earliest=write_time(occurred.earliest),
        latest=write_time(occurred.latest),
        latest_exclusive=bool(occurred.latest_exclusive),
        zone_assumed=occurred.zone_assumed or "",
        date=occurred.date or "",
    )


def read_interval(message: pb.Interval, field: str) -> Interval:
    """Raises Malformed."""
    earliest = latest = None
    if message.HasField("earliest"):
        earliest = read_time(message.earliest, f"{field}.earliest")
    if message.HasField("latest"):
        latest = read_time(message.latest, f"{field}.latest")
    return Interval(earliest=earliest, latest=latest)


def write_interval(interval: Interval | None) -> pb.Interval | None:
    if interval is None:
        return None
    return pb.Interval(earliest=write_time(interval.earliest), latest=write_time(interval.latest))


def read_count(message: pb.Count) -> Count:
    """A count that says nothing stays empty; check_report refuses it by field."""
    known = message.WhichOneof("known")
    if known == "exactly":
        return Count(exactly=message.exactly)
    if known == "at_least":
        return Count(at_least=message.at_least)
    return Count()


def write_count(count: Count | None) -> pb.Count | None:
    if count is None:
        return None
    if count.exactly is not None:
        return pb.Count(exactly=count.exactly)
    return pb.Count() if count.at_least is None else pb.Count(at_least=count.at_least)


def read_data_flow(message: pb.DataFlow) -> DataFlow:
    return DataFlow(**{member: getattr(message, member) or None for member in _FLOW})


def write_data_flow(flow: DataFlow) -> pb.DataFlow:
    return pb.DataFlow(**{member: getattr(flow, member) or "" for member in _FLOW})


def receipt_message(receipt: Receipt) -> pb.Receipt:
    return pb.Receipt(
        name=receipt.name,
        leaf_index=receipt.leaf_index,
        leaf_hash=receipt.leaf_hash,
        duplicate=receipt.duplicate,
        content_compared=receipt.content_compared,
    )
