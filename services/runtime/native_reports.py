"""Is the native path of reports here, and how is it used? The same entries, ten times as fast.

    bytes of uses ──read──► NativeUse or None ──(names looked up)──► prepare ──► NewEntry or None

None goes the way of Python: it says what is wrong, or takes what the native path leaves to it.
`make native` builds the extension (native/, Rust); without it, or with one that was built for
another contract, all goes that way. CANDOUR_NATIVE=0 turns it off.

Source: ledger/reports.py, the reference; tests/services/runtime/test_native_reports.py.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from ledger import limits
from ledger.commands import Performer
from ledger.events.tool_use import ToolUseReported
from ledger.log import Log
from ledger.store.core import NewEntry
from ledger.times import full_text_of_us
from services.pb.candour.v1 import common_pb2

_log = logging.getLogger("candour.native")
_MESSAGES: Final = (
    "Count",
    "DataFlow",
    "Interval",
    "Occurred",
    "Performer",
    "ProtectedText",
    "SourceRecord",
)


class NativeUse(Protocol):
    """A use that is decoded and well formed, held by the extension."""

    agency: str
    performer: tuple[str | None, str | None, str | None] | None
    random_bytes: int


class NativeReports:
    """Makes entries of one ledger from uses as they lie on the wire."""

    def __init__(self, log: Log, extension: Any) -> None:
        self._log = log
        bounds = {name: value for name, value in vars(limits).items() if isinstance(value, int)}
        self._writer = extension.Preparer(log.origin, log.keys.secret, bounds)

    def read(self, uses: Sequence[bytes]) -> list[NativeUse | None]:
        """Each use, or None where Python is to judge."""
        read: list[NativeUse | None] = self._writer.read(uses)
        return read

    def named(self, read: Iterable[NativeUse | None]) -> Iterator[tuple[str, object]]:
        """What `Log.unmet` wants to know of them."""
        for use in read:
            if use is not None:
                yield use.agency, _performer(use)

    def prepare(self, read: Sequence[NativeUse | None], reporter: str) -> list[NewEntry | None]:
        """Each use's entry; None where there was no use, its agency is not met, or a bound crossed.

        Raises:
            KeyError: A performer was not learnt (our own fault).
        """
        log = self._log
        places, uses, pseudonyms, wanted = [], [], [], 0
        for place, use in enumerate(read):
            if use is None or not log.has_met(use.agency):
                continue
            performer = _performer(use)
            places.append(place)
            uses.append(use)
            pseudonyms.append(performer and log.pseudonym_of(use.agency, performer))
            wanted += use.random_bytes
        prepared: list[NewEntry | None] = [None] * len(read)
        if not uses:
            return prepared
        now_us = log.clock_us()
        rows = self._writer.prepare(
            uses, pseudonyms, log.random_bytes(wanted), now_us, full_text_of_us(now_us), reporter
        )
        topic = ToolUseReported.TOPIC
        for place, row in zip(places, rows, strict=True):
            if row is not None:
                stream, entry, leaf_hash, identity, content, shown = row
                prepared[place] = NewEntry(
                    stream=stream,
                    version=1,
                    topic=topic,
                    entry=entry,
                    leaf_hash=leaf_hash,
                    fresh=True,
                    identity=identity,
                    content=content,
                    disclosures=shown,
                )
        return prepared


def native_reports(log: Log) -> NativeReports | None:
    """The native path of a ledger; None where it is not built, turned off, or of another contract."""
    if os.environ.get("CANDOUR_NATIVE", "1") == "0":
        return None
    try:
        import candour_native
    except ImportError:
        return None
    if candour_native.CONTRACT != contract():
        _log.warning("the native extension is of another release: `make native` builds this one's")
        return None
    return NativeReports(log, candour_native)


def contract() -> str:
    """Every message of a use, a line each: its fields as `name=number`, by number."""
    use = common_pb2.ToolUse.DESCRIPTOR
    stamp = Timestamp.DESCRIPTOR
    inner = [common_pb2.DESCRIPTOR.message_types_by_name[name] for name in _MESSAGES]
    return "\n".join(
        " ".join([message.name, *(f"{item.name}={item.number}" for item in _by_number(message))])
        for message in (use, *inner, stamp)
    )


def _by_number(message: Any) -> list[Any]:
    return sorted(message.fields, key=lambda item: item.number)


def _performer(use: NativeUse) -> Performer | None:
    if use.performer is None:
        return None
    user_id, name, badge = use.performer
    return Performer(user_id=user_id, name=name, badge=badge)
