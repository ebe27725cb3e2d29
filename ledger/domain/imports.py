"""What may be said of a file import? Stream `import/<uuid>`: declared, completed, withdrawn."""

from __future__ import annotations

from ledger.domain.base import Already, LedgerAggregate, NotInState, Provenance
from ledger.events import Fact, ImportCompleted, ImportWithdrawn


class Import(LedgerAggregate):
    """A file whose rows came in as uses."""

    def __init__(self) -> None:
        self.completed_by: int | None = None
        self.withdrawn_by: int | None = None

    def when(self, fact: Fact, version: int) -> None:
        if isinstance(fact, ImportCompleted):
            self.completed_by = version
        elif isinstance(fact, ImportWithdrawn):
            self.withdrawn_by = version

    def complete(
        self, provenance: Provenance, *, accepted: int, duplicates: int, rejected: int
    ) -> None:
        """Say what became of the rows.

        Raises:
            Already: It was said the first time the file was read.
            NotInState: The import was withdrawn.
        """
        if self.completed_by is not None:
            raise Already(self.id, self.completed_by)
        if self.withdrawn_by is not None:
            raise NotInState(self.id, "withdrawn", ())
        fact = ImportCompleted(accepted=accepted, duplicates=duplicates, rejected=rejected)
        self._tell(fact, provenance)

    def withdraw(self, reason: str, code: str | None, provenance: Provenance) -> None:
        """Take back every use that names this import. Raises Already."""
        if self.withdrawn_by is not None:
            raise Already(self.id, self.withdrawn_by)
        self._tell(ImportWithdrawn(code=code), provenance, {"reason": reason})
