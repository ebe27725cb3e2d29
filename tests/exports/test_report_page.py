"""Can the page of a report be trusted with whatever somebody typed, and read by anybody?"""

from __future__ import annotations

import csv
import io
import shlex
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any, Final

from ledger.exports.report_page import Report, report_page
from ledger.exports.report_table import report_csv

HOSTILE: Final = '"><script>alert(1)</script><img src=x onerror=y>'
HEADED: Final = frozenset({"h1", "h2", "h3"})


def report(**more: Any) -> Report:
    figures = [
        {
            "key": HOSTILE,
            "label": HOSTILE,
            "count": 2,
            "possible": 1,
            "basis": [3, 5],
            "possible_basis": [4],
            "names": ["toolUses/u", "toolUses/v", "toolUses/w"],
            "filter": 'unit = "it\'s"',
        },
        {"key": "", "count": 0, "possible": 0, "basis": [], "possible_basis": [], "names": []},
    ]
    months = [
        {**figures[1], "key": f"2020-{month:02d}", "count": month % 2} for month in range(1, 13)
    ]
    answer = {
        "title": HOSTILE,
        "parameters": {"agency": "agencies/a", "year": 2020, "zone": "America/Halifax"},
        "as_of": 9,
        "value": {"count": 2, "possible": 1},
        "caveats": [HOSTILE],
        "coverage": {"heard": ["sources/s"], "silent": [], "unconnected": []},
        "sections": [
            {"title": HOSTILE, "figures": figures},
            {"title": "Uses by month", "by": "month", "figures": months},
            {
                "title": "Flows",
                "columns": ["recipient", "permission", "purposes"],
                "figures": [{**figures[0], "columns": {"recipient": HOSTILE, "purposes": ["p"]}}],
            },
        ],
        "blanks": [{"item": HOSTILE, "why": "not recorded"}],
        **more,
    }
    return Report(
        answer=answer, agency_name=HOSTILE, origin="log", checkpoint="log\n9\n", command="candour"
    )


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_what_somebody_typed_stays_text() -> None:
    """Markup in a name, label, title or caveat makes no element and no attribute."""
    text = "".join(report_page(report()))
    page = _Page(text)

    assert [] == page.open
    assert {"script", "img"} & {tag for tag, _ in page.tags} == set()
    assert not any(name.startswith("on") for _tag, attributes in page.tags for name in attributes)
    assert "&lt;script&gt;" in text


def test_page_can_be_read_aloud() -> None:
    """It has a language, one main heading, headed tables, and each picture says what it shows."""
    page = _Page("".join(report_page(report())))
    tags = [tag for tag, _ in page.tags]

    assert ("html", {"lang": "en"}) in page.tags
    assert 1 == tags.count("h1") == tags.count("main")
    assert tags.count("table") == tags.count("caption") == 4
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    (picture,) = (attributes for tag, attributes in page.tags if tag == "svg")
    assert "img" == picture["role"]
    assert "2020-01: 1 for certain" in (picture["aria-label"] or "")
    levels = [int(tag[1]) for tag in tags if tag in HEADED]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_command_can_be_pasted() -> None:
    """A filter with quotes reaches the command as one word."""
    shown = report()
    figure = next(shown.figures())[2]

    assert figure["filter"] == shlex.split(shown.proof_of(figure))[4]
    without = {name: value for name, value in figure.items() if name != "filter"}
    assert "candour" == shown.proof_of(without)


def test_table_has_a_row_for_each_figure_and_blank() -> None:
    """CSV holds what the page holds, entries and all."""
    shown = report()
    rows = list(csv.DictReader(io.StringIO("".join(report_csv(shown)), newline="")))

    assert len(list(shown.figures())) + 1 == len(rows)
    assert ("3 5", "4", HOSTILE) == (
        rows[0]["leaf_indexes"],
        rows[0]["possible_leaf_indexes"],
        rows[0]["label"],
    )
    assert "not recorded" == rows[-1]["section"]


def test_what_is_cut_short_is_said_with_the_command_for_the_rest() -> None:
    """Page and CSV alike, for a section and for the entries of a figure; nothing where all is there."""
    shown = report()
    cut = {"of_first_uses": 10_000, "left_out": 3, "by": "unit", "of_first_differences": 7}
    shown.answer["sections"][0].update(cut)
    shown.answer["sections"][0]["figures"][0]["count"] = 500
    page = unescape("".join(report_page(shown)))
    rows = list(csv.DictReader(io.StringIO("".join(report_csv(shown)), newline="")))

    said = [row["label"] for row in rows if row["key"] == "cut short"]
    assert 3 == len(said)
    for text, command in zip(said, ("ask 13", "export csv", "discrepancies list"), strict=True):
        assert text in page
        words = shlex.split(text.partition(": ")[2])
        assert ["candour", *command.split()] == words[:3]
        assert "agencies/a" in words
    assert "498" == rows[0]["not_listed"]
    assert "3 of 501 are listed; the command asks for all of them" in page
    assert [] == list(report().cut_short(report().answer["sections"][0]))
