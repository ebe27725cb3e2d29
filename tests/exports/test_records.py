"""Is what is exported of a use what the fold says of it, and nothing more?"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.exports import record_of, write_case, write_csv, write_ocsf, write_prov
from ledger.merkle import leaf_hash
from tests.exports.exported import SECRET, about_of, records_of, told, told_once
from tests.ledgers import Place, fold_of
from tests.strategies import Operation, effort, operations

WRITERS = {"case": write_case, "prov": write_prov, "ocsf": write_ocsf, "csv": write_csv}


@effort(0.3)
@given(st.lists(operations, min_size=1, max_size=3))
def test_record_says_what_the_fold_says(place: Place, steps: list[list[Operation]]) -> None:
    """Each use that counts is exported once, with the row of the pure fold and the hashes of its entries."""
    entries = told(place, *steps)
    fold, _ = fold_of(entries)
    bytes_of = {stored.leaf_index: stored.entry for stored in entries}
    found = records_of(entries, disclosed=("case_number", "reason"))

    assert [row for row in fold.uses.values() if fold.counted(row)] == [one.row for one in found]
    for one in found:
        assert {line.leaf_index: line.leaf_hash for line in one.lines} == {
            line.leaf_index: leaf_hash(bytes_of[line.leaf_index]) for line in one.lines
        }
        for member in ("technology", "unit", "purpose", "outcome", "technology_version"):
            assert getattr(one.row, member) == getattr(one.said, member)
        shown = one.disclosed.get("case_number")
        assert one.row.case_number == (shown if isinstance(shown, str) and shown else None)


@pytest.mark.parametrize("form", WRITERS)
def test_what_was_not_disclosed_is_not_written(place: Place, form: str) -> None:
    """No protected value stands in an export that did not ask for it; asked for, it does."""
    entries = told_once(place)
    closed = "".join(WRITERS[form](about_of(entries), records_of(entries)))
    asked = ("reason", "case_number", "object")
    shown = records_of(entries, disclosed=asked)
    opened = "".join(WRITERS[form](about_of(entries, disclosed=asked), shown))

    secrets = (SECRET, "24-1", "AAA 111", "officer-7731")
    assert [False] * 4 == [secret in closed for secret in secrets]
    assert [True, True, True, False] == [secret in opened for secret in secrets]


@pytest.mark.parametrize("form", WRITERS)
def test_every_export_names_the_entries(place: Place, form: str) -> None:
    """Leaf index, leaf hash and log origin of each use stand in every format."""
    entries = told_once(place)
    about, found = about_of(entries), records_of(entries)
    written = "".join(WRITERS[form](about, found))

    assert len(found) == 2
    for one in found:
        assert one.report.leaf_hash.hex() in written
        assert about.origin in written


@pytest.mark.parametrize("form", WRITERS)
def test_same_question_same_bytes(place: Place, form: str) -> None:
    """An export depends on entries and question alone: no clock, no chance."""
    entries = told_once(place)
    once, again = ("".join(WRITERS[form](about_of(entries), records_of(entries))) for _ in range(2))
    assert once == again


def test_no_use_makes_a_whole_file(place: Place) -> None:
    """Where nothing matched, a file of each format says so, and is well formed."""
    about = about_of(told_once(place))

    assert 1 == len(json.loads("".join(write_case(about, [])))["uco-core:object"])
    assert 1 == len(json.loads("".join(write_prov(about, [])))["@graph"])
    assert "" == "".join(write_ocsf(about, []))
    assert 1 == "".join(write_csv(about, [])).count("\r\n")


def test_a_use_begins_with_its_report(place: Place) -> None:
    """Entries that do not begin with a report make no record."""
    amended = records_of(told_once(place))[0]
    with pytest.raises(Malformed):
        record_of(amended.lines[1:], certain=True, verdicts=())
    with pytest.raises(Malformed):
        record_of([], certain=True, verdicts=())
