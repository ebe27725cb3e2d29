"""What may be said of agencies, technologies, sources and authorizations?

The registers' streams: `agency/<id>`, `technology/<id>`, `source/<id>`, `authorization/<id>`.
"""

from __future__ import annotations

from ledger.domain.base import Already, Provenance
from ledger.domain.lives import Life
from ledger.errors import Malformed
from ledger.events import Fact, TechnologyAliased


class Agency(Life):
    """A body that uses investigative technology."""


class Source(Life):
    """A system or export that reports uses."""


class Authorization(Life):
    """A warrant, order, consent or policy."""


class Technology(Life):
    """A product or capability, and the other names its uses stand under."""

    def __init__(self) -> None:
        super().__init__()
        self.aliases: dict[str, int] = {}

    def when(self, fact: Fact, version: int) -> None:
        super().when(fact, version)
        if isinstance(fact, TechnologyAliased):
            self.aliases[fact.alias] = version

    def alias(self, name: str, alias: str, provenance: Provenance) -> None:
        """Say that uses may also stand under `alias`.

        Raises:
            Already: It was said before.
            Malformed: A name is no alias of itself.
        """
        if alias == name:
            raise Malformed("alias", "must be another name than the technology's own")
        if alias in self.aliases:
            raise Already(self.id, self.aliases[alias])
        self._tell(TechnologyAliased(technology=name, alias=alias), provenance)
