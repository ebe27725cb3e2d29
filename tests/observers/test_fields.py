"""What do two codes of a field say of each other?"""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical_json import JsonValue
from ledger.errors import Malformed
from ledger.observers.fields import (
    ABSENT,
    BLANK,
    MASKED,
    WITHHELD,
    Agreement,
    Encoder,
    Said,
    check_fields,
    compare,
)
from ledger.observers.keys import FIRST_VALUE, KEY_BYTES, Digests
from ledger.observers.uses import Told, id_digest, ids_of, said_now

DIGESTS: Final = Digests(bytes(KEY_BYTES))
_codes = st.integers(0, FIRST_VALUE + 6).filter(lambda code: code < 4 or code >= FIRST_VALUE)
_EXCHANGED: Final = {
    Agreement.MORE_HERE: Agreement.MORE_THERE,
    Agreement.MORE_THERE: Agreement.MORE_HERE,
    Agreement.MASKED_HERE: Agreement.MASKED_THERE,
    Agreement.MASKED_THERE: Agreement.MASKED_HERE,
}


def code(
    field: str,
    event: dict[str, JsonValue] | None = None,
    shown: dict[str, JsonValue] | None = None,
    committed: tuple[str, ...] = (),
    who: dict[str, str] | None = None,
) -> int:
    said: Said = (event or {}, shown or {}, committed, who)
    (found,) = Encoder([field], DIGESTS).encode(said)
    return found


@given(_codes, _codes, st.booleans())
def test_comparing_is_symmetric(one: int, other: int, count: bool) -> None:
    """Exchanging two codes exchanges here and there, whatever the field."""
    said = compare(one, other, count=count)
    assert _EXCHANGED.get(said, said) is compare(other, one, count=count)


@given(_codes, _codes, st.booleans())
def test_only_values_differ(one: int, other: int, count: bool) -> None:
    """What is absent, blank, masked or not shown differs from nothing."""
    if compare(one, other, count=count) is Agreement.DIFFERING:
        assert one >= FIRST_VALUE
        assert other >= FIRST_VALUE


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        ({"exactly": 5}, {"exactly": 5}, Agreement.EQUAL),
        ({"exactly": 5}, {"exactly": 6}, Agreement.DIFFERING),
        ({"at_least": 3}, {"exactly": 5}, Agreement.MORE_THERE),
        ({"at_least": 6}, {"exactly": 5}, Agreement.DIFFERING),
        ({"at_least": 3}, {"at_least": 4}, Agreement.NOTHING),
        ({"exactly": 0}, None, Agreement.MORE_HERE),
    ],
)
def test_counts(here: Any, there: Any, expected: Agreement) -> None:
    """A lower bound agrees with every number from it on, and says less than one."""
    codes = [code("devices_searched", {"devices_searched": value}) for value in (here, there)]
    assert expected is compare(*codes, count=True)


def test_states_of_a_protected_text() -> None:
    """Absent, blank, masked and committed to without being shown are four things."""
    assert ABSENT == code("reason")
    assert BLANK == code("reason", shown={"reason": " "})
    assert MASKED == code("reason", shown={"reason": {"masked": "***"}})
    assert WITHHELD == code("reason", committed=("reason",))


def test_spelling_is_no_difference() -> None:
    """Case, white space and width are how systems spell, not what they say."""
    same = {
        code("reason", shown={"reason": text})
        for text in ("Stolen  Vehicle", " stolen vehicle", "\uff53tolen vehicle")
    }
    assert 1 == len(same)
    assert same != {code("reason", shown={"reason": "stolen vehicles"})}
    assert same != {code("case_number", shown={"case_number": "stolen vehicle"})}


def test_performer_by_parts() -> None:
    """A user id is compared with a user id, a name with a name; a mask hides every part."""
    who = {"user_id": "7", "name": "A. Alder"}

    assert code("performer.name", who=who) == code("performer.name", who={"name": "a. alder"})
    assert ABSENT == code("performer.badge", who=who)
    assert MASKED == code("performer.name", who={"masked": "***"})
    assert WITHHELD == code("performer.name", committed=("performer",))


def test_object_by_members() -> None:
    """A plate is compared with a plate; words of one's own are not, and are not absent."""
    plate = {"object": {"licence_plate": "ZZ 1"}}

    assert code("object.licence_plate", shown=plate) >= FIRST_VALUE
    assert ABSENT == code("object.text_prompt", shown=plate)
    assert WITHHELD == code("object.licence_plate", shown={"object": "a red car"})


@pytest.mark.parametrize("fields", [("leaf_index",), ("reason", "reason"), ("object.masked",)])
def test_other_fields_are_refused(fields: tuple[str, ...]) -> None:
    """Nothing is compared that a column map cannot say, or said twice."""
    with pytest.raises(Malformed):
        check_fields(fields)


def test_amended_use_says_what_it_says_now() -> None:
    """An amendment changes members, unsets some, and hides what it commits to and does not show."""
    report = Told(
        "tool_use.reported.v1",
        {"agency": "agencies/a", "capability": "lookup", "unit": "north"},
        ("reason", "performer"),
        {"reason": "theft", "performer": "p-1"},
    )
    amended = Told(
        "tool_use.amended.v1",
        {"agency": "agencies/a", "to": {"capability": "convoy"}, "unset": ["unit"]},
        ("reason",),
        {},
    )
    (event, shown, committed, who), first = said_now([report, amended], {"p-1": {"user_id": "7"}})

    assert {"agency": "agencies/a", "capability": "convoy"} == event
    assert ({"performer": "p-1"}, {"user_id": "7"}) == (shown, who)
    assert WITHHELD == code("reason", shown=dict(shown), committed=tuple(committed))
    assert "theft" == first["reason"]


def test_ids_of_a_use() -> None:
    """A use goes by its source's id and by the observer's, where its raw row has that."""
    record = {"columns": ["Nr", "Vendor ID"], "row": ["1", "a8f3-0000-77"]}
    shown = {"source_event_id": "rms-0000017", "source_record": record}
    expected = (id_digest(DIGESTS, "RMS-0000017"), id_digest(DIGESTS, "a8f3-0000-77"))

    assert expected == ids_of(DIGESTS, shown, frozenset({"vendorid"}))
    assert (expected[0], 0) == ids_of(DIGESTS, shown, frozenset())
    assert 0 == id_digest(DIGESTS, "17")  # a row number
