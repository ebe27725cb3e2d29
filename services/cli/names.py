"""Which register entry does somebody mean? Names, ids and display names, aliases respected.

"Eugene Police Department" | eugene-pd | agencies/eugene-pd ──find──► agencies/eugene-pd
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.limits import MAX_CACHED_NAMES
from ledger.names import resource_name
from services.cli.client import Client
from services.cli.failures import CommandFailed
from services.pb.candour.v1.registry_pb2 import ListRegisteredRequest, Registered


@dataclass(frozen=True, slots=True)
class Named:
    """A register name, and whether the register knows it (an alias is known, too)."""

    name: str
    known: bool


class Names:
    """The registers of a ledger as they stood when they were first asked."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._registered: dict[str, dict[str, Registered]] = {}
        self._met: dict[tuple[str, str], Named] = {}  # an export says the same ones over and over

    def all(self, collection: str) -> dict[str, Registered]:
        """Register name to entry. Raises CommandFailed."""
        if collection not in self._registered:
            client = self._client
            request = ListRegisteredRequest(
                parent=client.parent, collection=collection, min_tree_size=client.head_size()
            )
            self._registered[collection] = {
                item.name: item
                for page in client.pages(client.registry.ListRegistered, request)
                for item in page.registered
            }
        return self._registered[collection]

    def find(self, collection: str, given: str) -> Named:
        """The register name that `given` means.

        A register name or id goes first, then a display name, then an alias; what nobody
        registered becomes a name as ledger/names.py makes it.

        Raises:
            Malformed: `given` can be no name of this collection.
            CommandFailed: Several have this display name, or the server does not answer.
        """
        met = self._met.get((collection, given))
        if met is None:
            met = self._find(collection, given)
            if met.known and len(self._met) < MAX_CACHED_NAMES:
                self._met[collection, given] = met
        return met

    def _find(self, collection: str, given: str) -> Named:
        made, known, text = resource_name(collection, given), self.all(collection), given.strip()
        for exact in (text, f"{collection}/{text}"):
            if exact in known:
                return Named(exact, known=True)
        wanted = text.casefold()
        shown = [item.name for item in known.values() if item.display_name.casefold() == wanted]
        if made in shown or not shown:
            aliased = any(made in item.aliases for item in known.values())
            return Named(made, known=made in known or aliased)
        if len(shown) > 1:
            raise CommandFailed(
                f"Several in {collection} are called {text!r}", f"Say which: {', '.join(shown)}"
            )
        return Named(shown[0], known=True)

    def know(self, collection: str, name: str, display_name: str) -> None:
        """Remember what was just registered."""
        self.all(collection)[name] = Registered(name=name, display_name=display_name)
