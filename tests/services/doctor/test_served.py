"""Does the doctor notice that a server shows another tree under the same key?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.doctor.examined import Examined, NotToBeTold, Outcome
from services.doctor.patient import Patient
from services.doctor.served import served_tree
from services.runtime.hosting import Hosted, open_ledger
from services.runtime.settings import Settings
from tests.published_logs import Gateway, append_up_to, grow


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Hosted]:
    """A ledger of 300 entries, published."""
    found = open_ledger(Settings(data=tmp_path / "own"))
    grow(found, 300)
    yield found
    found.close()


def look(settings: Settings) -> Examined:
    patient = Patient(settings)
    try:
        return served_tree(patient)
    finally:
        patient.close()


def test_own_tree_is_known_and_another_one_is_not(hosted: Hosted, tmp_path: Path) -> None:
    """Its own server is good; from a copy that went another way, or is shorter, it is bad."""
    copies = {}
    for name, size in (("shorter", 300), ("other", 320)):
        copies[name] = Settings(data=tmp_path / name)
        shutil.copytree(hosted.settings.data, copies[name].data)
        copy = open_ledger(copies[name])
        append_up_to(copy.store, size, story="other")
        copy.close()
    stranger = open_ledger(Settings(data=tmp_path / "stranger"))
    stranger.close()
    grow(hosted, 310)
    with Gateway(hosted) as server:
        own = look(replace(hosted.settings, http=server.address))
        assert (Outcome.OK, True) == (own.outcome, "310 entries" in own.says)
        for settings in (*copies.values(), stranger.settings):
            found = look(replace(settings, http=server.address))
            assert (Outcome.BAD, True) == (found.outcome, found.do != "")


def test_without_a_server_it_cannot_be_told(hosted: Hosted) -> None:
    """Neither good nor bad."""
    with pytest.raises(NotToBeTold):
        look(replace(hosted.settings, http="127.0.0.1:9"))
