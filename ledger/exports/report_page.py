"""A report as one HTML file: no network, no script, readable aloud and on paper.

answer of question 25 ──report_page──► tables, bars for months, and for each figure its entries

Every figure is a link to the entries it counts, with the command that proves them. Who looks at the
page has only our word for it: the commands are how to do without.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from ledger.exports.report_bars import bars, counted_text
from ledger.exports.report_style import STYLE

Figure = Mapping[str, Any]
_NOT_SAID: Final = "(not said)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a page is made of.

    Members:
        answer: Of question 25, in any of its forms.
        agency_name: What the register calls the agency; its resource name where it does not.
        origin, checkpoint: Of the log; a signed note that covers the tree size, or "".
        command: The command that asks for the whole report again, with its evidence.
    """

    answer: Mapping[str, Any]
    agency_name: str
    origin: str
    checkpoint: str
    command: str

    @property
    def title(self) -> str:
        parameters = self.answer["parameters"]
        return f"{self.answer['title']}: {self.agency_name}, {parameters['year']}"

    def figures(self) -> Iterator[tuple[str, Mapping[str, Any], Figure]]:
        """Every figure with its anchor and section, in order."""
        number = 0
        for section in self.answer["sections"]:
            for figure in section["figures"]:
                number += 1
                yield f"f{number}", section, figure

    def proof_of(self, figure: Figure) -> str:
        """The command that proves a figure, or the best there is."""
        if "filter" in figure:
            asked = f" --filter {shlex.quote(figure['filter'])}" if figure["filter"] else ""
            return f"candour prove uses{asked} --as-of {self.answer['as_of']} --out figure.json"
        registers = [name for name in figure["names"] if not name.startswith("toolUses/")]
        if registers and len(registers) == len(figure["names"]):
            leaves = [*figure["basis"], *figure["possible_basis"]]
            return f"candour prove entry {leaves[0]} --out {leaves[0]}.tlog-proof   # and so on"
        return self.command

    def cut_short(self, section: Mapping[str, Any]) -> Iterator[str]:
        """What a section leaves out, and the command that has all of it."""
        parameters = self.answer["parameters"]
        agency, year = shlex.quote(parameters["agency"]), parameters["year"]
        as_of = f"--as-of {self.answer['as_of']}"
        uses = (
            f"candour export csv --agency {agency} --from {year:04d}-01-01 --to {year:04d}-12-31"
            f" --filter 'NOT flow_country = none' {as_of} --out uses.csv"
        )
        zone = f" --zone {shlex.quote(parameters['zone'])}" if "zone" in parameters else ""
        groups = (
            f"candour ask 13 --agency {agency} --from {year:04d}-01-01 --to {year:04d}-12-31{zone}"
            f" --by {section.get('by', '')} {as_of}"
        )
        differences = f"candour discrepancies list --agency {agency} --state open {as_of}"
        for member, text, command in (
            ("left_out", "{} smaller groups are not shown", groups),
            (
                "of_first_uses",
                "Counted among the first {} uses whose data went anywhere, which are all that were looked at",
                uses,
            ),
            (
                "countries_of_first_uses",
                "Countries that only later uses than the first {} name are not shown",
                uses,
            ),
            (
                "of_first_differences",
                "Counted among the first {} differences of a kind, which are all that were looked at",
                differences,
            ),
        ):
            if member in section:
                yield f"{text.format(section[member])}; this has all of them: {command}"


def report_page(report: Report) -> Iterator[str]:
    """The page, in pieces."""
    answer, title = report.answer, escape(report.title)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    # Nothing is loaded, from anywhere: what somebody typed into a ledger cannot change that.
    yield (
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    )
    yield f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    yield '<a class="skip" href="#figures">To the figures</a>\n'
    yield f"<header>\n<h1>{title}</h1>\n{_head(report)}</header>\n"
    yield '<main id="figures">\n'
    anchors = {id(figure): anchor for anchor, _section, figure in report.figures()}
    for number, section in enumerate(answer["sections"], start=1):
        yield from _section(report, number, section, anchors)
    yield _blanks(answer.get("blanks", ()))
    yield _coverage(answer["coverage"])
    yield '<section aria-labelledby="entries">\n<h2 id="entries">The entries behind each figure</h2>\n'
    yield "<p>Leaf indexes of the log. A command proves a figure; it runs against the ledger.</p>\n"
    for anchor, section, figure in report.figures():
        yield _entries(report, anchor, section, figure)
    yield "</section>\n</main>\n</body>\n</html>\n"


def _head(report: Report) -> str:
    answer = report.answer
    facts = [
        ("Agency", f"{report.agency_name} ({answer['parameters']['agency']})"),
        ("Year", str(answer["parameters"]["year"])),
        ("Days of", answer["parameters"].get("zone", "UTC")),
        ("Ledger", report.origin),
        ("As of", f"tree size {answer['as_of']}"),
        ("Uses it is about", counted_text(answer["value"])),
        ("Completeness", "not proven by this page; the command below asks for the evidence"),
        ("Again, with evidence", report.command),
    ]
    for member, label in (("legal_reference", "Made under"), ("addressee", "For")):
        if member in answer:
            facts.insert(0, (label, answer[member]))
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>\n" for name, text in facts)
    notes = [*answer["caveats"], *answer.get("notes", ())]
    listed = "".join(f"<li>{escape(text)}</li>\n" for text in notes)
    note = f"<pre>{escape(report.checkpoint)}</pre>" if report.checkpoint else "<p>None yet.</p>"
    return (
        f"<dl>\n{rows}</dl>\n<h2>What it does not say</h2>\n<ul>\n{listed}</ul>\n"
        f"<details><summary>Checkpoint</summary>\n{note}\n</details>\n"
    )


