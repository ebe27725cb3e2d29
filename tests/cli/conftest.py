"""A fake ledger, and commands run in this process against it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from services.cli.main import main
from tests.cli.fake_ledger import FakeLedger, serving


@dataclass(frozen=True)
class Ran:
    """What one command did."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Candour = Callable[..., Ran]


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()  # type: ignore[abstract]  # calls it has not are UNIMPLEMENTED


@pytest.fixture
def target(ledger: FakeLedger, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The fake ledger, served; commands find it by the environment."""
    with serving(ledger) as (address, _server):
        monkeypatch.setenv("CANDOUR_TARGET", address)
        yield address


@pytest.fixture
def candour(capsys: pytest.CaptureFixture[str]) -> Candour:
    """Runs one command as a shell would."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        exit_code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Ran(exit_code, out, err)

    return run
