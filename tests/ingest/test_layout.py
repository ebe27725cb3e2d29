"""Does a column map say what it does, and is a bad one told why?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.commands import Performer
from ledger.events import Count, Occurred
from ledger.ingest import BadLayout, NoLayout, detect_layout, layout_named, load_layout
from ledger.ingest.layout import fold, shipped_layouts
from tests.ingest.strategies import command, respelled, texts

OWN = """
name = "face-search"
title = "Facial recognition search log"
times = ["%d.%m.%Y %H:%M:%S"]
masks = ["hidden"]

[defaults]
acquisition = "free_trial"
purpose = "open source"

[columns]
"When" = "occurred"
"Badge" = "performer.badge"
"Hits" = "objects"
"Trigger" = "trigger"
"Image" = "object.image"
"""
AUDIT = [
    "ID",
    "Name",
    "Org Name",
    "Total Networks Searched",
    "Total Devices Searched",
    "Time Frame",
    "License Plate",
    "Reason",
    "Case #",
    "Filters",
    "Search Time",
    "Search Type",
    "Text Prompt",
    "Moderation",
    "Offense Type",
]


@given(st.data(), st.sampled_from(AUDIT))
def test_headers_match_however_spelled(data: st.DataObject, name: str) -> None:
    """Case, spaces and underscores make no difference."""
    assert fold(name) == fold(data.draw(respelled(name)))


@given(st.sets(st.sampled_from(AUDIT), min_size=3), st.lists(texts, max_size=5))
def test_audit_is_detected_with_any_columns_absent(columns: set[str], strangers: list[str]) -> None:
    """Three columns that the layout knows are enough, whatever else stands beside them."""
    assert detect_layout([*sorted(columns), *strangers]).name == "flock-organisation"


def test_portal_is_detected() -> None:
    """Its own header is the portal's, though audits share some of its columns."""
    assert (
        detect_layout(["id", "userId", "searchDate", "cameraCount", "reason"]).name
        == "flock-portal"
    )
    assert detect_layout(["ID", "Search Date"]).name == "flock-portal"


@pytest.mark.parametrize(
    "header",
    [["id", "name", "type", "city"], ["id"], [""], ["5869ce7e", "AB1234", "2025-06-18"], []],
)
def test_strange_header_is_named_not_guessed(header: list[str]) -> None:
    """An unknown header is refused by name; a cell with digits may be data, and is not shown."""
    with pytest.raises(NoLayout) as caught:
        detect_layout(header)
    assert "AB1234" not in str(caught.value)
    assert all(repr(name) in str(caught.value) for name in header if name.isalpha())


def test_own_layout() -> None:
    """An operator's map reads their export: no zone, so a bare date; defaults and masks its own."""
    layout = load_layout(OWN)
    header = b"when,BADGE,hits,trigger,image,note\n"

    found = command(
        "18.06.2025 00:02:04", "77", "3", "", "HIDDEN", "n", header=header, layout=layout
    )
    assert found.use.occurred == Occurred(date="2025-06-18")
    assert found.performer == Performer(badge="77")
    assert found.use.objects == Count(exactly=3)
    assert (found.use.acquisition, found.use.purpose) == ("free_trial", "open source")
    assert found.use.trigger is None
    assert found.protected["object"] == {"image": {"masked": "HIDDEN"}}
    own = command("", "", "", "Automated Alert", "", "n", header=header, layout=layout)
    assert own.use.trigger == "automated_alert"
    assert (own.use.occurred, own.performer) == (None, None)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("layout", ("[columns]", "[columns")),
        ("layout", ("title", "x = " + "[" * 5000 + "\ntitle")),
        ("colour", ("title", "colour = 1\ntitle")),
        ("title", ('"Facial recognition search log"', "3")),
        ("name", ('"face-search"', '""')),
        ("times", ('["%d.%m.%Y %H:%M:%S"]', "[]")),
        ("times", ("%M", "%K")),
        ("times", ('["%d', '[3, "%d')),
        ("zone", ("title", 'zone = "Mars/Olympus"\ntitle')),
        ("zone", ("title", 'zone = "../etc/passwd"\ntitle')),
        ("defaults.acquisition", ("free_trial", "borrowed")),
        ("defaults.agency", ("purpose", "agency")),
        ("columns.Badge", ("performer.badge", "performer")),
        ("columns.Image", ("object.image", "object.Image 2")),
        ("columns.b_adge", ('"Badge"', '"b_adge" = "reason"\n"Badge"')),
    ],
)
def test_bad_layout_names_its_part(field: str, change: tuple[str, str]) -> None:
    """Whatever is wrong with a map, the error says where."""
    with pytest.raises(BadLayout) as caught:
        load_layout(OWN.replace(*change, 1))
    assert caught.value.field in {field, "columns.Badge" if field == "columns.b_adge" else field}


@given(st.text())
def test_any_text_is_a_layout_or_refused(text: str) -> None:
    """No text raises anything but our own error."""
    with pytest.raises(BadLayout):
        load_layout(text)


def test_shipped_layouts_by_name() -> None:
    """Three are shipped; another name is refused with the list of these."""
    assert list(shipped_layouts()) == ["flock-network", "flock-organisation", "flock-portal"]
    with pytest.raises(NoLayout, match="flock-network, flock-organisation, flock-portal"):
        layout_named("flock")


def test_one_column_a_target() -> None:
    """Two columns of one file that stand for the same thing are refused, not merged."""
    with pytest.raises(NoLayout, match="networks_searched"):
        command("1", "2", "3", header=b"Network Count,Total Networks Searched,Reason\n")
