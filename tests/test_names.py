"""Does every name become a register name, and no two names the same one by accident?"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.limits import MAX_ID_CHARS
from ledger.names import COLLECTIONS, resource_name, slug


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        ("eugene-police-department", "Eugene Police Department"),
        ("st-john-s-nl-pd", "St. John's NL PD"),
        ("surete-du-quebec", "Sûreté du Québec"),
        ("strasse-7", "Straße 7"),
        ("flock-safety", "flock-safety"),
    ],
)
def test_slug_reads_like_the_name(expected: str, name: str) -> None:
    """Case, accents and punctuation go; letters and digits stay."""
    assert slug(name) == expected


@pytest.mark.parametrize("name", ["", "—", "警察", "\ud800"])
def test_slug_of_nothing_is_a_digest(name: str) -> None:
    """A name without one ASCII letter or digit has a slug all the same."""
    assert re.fullmatch("x-[0-9a-f]{12}", slug(name))


def test_lost_letters_keep_names_apart() -> None:
    """Two names that differ only in letters without an ASCII form have two slugs."""
    assert slug("警察 PD") != slug("消防 PD") != slug("PD")


@given(st.text())
def test_slug_is_plain_bounded_and_stable(name: str) -> None:
    """Any text becomes a slug of the one alphabet, and a slug is its own slug."""
    found = slug(name)

    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", found)
    assert len(f"authorizations/{found}") <= MAX_ID_CHARS
    assert slug(found) == found


@given(st.sampled_from(COLLECTIONS), st.text(min_size=1, max_size=300).filter(str.strip))
def test_register_names_stay_as_they_are(collection: str, name: str) -> None:
    """What `resource_name` made, it takes unchanged."""
    if name.strip().partition("/")[0] in COLLECTIONS:
        return
    made = resource_name(collection, name)

    assert made == resource_name(collection, made)


@pytest.mark.parametrize(
    "name",
    ["", "  ", "x" * 301, "technologies/flock", "agencies/", "agencies/a b", "agencies/a/b"],
)
def test_no_name_for_an_agency(name: str) -> None:
    """Blank, endless, another collection's and ill-formed names are refused."""
    with pytest.raises(Malformed):
        resource_name("agencies", name)
