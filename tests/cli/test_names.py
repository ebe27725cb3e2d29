"""Whom does a name mean, when several could be meant?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.cli.client import Client
from services.cli.failures import CommandFailed
from services.cli.names import Named, Names
from services.cli.options import Connection
from tests.cli.fake_ledger import FakeLedger


@pytest.fixture
def names(target: str, ledger: FakeLedger) -> Iterator[Names]:
    for name, shown in (("a", "Alpha"), ("b", "Beta"), ("b2", "Beta"), ("gamma", "gamma")):
        ledger.put("agencies", f"agencies/{name}", shown)
    ledger.put("agencies", "agencies/g", "GAMMA")
    ledger.put("technologies", "technologies/flock", "Flock Safety")
    ledger.registers["technologies"]["technologies/flock"].aliases.append("technologies/alpr")
    with Client(Connection(target=target)) as client:
        yield Names(client)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("agencies/a", Named("agencies/a", True)),
        ("a", Named("agencies/a", True)),
        (" alpha ", Named("agencies/a", True)),
        ("gamma", Named("agencies/gamma", True)),
        ("Gamma", Named("agencies/gamma", True)),
        ("Delta Force", Named("agencies/delta-force", False)),
        ("agencies/delta", Named("agencies/delta", False)),
    ],
)
def test_find(names: Names, given: str, expected: Named) -> None:
    """Ids go before display names, and what nobody registered becomes a slug."""
    assert expected == names.find("agencies", given)


def test_alias_is_known(names: Names) -> None:
    """An alias stands for itself, and need not be registered again."""
    assert Named("technologies/alpr", True) == names.find("technologies", "ALPR")


def test_two_of_one_name(names: Names) -> None:
    """Where a display name fits two, neither is guessed."""
    with pytest.raises(CommandFailed, match="Say which: agencies/b, agencies/b2"):
        names.find("agencies", "Beta")


def test_many_pages(ledger: FakeLedger, target: str) -> None:
    """A register of several pages is read to its end."""
    for number in range(2_500):
        ledger.put("sources", f"sources/s{number}", f"S {number}")
    with Client(Connection(target=target)) as client:
        assert Named("sources/s2499", True) == Names(client).find("sources", "S 2499")
