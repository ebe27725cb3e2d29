"""Does the native path make Python's entries, byte for byte, and leave to Python what it must?"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.commands import ReportToolUse
from ledger.errors import CandourError
from ledger.limits import (
    MAX_AUTHORIZATIONS,
    MAX_CODE_CHARS,
    MAX_NAME_CHARS,
    MAX_SOURCE_RECORD_BYTES,
    MAX_TEXT_BYTES,
    MAX_VERIFIERS,
)
from ledger.log import Log
from ledger.store.core import NewEntry
from ledger.store.sqlite import SqliteStore
from services.pb.candour.v1 import common_pb2 as pb
from services.runtime.messages import to_message
from services.runtime.native_reports import NativeReports, contract, native_reports
from services.runtime.raw_uses import decode_use
from tests.ledgers import KEYS, ORIGIN, REPORTER, SIGNER, START_US, Ledger
from tests.services.harness import text, use
from tests.strategies import commands

if not os.environ.get("CANDOUR_REQUIRE_NATIVE"):
    pytest.importorskip("candour_native", reason="the native path is not built: `make native`")

NATIVE_BUT_FOR_JSON = commands.map(
    lambda command: replace(
        command,
        protected={
            name: value
            for name, value in command.protected.items()
            if name == "verifiers" or isinstance(value, str) or value.keys() == {"masked"}
        },
    )
)


class Drawn:
    """Random bytes that come out the same however they are asked for."""

    def __init__(self) -> None:
        self._stream, self._at = b"", 0

    def __call__(self, size: int) -> bytes:
        while len(self._stream) < self._at + size:
            self._stream += sha256(len(self._stream).to_bytes(8, "big")).digest()
        start, self._at = self._at, self._at + size
        return self._stream[start : self._at]


@pytest.fixture(scope="module")
def fresh_log(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Log]:
    """Logs of one store, each with the same clock."""
    path: Path = tmp_path_factory.mktemp("native")
    store = SqliteStore(path / "main.db")
    Ledger(store).register_agencies()

    def fresh() -> Log:
        return Log(
            store,
            origin=ORIGIN,
            signer=SIGNER,
            keys=KEYS,
            clock_us=lambda: START_US + 7_000_001,
            random_bytes=os.urandom,
        )

    return fresh


def by_python(log: Log, data: bytes) -> NewEntry | CandourError:
    checked = log.check([decode_use(data)])
    log.learn(log.missing(checked))
    log.random_bytes = Drawn()
    (made,) = log.prepare(checked, REPORTER)
    return made


def by_native(log: Log, data: bytes) -> NewEntry | None:
    native = native_reports(log)
    assert isinstance(native, NativeReports)
    read = native.read([data])
    log.learn(log.unmet(native.named(read)))
    log.random_bytes = Drawn()
    (made,) = native.prepare(read, REPORTER)
    return made


@given(commands)
def test_every_report_becomes_the_same_entry(
    fresh_log: Callable[[], Log], command: ReportToolUse
) -> None:
    """What the native path takes, it writes as Python does: entry, hashes, digests, disclosures."""
    data = to_message(command).SerializeToString()
    made = by_native(fresh_log(), data)

    assert made is None or by_python(fresh_log(), data) == made


@given(NATIVE_BUT_FOR_JSON)
def test_it_takes_all_but_json(fresh_log: Callable[[], Log], command: ReportToolUse) -> None:
    """A well-formed report without JSON inside is never left to Python."""
    data = to_message(command).SerializeToString()

    assert by_python(fresh_log(), data) == by_native(fresh_log(), data)


@given(st.data())
def test_what_python_refuses_it_leaves(fresh_log: Callable[[], Log], data: st.DataObject) -> None:
    """Any bytes near a report: where Python has no entry, the native path has none either."""
    good = to_message(data.draw(commands)).SerializeToString()
    cut = data.draw(st.integers(0, len(good)))
    skipped = data.draw(st.integers(0, 3))
    sent = good[:cut] + data.draw(st.binary(max_size=12)) + good[cut + skipped :]
    made = by_native(fresh_log(), sent)

    assert made is None or by_python(fresh_log(), sent) == made


def _spoilt(field: str, value: Any) -> Callable[[pb.ToolUse], None]:
    return lambda message: setattr(message, field, value)


def _span(message: pb.ToolUse, earliest: tuple[int, int], latest: tuple[int, int]) -> None:
    for end, (seconds, nanos) in (("earliest", earliest), ("latest", latest)):
        stamp = getattr(message.occurred, end)
        stamp.seconds, stamp.nanos = seconds, nanos


@pytest.mark.parametrize(
    "spoil",
    [
        _spoilt("agency", "agencies/"),
        _spoilt("agency", "agencies/-a"),
        _spoilt("agency", "agencies/a\n"),
        _spoilt("agency", "agencies/" + "a" * 200),
        _spoilt("source", ""),
        _spoilt("source", "agencies/a"),
        _spoilt("technology", "technologies/é"),
        _spoilt("import", "imports/a/b"),
        _spoilt("capture", 0),
        _spoilt("capture", 3),
        _spoilt("acquisition", 99),
        _spoilt("outcome", -1),
        _spoilt("unit", "x" * (MAX_CODE_CHARS + 1)),
        _spoilt("purpose", "a\0b"),
        _spoilt("source_event_id", "a\0"),
        _spoilt("source_event_id", ""),
        _spoilt("source_sequence", 2**53),
        _spoilt("object_json", "[1]"),
        lambda message: message.authorizations.extend(["authorizations/a"] * 2),
        lambda message: message.authorizations.extend(
            f"authorizations/{n}" for n in range(MAX_AUTHORIZATIONS + 1)
        ),
        lambda message: message.performer.SetInParent(),
        lambda message: message.performers.SetInParent(),
        lambda message: message.reason.SetInParent(),
        lambda message: message.performer.MergeFrom(pb.Performer(name="a", masked="*")),
        lambda message: message.performer.MergeFrom(pb.Performer(name="a" * (MAX_NAME_CHARS + 1))),
        lambda message: message.objects.MergeFrom(pb.Count(exactly=-1)),
        lambda message: message.reason.MergeFrom(text("x" * (MAX_TEXT_BYTES + 1))),
        lambda message: message.verifiers.extend(["a"] * (MAX_VERIFIERS + 1)),
        lambda message: message.verifiers.extend(["陈" * MAX_NAME_CHARS] * MAX_VERIFIERS),
        lambda message: message.source_record.columns.append("a"),
        lambda message: message.source_record.MergeFrom(
            pb.SourceRecord(columns=["a"], row=["x" * MAX_SOURCE_RECORD_BYTES])
        ),
        lambda message: _span(message, (1, 0), (0, 0)),
        lambda message: _span(message, (0, 1_000_000_000), (0, 0)),
        lambda message: _span(message, (-62_135_596_801, 0), (0, 0)),
        lambda message: _span(message, (0, 0), (253_402_300_800, 0)),
        lambda message: message.occurred.MergeFrom(pb.Occurred(date="2023-02-29")),
        lambda message: message.occurred.MergeFrom(pb.Occurred(date="2023-2-9")),
    ],
)
def test_each_rule_is_held(
    fresh_log: Callable[[], Log], spoil: Callable[[pb.ToolUse], None]
) -> None:
    """Whatever one member is refused for, the native path does not take."""
    message = use("1")
    spoil(message)
    data = message.SerializeToString()

    assert isinstance(by_python(fresh_log(), data), CandourError)
    assert by_native(fresh_log(), data) is None


@pytest.mark.parametrize(
    "message",
    [
        use("1", performer=pb.Performer(user_id="u", name='"\\\b\f\n\r\t\x1f\x7f\u2028é陈😀')),
        use("1", reason=text("\x01\x02\x0b"), occurred=pb.Occurred(date="2024-02-29")),
        use("", source_record=pb.SourceRecord(columns=["B_a", "b A"], row=["2", "1\0"])),
        use("", occurrence=3, source_record=pb.SourceRecord(columns=["a", "a"], row=["é", ""])),
        use("1", source_record=pb.SourceRecord()),
    ],
)
def test_hard_texts_are_written_alike(fresh_log: Callable[[], Log], message: pb.ToolUse) -> None:
    """Escapes, folded columns, doubled names, leap days: the same bytes."""
    data = message.SerializeToString()
    made = by_python(fresh_log(), data)

    assert isinstance(made, NewEntry)
    assert made == by_native(fresh_log(), data)


def test_another_contract_is_left_alone(
    fresh_log: Callable[[], Log], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An extension built for other fields is not used: it would lose what it does not know."""
    import candour_native

    assert candour_native.CONTRACT == contract()
    assert native_reports(fresh_log()) is not None
    monkeypatch.setattr(candour_native, "CONTRACT", contract() + " more=99")
    assert native_reports(fresh_log()) is None
