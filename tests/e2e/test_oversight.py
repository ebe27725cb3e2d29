"""Are the numbered questions answered, proven and checked, from the command line to the verifier?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import STORES, Place, place_of
from tests.shared_data import shared_data

_AGENCY = "Eugene Police Department"


@pytest.fixture(scope="module", params=STORES)
def eugene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A ledger that holds a police department's published search log."""
    log = shared_data("eugene/EPDSearchAuditLogs.csv", unjudged="the questions on a real export")
    with place_of(request, tmp_path_factory.mktemp("asked") / "data") as found:
        found.candour("import", "flock", log, "--agency", _AGENCY, "--technology", "Flock Safety")
        yield found


def test_real_reasons(eugene: Place) -> None:
    """182 reasons are a text of the interface, 5 are blank, and copied ones are listed."""
    found = eugene.json("ask", 15, "--agency", _AGENCY)
    kinds = {one["code"]: one["count"] for one in found["kinds"]}
    states = {one["reason_state"]: one["count"] for one in found["states"]}

    assert (182, 5) == (kinds["ui_artefact_reason"], states["blank"])
    assert 20 <= min(hit["uses"] for hit in found["copied"])


def test_real_uses_have_no_authority(eugene: Place) -> None:
    """No authorization is on record: every use stands under `none`, which is no error."""
    found = eugene.json("ask", 4, "--agency", _AGENCY, "--limit", 1000)

    assert (4294, 0, 1000) == (found["count"], found["possible"], len(found["uses"]))
    assert {"none"} == {one["authority"]["verdict"] for one in found["uses"]}


def test_evidence_is_checked_without_the_server(eugene: Place, tmp_path: Path) -> None:
    """The bundle of an answer verifies with nothing but the trust file, and bent it does not."""
    bundle = tmp_path / "answer.json"
    days = ("--from", "2025-06-18", "--to", "2025-06-18")
    said = eugene.candour("ask", 15, "--agency", _AGENCY, *days, "--out", bundle)
    assert "candour-verify" in said.err

    checked = eugene.verify(bundle)
    assert 0 == checked.exit_code, checked.out
    assert "question 15" in checked.out
    bundle.write_bytes(bundle.read_bytes().replace(b'"value":"yes"', b'"value":"no"', 1))
    assert 1 == eugene.verify(bundle).exit_code


def test_findings_are_proven(eugene: Place, tmp_path: Path) -> None:
    """Findings of one rule come with the law, the entries, and a bundle that re-runs the rule."""
    bundle = tmp_path / "findings.json"
    found = eugene.json("findings", "--code", "ui_artefact_reason", "--out", bundle)

    assert 182 == found["count"]
    assert {"ui_artefact_reason"} == {one["code"] for one in found["findings"]}
    assert 0 == eugene.verify(bundle).exit_code


def test_pages_of_one_answer(eugene: Place) -> None:
    """A page begins where the last one ended, at the tree size of the first."""
    pages = _pages(eugene, size=1000)
    leaves = [use["leaf_index"] for page in pages for use in page["uses"]]

    assert 4294 == len(leaves) == len(set(leaves))
    assert 1 == len({page["as_of"] for page in pages})


def _pages(place: Place, *, size: int) -> list[dict[str, Any]]:
    from services.cli.client import Client
    from services.cli.options import Connection
    from services.pb.candour.v1 import oversight_pb2 as pb

    found = []
    with Client(Connection(target=place.server.grpc)) as client:
        request = pb.AskRequest(
            parent=client.parent,
            question=1,
            parameters=pb.Parameters(agency="agencies/eugene-police-department"),
            page_size=size,
        )
        while True:
            response = client.call(client.oversight.Ask, request)
            found.append(json.loads(response.answer_json))
            request.page_token = response.next_page_token
            if not request.page_token:
                return found


def test_every_question_is_answered_for_people(eugene: Place) -> None:
    """Each of the 27 answers in words with exit status 0, what it covers and what to keep in mind."""
    needed = {25: ("--year", 2025), 26: ("--case", "24-1")}
    for number in range(1, 28):
        agency = () if number in (23, 26, 27) else ("--agency", _AGENCY)
        said = eugene.candour("ask", number, *agency, *needed.get(number, ()), "--limit", 2)
        assert "To keep in mind" in said.out
    listed = eugene.json("ask", "list")
    assert list(range(1, 28)) == [one["number"] for one in listed]


def test_what_cannot_be_asked_is_refused_with_advice(eugene: Place) -> None:
    """A number that is none, a day that is none, a parameter that the question has not."""
    assert "candour ask list" in eugene.candour("ask", 28, exit_code=2).err
    assert "--from" in eugene.candour("ask", 1, "--from", "yesterday", exit_code=2).err
    refused = eugene.candour("ask", 23, "--agency", _AGENCY, exit_code=1)
    assert "agency" in refused.err
