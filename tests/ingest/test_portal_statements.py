"""Do portals' words become statements, and does what says nothing become nothing?"""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.fact_checks import check_fact
from ledger.errors import Malformed
from ledger.events.values import Interval
from ledger.ingest.portal_statements import Said, statements_of
from tests.shared_data import shared_data

PLATES, FACES = "technologies/plates", "technologies/faces"
STATISTICS = """\
id,agency,updated,url,searches_in_the_last_30_days
7,Sampleton PD,2024-04-26T14:11:25Z,https://portal.invalid/s,332
8,Otherton PD,2024-04-26T14:11:25Z,https://portal.invalid/o,0
9,Thirdton PD,NA,https://portal.invalid/t,NA
10,Fourthton PD,yesterday,https://portal.invalid/f,4
11,Fifthton PD,2024-04-26T14:11:25Z,https://portal.invalid/f,many
"""
POLICIES = """\
id,agency,updated,url,whats_detected,whats_not_detected
7,Sampleton PD,2023-07-27T12:04:07Z,https://portal.invalid/s,Plates,"Facial recognition, People"
8,Otherton PD,2023-07-27T12:04:07Z,https://portal.invalid/o,Plates,People
"""


def read(text: str) -> list[Said]:
    return list(statements_of(text.encode(), technology=PLATES, faces=FACES))


def test_statistics_say_yes_or_no_of_thirty_days() -> None:
    """A number confirms, a zero denies, each for the 30 days before; `NA` says nothing."""
    some, none, silent, undated, wrong = read(STATISTICS)

    assert some.statement is not None
    assert ("confirms", "Searches in the last 30 days: 332") == (
        some.statement.polarity,
        some.statement.quote,
    )
    period = Interval(earliest="2024-03-27T14:11:25Z", latest="2024-04-26T14:11:25Z")
    assert ("agencies/sampleton-pd", PLATES, period) == (
        some.statement.scope.agency,
        some.statement.scope.technology,
        some.statement.scope.period,
    )
    assert none.statement is not None
    assert "denies" == none.statement.polarity
    assert (None, "says nothing of it") == (silent.statement, silent.reason)
    assert (None, "updated") == (undated.statement, undated.reason.partition(":")[0])
    assert (None, "searches_in_the_last_30_days") == (
        wrong.statement,
        wrong.reason.partition(":")[0],
    )
    assert [2, 3, 4, 5, 6] == [row.line for row in read(STATISTICS)]


def test_policies_deny_what_is_not_detected() -> None:
    """Who says that faces are not recognised denies it, without bounds of time."""
    first, second = read(POLICIES)

    assert first.statement is not None
    assert ("denies", FACES, None) == (
        first.statement.polarity,
        first.statement.scope.technology,
        first.statement.scope.period,
    )
    assert second.statement is None


def test_real_portals_are_read() -> None:
    """Every row of both collections is a statement that may be recorded, or says nothing."""
    folder = shared_data("private_eyes", unjudged="real portals as statements")
    usage = (folder / "latest_usage04262023.csv").read_bytes()
    policies = (folder / "agency_policies.csv").read_bytes()
    polarities = {"confirms": 301, "denies": 7}, {"denies": 366}
    for data, expected in zip((usage, policies), polarities, strict=True):
        rows = list(statements_of(data, technology=PLATES, faces=FACES))
        said = [row.statement for row in rows if row.statement is not None]

        assert {"says nothing of it", ""} >= {row.reason for row in rows}
        assert len(said) == len({one.statement for one in said})
        assert expected == Counter(one.polarity for one in said)
        for one in said:
            check_fact(one)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Only our own error."""
    header = b"id,agency,updated,url,searches_in_the_last_30_days\n"
    for sent in (data, header + data):
        try:
            for row in statements_of(sent, technology=PLATES, faces=FACES):
                if row.statement is not None:
                    check_fact(row.statement)
        except Malformed:
            continue
