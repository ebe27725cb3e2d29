"""How does a name get into a register? What stands there already stays as it is.

name + display name ──Registering──► nothing, or one event a name
"""

from __future__ import annotations

from ledger.limits import MAX_NAME_CHARS
from ledger.names import COLLECTIONS
from services.cli.client import Client
from services.cli.names import Names
from services.cli.options import Wait
from services.pb.candour.v1 import registry_pb2
from services.pb.candour.v1.common_pb2 import Receipt


def display_name(given: str) -> str:
    """What to call a thing that was named `given`: a register name shows its id."""
    head, slash, rest = given.strip().partition("/")
    shown = rest if slash and head in COLLECTIONS else given.strip()
    return shown[:MAX_NAME_CHARS]


class Registering:
    """Registers what no register knows, and notes it in `done`."""

    def __init__(self, client: Client, names: Names, done: list[str]) -> None:
        self._client, self._names, self._done = client, names, done

    def agency(self, name: str, given: str) -> None:
        """Raises CommandFailed."""
        if self._is_new("agencies", name):
            register_agency(self._client, name, display_name(given))
            self._note("agencies", name, given)

    def technology(self, name: str, given: str) -> None:
        """Raises CommandFailed."""
        if self._is_new("technologies", name):
            register_technology(self._client, name, display_name(given))
            self._note("technologies", name, given)

    def source(self, name: str, given: str, *, agency: str, technology: str) -> None:
        """Raises CommandFailed."""
        if self._is_new("sources", name):
            shown = display_name(given)
            register_source(self._client, name, shown, agency=agency, technology=technology)
            self._note("sources", name, given)

    def _is_new(self, collection: str, name: str) -> bool:
        return not self._names.find(collection, name).known

    def _note(self, collection: str, name: str, given: str) -> None:
        self._names.know(collection, name, display_name(given))
        self._done.append(name)


def register_agency(
    client: Client,
    name: str,
    shown: str,
    *,
    country: str | None = None,
    wait: Wait = Wait.COMMITTED,
) -> Receipt:
    """Raises CommandFailed."""
    agency = registry_pb2.Agency(name=name, display_name=shown, country=country or "")
    request = registry_pb2.RegisterAgencyRequest(
        parent=client.parent, agency=agency, wait_for=wait.wire
    )
    return client.call(client.registry.RegisterAgency, request).receipt


def register_technology(
    client: Client,
    name: str,
    shown: str,
    *,
    vendor: str | None = None,
    category: str | None = None,
    wait: Wait = Wait.COMMITTED,
) -> Receipt:
    """Raises CommandFailed."""
    technology = registry_pb2.Technology(
        name=name, display_name=shown, vendor=vendor or "", category=category or ""
    )
    request = registry_pb2.RegisterTechnologyRequest(
        parent=client.parent, technology=technology, wait_for=wait.wire
    )
    return client.call(client.registry.RegisterTechnology, request).receipt


def register_source(
    client: Client,
    name: str,
    shown: str,
    *,
    agency: str | None = None,
    technology: str | None = None,
    wait: Wait = Wait.COMMITTED,
) -> Receipt:
    """Raises CommandFailed."""
    source = registry_pb2.Source(
        name=name, display_name=shown, agency=agency or "", technology=technology or ""
    )
    request = registry_pb2.RegisterSourceRequest(
        parent=client.parent, source=source, wait_for=wait.wire
    )
    return client.call(client.registry.RegisterSource, request).receipt
