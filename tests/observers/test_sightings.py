"""What does an observer's file tell, and what are its discrepancies called?"""

from __future__ import annotations

import io
from typing import Any, Final

from ledger.canonical_json import decode
from ledger.ingest import layout_named, layout_of, load_layout, read_export
from ledger.limits import MAX_SIGHTING_BYTES
from ledger.observers.fields import MASKED
from ledger.observers.keys import KEY_BYTES, Digests
from ledger.observers.naming import Names, sighting_json
from ledger.observers.sightings import (
    Release,
    Scope,
    observed_fields,
    take,
)
from ledger.times import us_of_text

DIGESTS: Final = Digests(bytes(KEY_BYTES))
SCOPE: Final = Scope(agency="agencies/a")
PORTAL: Final = "id,userId,searchDate,cameraCount,reason\n"
ID: Final = "5869ce7e-98f2-47e7-a3c2-5e6bff4def4a"


def release(text: str, scope: Scope = SCOPE, layout: Any = None) -> Release:
    data = text.encode()
    found = layout_of(io.BytesIO(data), layout=layout)
    reads = read_export(
        io.BytesIO(data),
        agency=scope.agency,
        technology=None,
        source="sources/observer",
        capture="backfill",
        layout=found,
    )
    fields = observed_fields(found)
    return take(reads, scope, fields, DIGESTS, agency_of=lambda name: f"agencies/{name}")


def names(text: str, layout: Any = None) -> list[str]:
    found = release(text, layout=layout)
    named = Names(found.side, DIGESTS)
    return [named.of_sighting("missing_here", number) for number in range(len(found.side))]


def test_rows_become_sightings() -> None:
    """Times, ids and lines; headers that come again are none, and a bad row costs itself."""
    found = release(
        f"{PORTAL}{ID},u,2025-06-18 00:02:04,12,theft\n{PORTAL},u,2025-06-18 00:03:04,x,theft\n"
        ",***,2025-06-18 00:04:04,12,\n"
    )

    assert (3, 1, 0, 2) == (found.rows, found.rejected, found.outside, len(found.side))
    assert [2, 5] == list(found.lines)
    assert [us_of_text("2025-06-18T00:02:04Z")] == [found.side.earliest_us[0]]
    assert MASKED == found.side.row(1)[found.side.fields.index("performer.user_id")]
    assert [0] == list(found.side.owners)


def test_other_agencies_and_times_are_outside() -> None:
    """A network audit has hundreds of agencies; rows of others and out of the period are counted."""
    scope = Scope(
        agency="agencies/a",
        since_us=us_of_text("2025-06-18T00:00:00Z"),
        until_us=us_of_text("2025-06-18T23:59:59Z"),
    )
    text = (
        "Org Name,Search Time,Reason\n"
        "a,2025-06-18 10:00:00,x\nb,2025-06-18 10:00:00,x\na,2025-06-17 10:00:00,x\n***,2025-06-18 1:00:00,x\n"
    )
    found = release(text, scope, layout_named("flock-network"))

    assert (4, 3, 1) == (found.rows, found.outside, len(found.side))


def test_own_column_map_and_zone() -> None:
    """Anybody's log is read by a column map; times without zone are of the zone that is given."""
    layout = load_layout(
        'name = "mine"\ntimes = ["%d.%m.%Y %H:%M"]\nzone = "UTC"\n'
        '[columns]\nWhen = "occurred"\nWho = "performer.name"\n'
    )
    text = "When,Who\n18.06.2025 10:00,Ann\n"
    utc, local = (
        release(text, layout=item).side.earliest_us[0]
        for item in (layout, layout.in_zone("America/Halifax"))
    )

    assert us_of_text("2025-06-18T10:00:00Z") == utc
    assert us_of_text("2025-06-18T13:00:00Z") == local


def test_name_is_the_same_in_every_release() -> None:
    """Other masks, other columns, other rows around it: the same sighting has the same name."""
    first = names(f"{PORTAL}{ID},u,2025-06-18 00:02:04,12,theft\n,u,2025-06-18 00:04:04,12,x\n")
    other = names(
        "searchDate,reason,id,userId\n"
        f"2025-06-18 00:04:04,***,,u\n2025-06-19 00:02:04,***,{ID.upper()},***\n"
    )
    assert first == other[::-1]
    assert 2 == len(set(first))


def test_rows_of_one_moment_have_names_of_their_own() -> None:
    """Two rows without ids at one time are told apart by what they say, masks aside."""
    rows = [f",u,2025-06-18 00:04:04,{count},{{}}\n" for count in (12, 13)]
    plain = names(PORTAL + "".join(row.format("x") for row in rows))
    masked = names(PORTAL + "".join(row.format("***") for row in rows))

    assert 2 == len(set(plain))
    assert 2 == len(set(masked))


def test_names_differ_by_observer_and_kind() -> None:
    """A name is guessed by nobody without the observer's key, and says its kind apart."""
    found = release(f"{PORTAL}{ID},u,2025-06-18 00:02:04,12,theft\n")
    mine = Names(found.side, DIGESTS)
    others = Names(found.side, Digests(b"\1" * KEY_BYTES))

    said = {
        mine.of_sighting("missing_here", 0),
        mine.of_sighting("differing", 0),
        others.of_sighting("missing_here", 0),
        mine.of_use("missing_there", "toolUses/x"),
    }
    assert 4 == len(said)
    assert all(len(name) == len("discrepancies/") + 32 for name in said)


def test_long_row_is_cut_and_says_so() -> None:
    """What is protected has a bound; a row beyond it keeps the start of each cell."""
    text = sighting_json(7, ["a", "b"], ["x" * 20_000, "kept"])
    found = decode(text.encode())

    assert len(text) <= MAX_SIGHTING_BYTES
    assert (7, True, "kept") == (found["line"], found["cut"], found["row"][1])
    assert "cut" not in decode(sighting_json(7, ["a"], ["x"]).encode())
