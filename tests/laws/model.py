"""What should a ledger hold? The plain model that the stateful machine compares it with.

Lists and dicts, no database, no bytes: written from docs/adr/0004-idempotency.md, not from the
code. A commit may be lost before or after it was durable; the model is told which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from ledger.canonical_json import encode
from ledger.commands import Masked, Performer, ReportToolUse
from ledger.limits import MAX_CONFLICTS
from ledger.store.core import NewEntry
from ledger.streams import name_of_stream
from tests.faults.commits import Fault


@dataclass(frozen=True, slots=True)
class Answer:
    """What a report should come back with."""

    leaf_index: int
    kind: str  # placed | duplicate | conflict


@dataclass(slots=True)
class Use:
    """One report that stands in the log."""

    name: str
    leaf_index: int
    leaf_hash: bytes
    command: ReportToolUse
    withdrawn: bool = False
    same_as: str | None = None
    cited: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str | None]:
        return self.command.source, self.command.source_event_id


@dataclass(slots=True)
class Import:
    name: str
    leaf_index: int
    withdrawn: bool = False
    completed: bool = False


# leaf index, what happened, to what (a leaf index, an import, an authorization)
Event: TypeAlias = tuple[int, str, object]


def content(command: ReportToolUse) -> bytes:
    """What is said, whoever says it, whenever, in whichever file."""
    said = replace(command.use, import_=None).to_object()
    who = command.performer
    named = who.to_json() if isinstance(who, Performer | Masked) else None
    return encode([said, command.capture, named, dict(command.protected)])


class Model:
    """A ledger, as its users may think of it."""

    def __init__(self) -> None:
        self.size = 0
        self.uses: dict[int, Use] = {}
        self.standing: dict[tuple[str, str | None], int] = {}  # which report an id stands for
        self.imports: dict[str, Import] = {}
        self.files: dict[int, str] = {}
        self.conflicts: dict[int, set[bytes]] = {}  # by the report that an id stands for
        self.events: list[Event] = []
        self.faults: list[Fault | None] = []  # of the next commits

    # --- commits that may be lost ---------------------------------------------------
    def commit(self) -> tuple[bool, bool]:
        """The next commit: is it durable, and is the caller told so?"""
        fault = self.faults.pop(0) if self.faults else None
        return fault is not Fault.BEFORE, fault is None

    def happen(self, what: str, of: object) -> int | None:
        """One entry; its leaf index, or None where the caller is not told.

        Whether it happened all the same shows in `size`.
        """
        durable, told = self.commit()
        if durable:
            self.events.append((self.size, what, of))
            self.size += 1
        return self.size - 1 if told else None

    # --- reports ----------------------------------------------------------------------
    def report(self, batch: Sequence[tuple[ReportToolUse, NewEntry]]) -> list[Answer] | None:
        """What each should come back with; None where the outcome is not known."""
        answers, placed = self._place(batch, replacing={})
        if placed and not self._keep(placed):
            return None
        withdrawn = {
            number: answer.leaf_index
            for number, answer in enumerate(answers)
            if answer.kind != "placed" and self._stands_anew(batch[number][0], answer)
        }
        if withdrawn:
            again = [batch[number] for number in withdrawn]
            replaced, placed = self._place(again, replacing=withdrawn)
            if placed and not self._keep(placed):
                return None
            for number, answer in zip(withdrawn, replaced, strict=True):
                answers[number] = answer
        told = self._record_conflicts(
            [
                (answer.leaf_index, content(command))
                for (command, _), answer in zip(batch, answers, strict=True)
                if answer.kind == "conflict"
            ]
        )
        return answers if told else None

    def _record_conflicts(self, refused: list[tuple[int, bytes]]) -> bool:
        """Each content once, so many of one report; False where the caller is not told."""
        new: dict[int, list[bytes]] = {}
        for first, said in dict.fromkeys(refused):
            known = self.conflicts.get(first, set())
            if said not in known and len(known) + len(new.get(first, ())) < MAX_CONFLICTS:
                new.setdefault(first, []).append(said)
        if not new:
            return True
        durable, told = self.commit()
        for first, said_anew in new.items() if durable else ():
            self.conflicts.setdefault(first, set()).update(said_anew)
            self.size += len(said_anew)
        return told

    def _place(
        self, batch: Sequence[tuple[ReportToolUse, NewEntry]], replacing: dict[int, int]
    ) -> tuple[list[Answer], list[Use]]:
        """Decide in order; a report that replaces another takes its id, once."""
        standing, known = dict(self.standing), dict(self.uses)
        replaced: list[int | None] = [*replacing.values()] or [None] * len(batch)
        answers: list[Answer] = []
        placed: list[Use] = []
        for (command, entry), other in zip(batch, replaced, strict=True):
            key = (command.source, command.source_event_id)
            held = standing.get(key)
            if held is not None and held != other:
                same = content(known[held].command) == content(command)
                answers.append(Answer(held, "duplicate" if same else "conflict"))
                continue
            leaf_index = self.size + len(placed)
            use = Use(name_of_stream(entry.stream), leaf_index, entry.leaf_hash, command)
            use.cited = list(command.use.authorizations)
            standing[key], known[leaf_index] = leaf_index, use
            placed.append(use)
            answers.append(Answer(leaf_index, "placed"))
        return answers, placed

    def _keep(self, placed: list[Use]) -> bool:
        durable, told = self.commit()
        for use in placed if durable else ():
            self.uses[use.leaf_index] = use
            self.standing[use.key] = use.leaf_index
            self.events.append((use.leaf_index, "reported", use.leaf_index))
        self.size += len(placed) if durable else 0
        return told

    def _stands_anew(self, command: ReportToolUse, answer: Answer) -> bool:
        """A withdrawn report is replaced by another content or from another import, no retry."""
        first = self.uses[answer.leaf_index]
        retry = answer.kind == "duplicate" and first.command.use.import_ == command.use.import_
        return not retry and (first.withdrawn or self.is_withdrawn(first.command.use.import_))

    def is_withdrawn(self, name: str | None) -> bool:
        return name is not None and name in self.imports and self.imports[name].withdrawn

    # --- reading ------------------------------------------------------------------------
    def counted(self, size: int) -> list[int]:
        """The reports that counted when the ledger had this many entries."""
        found: set[int] = set()
        taken_back: set[object] = set()
        for leaf_index, what, of in self.events:
            if leaf_index >= size:
                break
            if what == "reported":
                found.add(leaf_index)
            elif what in ("withdrawn", "same as"):
                assert isinstance(of, int)
                found.discard(of)
            elif what == "import withdrawn":
                taken_back.add(of)
        return sorted(
            leaf for leaf in found if self.uses[leaf].command.use.import_ not in taken_back
        )

    def cited(self, size: int) -> dict[str, int]:
        """Uses that counted then, by the authorizations they cited then."""
        counts: dict[str, int] = {}
        for leaf in self.counted(size):
            names = list(self.uses[leaf].command.use.authorizations)
            for leaf_index, what, of in self.events:
                if what == "linked" and leaf_index < size:
                    assert isinstance(of, tuple)
                    names += [of[1]] if of[0] == leaf else []
            for name in names or [""]:
                counts[name] = counts.get(name, 0) + 1
        return counts
