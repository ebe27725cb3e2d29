"""What do all entries together do to the registers? One rule, for projector and auditor.

    stream, fact, performer ──UsageFold.add──► keys that the entry's leaf hash goes to

A change is applied to the use as the entries before it left it, whatever the change itself
claims: counts agree with what ledger/projections answers, and nobody can be withdrawn from
keys that they never entered. What cannot be folded does nothing.

Source: docs/usage-index.md, section 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ledger.errors import Malformed
from ledger.events import (
    AuthorizationLinked,
    Fact,
    ImportWithdrawn,
    ToolUseAmended,
    ToolUseReported,
    ToolUseSameAs,
    ToolUseWithdrawn,
)
from ledger.streams import name_of_stream
from ledger.usage_index.placements import (
    Use,
    moves,
    placements,
    use_amended,
    use_reported,
)


@dataclass(frozen=True, slots=True)
class KnownUse:
    """A use as entries left it.

    Members:
        use: What its keys follow from.
        import_: The file it came in with.
        stands: False once it was withdrawn or found to be told twice.
    """

    use: Use
    import_: str | None
    stands: bool = True


class UsageFold:
    """Feed it entries in leaf order; start from nothing, or from what is asked of `uses`.

    Members:
        uses: By stream. Whoever starts in the middle puts in the uses that are changed next.
        withdrawn_imports: By name (`imports/…`).
    """

    def __init__(self) -> None:
        self.uses: dict[str, KnownUse] = {}
        self.withdrawn_imports: set[str] = set()

    def add(
        self,
        stream: str,
        fact: Fact,
        performer: str | None = None,
        *,
        names_performer: bool = True,
    ) -> list[bytes]:
        """The keys to which this entry appends its leaf hash, once for each mention.

        Args:
            stream, fact: Of the entry.
            performer: Pseudonym that a report or amendment discloses; None where there is none.
            names_performer: Whether the entry commits to a performer: an amendment that does
                not leaves the use with the one it had.
        Raises:
            Malformed: It cannot be folded, and does nothing: it changes a use that is not
                known, reports one twice, or its times are none.
        """
        if not stream.startswith("tool_use/"):
            return self._withdraw_import(stream) if isinstance(fact, ImportWithdrawn) else []
        known = self.uses.get(stream)
        if isinstance(fact, ToolUseReported):
            if known is not None:
                raise Malformed("entry", "reports a use that is reported already")
            use = use_reported(fact, performer)
            self.uses[stream] = known = KnownUse(use, fact.import_)
            return placements(fact, performer=performer, stands=self._counts(known))
        if known is None:
            raise Malformed("entry", "changes a use whose report is not in the log")
        if isinstance(fact, ToolUseAmended) and not names_performer:
            performer = known.use.performer
        return self._change(stream, known, fact, performer)

    def _change(
        self, stream: str, known: KnownUse, fact: Fact, performer: str | None
    ) -> list[bytes]:
        use, after = known.use, known
        if isinstance(fact, AuthorizationLinked):
            if fact.authorization in use.authorizations:
                return []
            linked = (*use.authorizations, fact.authorization)
            after = replace(known, use=replace(use, authorizations=linked))
        elif isinstance(fact, ToolUseAmended):
            after = replace(known, use=use_amended(use, fact, performer))
        elif isinstance(fact, ToolUseWithdrawn | ToolUseSameAs):
            after = replace(known, stands=False)
        self.uses[stream] = after
        if after is known or not self._counts(known):
            return []
        return moves(use.placed_keys(), after.use.placed_keys() if after.stands else ())

    def _withdraw_import(self, stream: str) -> list[bytes]:
        name = name_of_stream(stream)
        if name in self.withdrawn_imports:
            return []
        of_import = [
            known.use
            for known in self.uses.values()
            if known.import_ == name and self._counts(known)
        ]
        self.withdrawn_imports.add(name)
        return placements(ImportWithdrawn(), of_import=of_import)

    def _counts(self, known: KnownUse) -> bool:
        return known.stands and known.import_ not in self.withdrawn_imports
