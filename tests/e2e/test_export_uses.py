"""Do exports and reports leave a real server as other people's tools want them?"""

from __future__ import annotations

import csv
import hashlib
import json
import shlex
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest
from case_utils.case_validate import validate
from rdflib import RDF, Graph, Literal, Namespace

from ledger.exports.urns import VOCABULARY
from ledger.ingest.sample import sample_export
from ledger.limits import EXPORT_BATCH, MAX_FIGURE_BASIS
from ledger.merkle import leaf_hash
from tests.e2e.conftest import STORES, Place, place_of
from tests.exports.test_ocsf import check

# The judges that others wrote use what they, or Python, call deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
OURS = Namespace(VOCABULARY)
ROWS = 60
WHO = ("--agency", "Sampleton PD")


@pytest.fixture(scope="module", params=["sqlite"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A sample export, imported."""
    yield from _filled(request, tmp_path_factory.mktemp("exports"), ROWS)


@pytest.fixture(scope="module", params=STORES)
def larger(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Another, of more than the server reads at once."""
    yield from _filled(request, tmp_path_factory.mktemp("larger"), EXPORT_BATCH + 50)


def _filled(request: pytest.FixtureRequest, folder: Path, rows: int) -> Iterator[Place]:
    with place_of(request, folder / "data") as place:
        (folder / "export.csv").write_bytes(sample_export(rows))
        place.candour("import", "flock", folder / "export.csv", *WHO, "--technology", "Platewatch")
        yield place


def export(place: Place, form: str, out: Path, *more: object) -> dict[str, Any]:
    """What the command says, once the manifest beside the file is found to fit it."""
    said: dict[str, Any] = place.json("export", form, *WHO, "--out", out, *more)
    manifest = json.loads(out.with_name(f"{out.name}.manifest.json").read_text("utf-8"))
    digest = hashlib.sha256(out.read_bytes()).hexdigest()

    assert (digest, out.name) == (manifest["sha256"], manifest["file"])
    assert "not_proven" == manifest["completeness"]
    assert manifest["coverage"]["heard"]
    assert manifest["checkpoint"] == "" or manifest["checkpoint"].startswith(manifest["origin"])
    assert {said[name] for name in ("count", "as_of")} == {
        manifest[name] for name in ("count", "as_of")
    }
    assert not list(out.parent.glob("*.part"))
    return said


def listed(place: Place) -> dict[str, int]:
    """Name to leaf index of every use, as `uses list` tells them."""
    return {one["name"]: one["leaf_index"] for one in place.json("uses", "list", *WHO)}


def test_case_leaves_a_server(filled: Place, tmp_path: Path) -> None:
    """The file is valid CASE, and its actions are the uses, each with the hash of its entry."""
    out = tmp_path / "uses.jsonld"
    said = export(filled, "case", out)
    found = listed(filled)
    graph = Graph().parse(out)
    case = Namespace("https://ontology.caseontology.org/case/investigation/")
    actions = list(graph.subjects(RDF.type, case.InvestigativeAction))

    assert validate([str(out)], case_version="case-1.4.0").conforms
    assert sorted(found.values()) == sorted(
        int(str(graph.value(action, OURS.leafIndex))) for action in actions
    )
    assert said["count"] == len(actions)
    leaf = next(iter(found.values()))
    proof = filled.candour(
        *("prove", "entry", leaf, "--out", tmp_path / "p", "--entry-out", tmp_path / "e")
    )
    assert proof.exit_code == 0
    told = leaf_hash((tmp_path / "e").read_bytes()).hex()
    assert (None, OURS.leafHash, Literal(told)) in graph


def test_prov_leaves_a_server(filled: Place, tmp_path: Path) -> None:
    """The file is a graph of as many activities as there are uses."""
    out = tmp_path / "uses.prov.jsonld"
    export(filled, "prov", out)
    graph = Graph().parse(out)
    prov = Namespace("http://www.w3.org/ns/prov#")

    assert len(listed(filled)) == len(list(graph.subjects(RDF.type, prov.Activity)))


def test_ocsf_leaves_a_server(filled: Place, tmp_path: Path) -> None:
    """Each line is an event that has what OCSF demands."""
    out = tmp_path / "uses.ocsf.jsonl"
    export(filled, "ocsf", out)
    events = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert sorted(listed(filled)) == sorted(event["metadata"]["uid"] for event in events)
    for event in events:
        check(event)


def test_csv_shows_what_was_asked_for(larger: Place, tmp_path: Path) -> None:
    """One row a use; a reason stands in it only where `--disclose reason` asked for it."""
    closed, opened = tmp_path / "closed.csv", tmp_path / "opened.csv"
    export(larger, "csv", closed)
    export(larger, "csv", opened, "--disclose", "reason,case_number")
    rows = [list(csv.DictReader(file.read_text("utf-8").splitlines())) for file in (closed, opened)]

    names = [[row["name"] for row in some] for some in rows]
    assert EXPORT_BATCH < len(names[0]) == len(set(names[0]))
    assert [sorted(listed(larger))] * 2 == [sorted(some) for some in names]
    assert {""} == {row["disclosed_reason"] for row in rows[0]}
    assert any(row["disclosed_reason"] for row in rows[1])
    assert {""} == {row["disclosed_source_record"] for row in rows[1]}


def test_parquet_is_read_by_duckdb(filled: Place, tmp_path: Path) -> None:
    """A database reads the file, with numbers and moments that it can count with."""
    out = tmp_path / "uses.parquet"
    export(filled, "parquet-uses", out)
    asked = f"SELECT count(*), min(occurred_not_before) > '2000-01-01' FROM '{out}'"

    assert [(len(listed(filled)), True)] == duckdb.connect().execute(asked).fetchall()


def test_export_is_of_its_tree_size(filled: Place, tmp_path: Path) -> None:
    """As of a tree size before the last use, an export lacks it, and says as of when it is."""
    found = listed(filled)
    size = max(found.values())
    out = tmp_path / "then.csv"
    said = export(filled, "csv", out, "--as-of", size)

    assert (size, len(found) - 1) == (said["as_of"], said["count"])


def test_unknown_field_leaves_nothing(filled: Place, tmp_path: Path) -> None:
    """A field that cannot be disclosed is refused, and no file is left behind."""
    out = tmp_path / "uses.csv"
    ran = filled.candour("export", "csv", "--out", out, "--disclose", "nothing", exit_code=2)

    assert "disclose" in ran.err
    assert [] == list(tmp_path.iterdir())


class _Links(HTMLParser):
    """The anchors of a page, what points at them, and whether anything is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href" and value is not None:
                (self.links if value.startswith("#") else self.loads).add(value)
            elif name in ("src", "srcset", "data", "action"):
                self.loads.add(f"{tag} {value}")


@pytest.mark.parametrize("form", ["annual", "piidpa", "eu-26-10"])
def test_report_links_every_figure_to_its_entries(filled: Place, tmp_path: Path, form: str) -> None:
    """The page loads nothing, its links have ends, and its CSV has the same figures."""
    out, table = tmp_path / "report.html", tmp_path / "report.csv"
    said = filled.json(
        *("report", form, *WHO, "--year", 2025, "--zone", "America/Halifax"),
        *("--out", out, "--csv", table),
    )
    page = _Links()
    page.feed(out.read_text("utf-8"))
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    figures = [row for row in rows if row["section"] != "not recorded"]

    assert set() == page.loads
    assert {"script", "img", "iframe", "link"} & page.tags == set()
    assert len(set(page.ids)) == len(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert said["figures"] == len(figures)
    for row in figures:
        leaves = [*row["leaf_indexes"].split(), *row["possible_leaf_indexes"].split()]
        total = int(row["count"]) + int(row["possible"])
        assert min(total, MAX_FIGURE_BASIS) == len(set(leaves))


@pytest.mark.parametrize("form", ["annual", "piidpa", "eu-26-10"])
def test_report_comes_with_its_evidence(filled: Place, tmp_path: Path, form: str) -> None:
    """The command that the page names makes a bundle from which a stranger makes every figure anew."""
    out, evidence = tmp_path / "report.html", tmp_path / "evidence.json"
    filled.candour("report", form, *WHO, "--year", 2025, "--out", out)
    named = next(
        line for line in unescape(out.read_text("utf-8")).splitlines() if "candour ask 25" in line
    )
    command = named.partition("candour ")[2].partition("<")[0]
    filled.candour(*shlex.split(command.replace("evidence.json", str(evidence))))

    verified = filled.verify(evidence)
    assert 0 == verified.exit_code, verified.out


def test_command_of_a_figure_proves_it(filled: Place, tmp_path: Path) -> None:
    """The command beside a figure, run, makes a bundle that verifies and counts the same."""
    out, table = tmp_path / "report.html", tmp_path / "report.csv"
    filled.candour("report", "annual", *WHO, "--year", 2025, "--out", out, "--csv", table)
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    (figure,) = (row for row in rows if row["key"] == "uses")
    bundle = tmp_path / "figure.json"

    assert 0 < int(figure["count"])
    assert figure["proof"].startswith("candour prove uses --filter ")
    filled.candour(
        *("prove", "uses", "--filter", figure["filter"], "--as-of", figure["as_of"]),
        *("--out", bundle),
    )
    answer = json.loads(bundle.read_text("utf-8"))["answer"]
    assert (figure["count"], figure["possible"]) == (str(answer["count"]), str(answer["possible"]))
    assert 0 == filled.verify(bundle).exit_code