def _section(
    report: Report, number: int, section: Mapping[str, Any], anchors: Mapping[int, str]
) -> Iterator[str]:
    heading = f"s{number}"
    yield f'<section aria-labelledby="{heading}">\n<h2 id="{heading}">{escape(section["title"])}</h2>\n'
    figures: Sequence[Figure] = section["figures"]
    if not figures:
        yield "<p>Nothing is recorded.</p>\n</section>\n"
        return
    if section.get("by") == "month":
        yield bars(figures)
    columns: Sequence[str] = section.get("columns", ())
    # The heading above says it to eyes; who jumps from table to table hears it here.
    yield f'<table>\n<caption class="hidden">{escape(section["title"])}</caption>\n<thead><tr>'
    for name in columns or ("",):
        label = escape(name.replace("_", " ")) or '<span class="hidden">what is counted</span>'
        yield f'<th scope="col">{label}</th>'
    for name in ("for certain", "possibly, besides"):
        yield f'<th scope="col" class="n">{name}</th>'
    yield "</tr></thead>\n<tbody>\n"
    for figure in figures:
        yield _row(figure, columns, anchors[id(figure)])
    yield "</tbody>\n</table>\n"
    for text in report.cut_short(section):
        yield f"<p>{escape(text)}</p>\n"
    yield "</section>\n"


def _row(figure: Figure, columns: Sequence[str], anchor: str) -> str:
    if columns:
        first, *others = (_text(figure["columns"].get(name)) for name in columns)
        cells = f'<th scope="row">{first}</th>' + "".join(f"<td>{text}</td>" for text in others)
    else:
        cells = f'<th scope="row">{escape(label_of(figure))}</th>'
    linked = f'<a href="#{anchor}" id="to-{anchor}">{figure["count"]}</a>'
    possible = f'<a href="#{anchor}">{figure["possible"]}</a>' if figure["possible"] else "0"
    return f'<tr>{cells}<td class="n">{linked}</td><td class="n">{possible}</td></tr>\n'


def label_of(figure: Figure) -> str:
    """What a figure counts, for people."""
    key, label = figure["key"] or _NOT_SAID, figure.get("label")
    return key if label is None else f"{label} ({key})"


def _text(value: Any) -> str:
    """A column's value; what the record does not say is left blank, and read aloud as that."""
    if value is None or value == []:
        return '<span class="hidden">not recorded</span>'
    return escape(", ".join(value) if isinstance(value, list) else str(value))


def _blanks(blanks: Sequence[Mapping[str, str]]) -> str:
    if not blanks:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(one["item"])}</th><td>{escape(one["why"])}</td>'
        '<td class="blank"><span class="hidden">blank, to be filled in</span></td></tr>\n'
        for one in blanks
    )
    return (
        '<section aria-labelledby="blanks">\n<h2 id="blanks">What the record does not hold</h2>\n'
        "<table>\n<caption>To be filled in by people; nothing here was inferred</caption>\n"
        '<thead><tr><th scope="col">asked for</th><th scope="col">why it is blank</th>'
        f'<th scope="col">filled in</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</section>\n'
    )


def _coverage(covered: Mapping[str, Any]) -> str:
    labels = {
        "heard": "sources heard in the year",
        "silent": "sources that were silent",
        "gaps": "sources that declared a gap",
        "nil_returns": "attestations that there was nothing",
        "unconnected": "holdings with no source behind them",
    }
    rows = "".join(
        f"<dt>{escape(label)}</dt><dd>{escape(', '.join(covered.get(name, ())) or 'none')}</dd>\n"
        for name, label in labels.items()
    )
    return (
        '<section aria-labelledby="coverage">\n<h2 id="coverage">What it covers</h2>\n'
        f"<dl>\n{rows}</dl>\n</section>\n"
    )


def _entries(report: Report, anchor: str, section: Mapping[str, Any], figure: Figure) -> str:
    leaves = [*figure["basis"], *figure["possible_basis"]]
    certain = len(figure["basis"])
    items = "".join(
        f"<li>{leaf} {escape(name)}{'' if number < certain else ' (possibly)'}</li>\n"
        for number, (leaf, name) in enumerate(zip(leaves, figure["names"], strict=True))
    )
    total = figure["count"] + figure["possible"]
    more = ""
    if len(leaves) < total:
        rest = "; the command asks for all of them" if "filter" in figure else ""
        more = f"<p>{len(leaves)} of {total} are listed{rest}.</p>\n"
    listed = f"<ul>\n{items}</ul>\n" if items else "<p>No entry.</p>\n"
    title = f"{section['title']}: {_key_of(figure)}"
    return (
        f'<article id="{anchor}" aria-labelledby="h-{anchor}">\n'
        f'<h3 id="h-{anchor}">{escape(title)}</h3>\n<p>{escape(counted_text(figure))}.'
        f' <a href="#to-{anchor}">Back<span class="hidden"> to the figure</span></a></p>\n'
        f"{listed}{more}<pre><code>{escape(report.proof_of(figure))}</code></pre>\n</article>\n"
    )


def _key_of(figure: Figure) -> str:
    if "columns" not in figure:
        return label_of(figure)
    values = (v for v in figure["columns"].values() if v)
    return ", ".join(" ".join(v) if isinstance(v, list) else str(v) for v in values)
