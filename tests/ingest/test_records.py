"""Is CSV taken apart so that whatever is broken costs only itself?"""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.ingest import NoLayout, Rejected, Row, file_facts
from ledger.ingest.records import NOT_CSV, NOT_UTF8, TOO_LONG, Records
from ledger.ingest.sample import sample_audit, sample_export
from tests.ingest.strategies import PORTAL, broken_lines, quotings, read, written


@given(st.binary() | st.binary().map(PORTAL.__add__))
@example(b"\xff\xfei\0d\0")
@example(b"PK\x03\x04")
@example(PORTAL + b'"' + b"x\n" * 200_000)
def test_bytes_raise_only_our_errors(data: bytes) -> None:
    """Whatever the bytes, they are read or refused; both passes agree on how many rows."""
    with suppress(NoLayout):
        assert len(read(data)) == file_facts(io.BytesIO(data)).rows


@given(st.data())
def test_sample_with_holes_raises_only_our_errors(data: Any) -> None:
    """The same for an export with some bytes changed."""
    sample = bytearray(data.draw(st.sampled_from([sample_export(20), sample_audit(20)])))
    for _ in range(data.draw(st.integers(1, 8))):
        sample[data.draw(st.integers(0, len(sample) - 1))] = data.draw(st.integers(0, 255))
    with suppress(NoLayout):
        assert len(read(bytes(sample))) == file_facts(io.BytesIO(sample)).rows


@given(st.lists(st.tuples(st.integers(0, 12), broken_lines), max_size=6), quotings)
def test_bad_row_costs_only_itself(holes: list[tuple[int, bytes]], quoting: Any) -> None:
    """Bad lines put between good ones are each rejected at their line; the good ones stay."""
    good = list(csv.reader(io.StringIO(sample_export(12).decode())))[1:]
    pieces = [(written([row], quoting), True) for row in good]
    for at, line in sorted(holes, reverse=True):
        pieces.insert(min(at, len(pieces)), (line, False))
    bad, line_number = [], 2
    for piece, is_good in pieces:
        bad += [] if is_good else [line_number]
        line_number += piece.count(b"\n")

    found = read(PORTAL + b"".join(piece for piece, _ in pieces))

    assert [row.line for row in found if isinstance(row, Rejected)] == bad
    kept = [row.command.protected["source_record"] for row in found if isinstance(row, Row)]
    assert [record["row"] for record in kept] == good


@pytest.mark.parametrize(
    ("expected", "data"),
    [
        ([(1, ["a", "b\nc"], None), (3, ["d"], None)], b'\xef\xbb\xbfa,"b\nc"\nd'),
        ([(3, ["a"], None)], b"\n\r\na\n\n"),
        ([(1, [], NOT_CSV), (2, ["b"], None)], b'"a\nb\n'),
        ([(1, [], NOT_CSV), (2, ["b"], None)], b'"a\n"b"\n'),
        ([(1, [], TOO_LONG), (2, ["b"], None)], b"a" * 1_000_000 + b"\nb\n"),
        ([(1, ["\ufffd"], NOT_UTF8), (2, ["b"], None)], b"\xff\nb\n"),
    ],
)
def test_records(expected: list[Any], data: bytes) -> None:
    """Line, cells and flaw of each record, from a file and from any other lines."""
    assert expected == list(Records(io.BytesIO(data)))
    assert expected == list(Records(iter(data.splitlines(keepends=True))))


def test_rows_drawn_into_a_quote_are_read_again() -> None:
    """A quote closed rows later makes one record of a wrong width; the rows in it are kept.

    A row of two lines that merely lacks a cell stays one row.
    """
    good = b"id-1,user-1,2025-06-18 00:02:04,1,why\n"
    swallowing = b'a,"b\n' + good + b'c"\n'

    assert [type(item) for item in read(PORTAL + swallowing)] == [Rejected, Row, Rejected]
    assert [type(item) for item in read(PORTAL + b'a,"b\nc"\n' + good)] == [Rejected, Row]


def test_endless_line_is_not_held_in_memory() -> None:
    """A file is asked for pieces of a bounded size, whatever the length of its lines."""

    class Endless(io.BytesIO):
        asked: int | None = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            self.asked = size
            return super().readline(size)

    file = Endless(PORTAL + b"x" * 500_000 + b"\n")

    assert len(read(PORTAL + b"x" * 500_000)) == 1
    assert len(list(Records(file))) == 2
    assert file.asked is not None
    assert 0 < file.asked < 200_000
