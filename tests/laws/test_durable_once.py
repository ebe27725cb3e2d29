"""Law 10: what was acknowledged is there, once, after anything that may happen.

a machine of reports, retries, withdrawals, imports, lost commits, crashes and reads
══ a plain model (model.py), step by step, and the whole tree in the end
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledger.commands import ReportToolUse
from ledger.domain.base import Already, NotInState
from ledger.errors import CandourError, Malformed
from ledger.events import AgencyRegistered, ToolUseReported
from ledger.log import ConflictingResubmission, Receipt
from ledger.merkle import leaf_hash, verify_inclusion
from ledger.projections.questions import Question
from ledger.store.core import NewEntry, StoreUnavailable
from ledger.store.view_queries import ViewReader
from ledger.store.view_writer import ViewWriter, shown_values
from tests.faults.commits import Fault, break_commits
from tests.laws.model import Answer, Import, Model, Use
from tests.laws.trees import check_tree
from tests.ledgers import Ledger, Place, SqlitePlace
from tests.strategies import AGENCIES, AUTHORIZATIONS, FILES, effort, in_import, reports

files = st.integers(0, FILES - 1)
numbers = st.integers(0, 30)


class LedgerMachine(RuleBasedStateMachine):
    """A ledger of one process, and what it should hold."""

    told: Bundle[ReportToolUse] = Bundle("told")
    place: Place

    @initialize()
    def begin(self) -> None:
        store, self.engine = self.place.begin()
        self.model, self.plan = Model(), deque[Fault | None]()
        self.seed = 0
        self.performers: dict[str, str] = {}
        self.run(Ledger(store))
        self.ledger.register_agencies()
        self.model.size = len(AGENCIES)

    def run(self, ledger: Ledger) -> None:
        """This process serves the ledger from now on."""
        self.ledger = ledger
        break_commits(ledger.store, self.plan)

    # --- what may go wrong ----------------------------------------------------------
    @rule(plan=st.lists(st.sampled_from((Fault.BEFORE, Fault.AFTER, None)), max_size=3))
    def lose_commits(self, plan: list[Fault | None]) -> None:
        """The database goes away around one of the next commits."""
        self.plan.clear()
        self.plan.extend(plan)
        self.model.faults = list(plan)

    @rule()
    def crash(self) -> None:
        """The process ends; another opens the ledger, and remembers nothing."""
        self.seed += 1
        self.run(Ledger(self.place.reopen(), seed=self.seed))

    # --- reports ----------------------------------------------------------------------
    @rule(target=told, batch=st.lists(reports, min_size=1, max_size=5))
    def report(self, batch: list[ReportToolUse]) -> Any:
        self.submit(batch)
        return multiple(*batch)

    @rule(batch=st.lists(told, min_size=1, max_size=4), fresh=st.lists(reports, max_size=2))
    def retry(self, batch: list[ReportToolUse], fresh: list[ReportToolUse]) -> None:
        """Some come again, as a client does that got no answer; new ones among them."""
        self.submit(fresh + batch)

    @rule(target=told, command=told, unit=st.sampled_from(("p", "q")), twice=st.booleans())
    def resubmit_changed(self, command: ReportToolUse, unit: str, twice: bool) -> ReportToolUse:
        """The same id comes with another content."""
        changed = replace(command, use=replace(command.use, unit=unit))
        self.submit([changed] * (1 + twice))
        return changed

    @rule(target=told, file=files, batch=st.lists(told | reports, min_size=1, max_size=4))
    def report_some_rows(self, file: int, batch: list[ReportToolUse]) -> Any:
        """Rows of a file, some of which stand in the ledger from elsewhere."""
        return multiple(*self.report_rows(file, batch))

    def report_rows(self, file: int, batch: list[ReportToolUse]) -> list[ReportToolUse]:
        if file not in self.model.files:
            return []
        rows = [in_import(command, self.model.files[file]) for command in batch]
        self.submit(rows)
        return rows

    @rule(file=files, batch=st.lists(reports, min_size=1, max_size=3), again=st.booleans())
    def take_back_and_read_again(self, file: int, batch: list[ReportToolUse], again: bool) -> None:
        """A file is imported, withdrawn and imported anew; an old client may come with it still."""
        self.declare(file)
        self.report_rows(file, batch)
        old = self.model.files.get(file)
        self.withdraw_import(file)
        self.declare(file)
        self.report_rows(file, batch)
        if again and old is not None:
            self.submit([in_import(command, old) for command in batch])

    def submit(self, commands: list[ReportToolUse]) -> None:
        prepared = [item for item in self.ledger.prepare(commands) if isinstance(item, NewEntry)]
        assert len(commands) == len(prepared)
        expected = self.model.report(list(zip(commands, prepared, strict=True)))
        if expected is None:
            with pytest.raises(StoreUnavailable):
                self.ledger.log.append(prepared)
            return
        results, head = self.ledger.log.append(prepared)
        assert self.model.size == head.tree_size
        assert expected == [answer_of(result) for result in results]
        for result in results:
            if isinstance(result, Receipt):
                use = self.model.uses[result.leaf_index]
                assert (use.name, use.leaf_hash) == (result.name, result.leaf_hash)
                assert result.content_compared

    # --- what is said of them later ---------------------------------------------------
    def say(self, decide: Callable[..., NewEntry], *args: Any, what: str, of: object) -> bool:
        """One decided entry is appended; True where it is durable, whatever the caller hears."""
        entry = decide(*args, self.ledger.provenance())
        before = self.model.size
        expected = self.model.happen(what, of)
        if expected is None:
            with pytest.raises(StoreUnavailable):
                self.ledger.append(entry)
        else:
            assert expected == self.ledger.append(entry).leaf_index
        return self.model.size > before

    def pick(self, number: int) -> Use:
        leaves = sorted(self.model.uses)
        return self.model.uses[leaves[number % len(leaves)]]

    @precondition(lambda self: self.model.uses)
    @rule(number=numbers)
    def withdraw(self, number: int) -> None:
        use, decide = self.pick(number), self.ledger.registrar.withdraw_use
        if use.withdrawn or use.same_as:
            with pytest.raises(Already if use.withdrawn else NotInState):
                decide(use.name, "wrong", None, self.ledger.provenance())
        elif self.say(decide, use.name, "wrong", None, what="withdrawn", of=use.leaf_index):
            use.withdrawn = True

    @precondition(lambda self: self.model.uses)
    @rule(number=numbers, authorization=st.sampled_from(AUTHORIZATIONS))
    def link(self, number: int, authorization: str) -> None:
        use, decide = self.pick(number), self.ledger.registrar.link_authorization
        if authorization in use.cited:
            with pytest.raises(Already):
                decide(use.name, authorization, self.ledger.provenance())
        elif self.say(
            decide, use.name, authorization, what="linked", of=(use.leaf_index, authorization)
        ):
            use.cited.append(authorization)

    @precondition(lambda self: self.model.uses)
    @rule(number=numbers, other_number=numbers)
    def mark_same(self, number: int, other_number: int) -> None:
        use, other = self.pick(number), self.pick(other_number)
        decide = self.ledger.registrar.mark_same_as
        refused: type[CandourError] | None = None
        if use is other:
            refused = Malformed
        elif use.same_as == other.name:
            refused = Already
        elif use.withdrawn or use.same_as or other.withdrawn or other.same_as:
            refused = NotInState
        if refused is not None:
            with pytest.raises(refused):
                decide(use.name, other.name, self.ledger.provenance())
        elif self.say(decide, use.name, other.name, what="same as", of=use.leaf_index):
            use.same_as = other.name

    # --- imports ------------------------------------------------------------------------
    @rule(file=files)
    def declare(self, file: int) -> None:
        """A file is declared: once, and anew where its import was withdrawn."""
        standing = self.model.imports.get(self.model.files.get(file, ""))
        if standing is not None and not standing.withdrawn:
            receipt = self.ledger.declare(file)
            assert (standing.name, standing.leaf_index, True) == (
                receipt.name,
                receipt.leaf_index,
                receipt.duplicate,
            )
            return
        before = self.model.size
        if self.model.happen("declared", file) is None:
            with pytest.raises(StoreUnavailable):
                self.ledger.declare(file)
        else:
            assert before == self.ledger.declare(file).leaf_index
        if self.model.size > before:
            (stored,) = self.ledger.store.entries_at([before])
            name = f"imports/{stored.stream.partition('/')[2]}"
            self.model.files[file] = name
            self.model.imports[name] = Import(name, before)

    @rule(file=files)
    def withdraw_import(self, file: int) -> None:
        found = self.model.imports.get(self.model.files.get(file, ""))
        decide = self.ledger.registrar.withdraw_import
        if found is None:
            return
        if found.withdrawn:
            with pytest.raises(Already):
                decide(found.name, "wrong", None, self.ledger.provenance())
        elif self.say(decide, found.name, "wrong", None, what="import withdrawn", of=found.name):
            found.withdrawn = True

    @rule(file=files)
    def complete_import(self, file: int) -> None:
        found = self.model.imports.get(self.model.files.get(file, ""))
        if found is None:
            return

        def decide(name: str, by: Any) -> NewEntry:
            counts = {"accepted": 1, "duplicates": 0, "rejected": 0}
            return self.ledger.registrar.complete_import(name, by, **counts)

        if found.completed or found.withdrawn:
            with pytest.raises(Already if found.completed else NotInState):
                decide(found.name, self.ledger.provenance())
        elif self.say(decide, found.name, what="completed", of=found.name):
            found.completed = True

    @rule(name=st.sampled_from(AGENCIES), same=st.booleans())
    def register_again(self, name: str, same: bool) -> None:
        """Registering a name again is the first receipt, or a conflict."""
        fact = AgencyRegistered(agency=name, name=name.upper() if same else "another")
        if same:
            assert (AGENCIES.index(name), True) == (
                (receipt := self.ledger.register(name, fact)).leaf_index,
                receipt.duplicate,
            )
        else:
            with pytest.raises(ConflictingResubmission):
                self.ledger.register(name, fact)

    # --- reading ------------------------------------------------------------------------
    @rule(part=st.integers(0, 100), batch=st.integers(1, 50))
    def ask(self, part: int, batch: int) -> None:
        """Answers as of any tree size are what the ledger knew then."""
        ViewWriter(self.engine, self.ledger.store).catch_up(batch=batch)
        reader = ViewReader(self.engine, self.ledger.store)
        size = self.model.size * part // 100
        found, unread = reader.page(Question.ask("", size), None, 1_000)
        assert (self.model.counted(size), 0) == (sorted(use.first for use in found), unread)
        summary = reader.summary(Question.ask("", size, "authorization"))
        assert self.model.cited(size) == {group.key: group.count for group in summary.groups}

    @precondition(lambda self: self.model.uses)
    @rule(number=numbers)
    def prove(self, number: int) -> None:
        """Any report is under the head, and its entry says what was reported."""
        use, head = self.pick(number), self.ledger.store.head()
        tree = self.ledger.log.tree(head.tree_size)
        proof = tree.inclusion_proof(use.leaf_index)
        verify_inclusion(
            use.leaf_hash,
            leaf_index=use.leaf_index,
            tree_size=head.tree_size,
            proof=proof,
            root=head.root,
        )
        (stored,) = self.ledger.store.entries_at([use.leaf_index], with_disclosures=True)
        assert use.leaf_hash == leaf_hash(stored.entry)
        pseudonym = shown_values(stored).get("performer")
        if isinstance(pseudonym, str):
            who = repr((use.command.use.agency, use.command.performer))
            assert pseudonym == self.performers.setdefault(who, pseudonym)

    @invariant()
    def head_is_the_models(self) -> None:
        """No entry is there that was not asked for, and none is missing."""
        if hasattr(self, "ledger"):
            assert self.model.size == self.ledger.store.head().tree_size

    def teardown(self) -> None:
        """In the end the tree is whole, and each report stands in it once."""
        if hasattr(self, "ledger"):
            entries = check_tree(self.place.reopen())
            reported = [row for row in entries if row.topic == ToolUseReported.TOPIC]
            assert sorted(self.model.uses) == [row.leaf_index for row in reported]
            assert len(set(self.performers.values())) == len(self.performers)


def answer_of(result: Receipt | CandourError) -> Answer:
    if isinstance(result, Receipt):
        return Answer(result.leaf_index, "duplicate" if result.duplicate else "placed")
    assert isinstance(result, ConflictingResubmission), result
    return Answer(result.leaf_index, "conflict")


def test_acknowledged_is_durable_once(place: Place) -> None:
    """Every answer, receipt, proof and refusal is the one that a plain model gives."""
    machine = type("LedgerMachine", (LedgerMachine,), {"place": place})
    share = 0.5 if isinstance(place, SqlitePlace) else 0.12
    run_state_machine_as_test(machine, settings=settings(effort(share), stateful_step_count=30))
