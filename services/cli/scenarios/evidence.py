"""What does an oversight body ask of a story, and who proves the answer? One bundle a question.

Replay ──numbered questions──► bundle, every entry in it ──candour-verify──► answer
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger.events import StatementMade
from ledger.inquiries.table import FINDINGS, inquiry_of
from ledger.inquiry_evidence import build_inquiry_bundle
from ledger.store.core import Published
from ledger.store.view_queries import ViewReader
from ledger.tlog import parse_trust_policy
from ledger.verify.report import VERIFIED
from ledger.verify.verifier import verify_bundle
from services.cli.failures import CommandFailed
from services.cli.scenarios.replay import TRUST, Replay
from services.cli.scenarios.scenario import Scenario

RULES: Final = "findings"
DENIAL: Final = "denial"
THEN: Final = "checkpoint-when-they-spoke"


@dataclass(frozen=True, slots=True)
class Question:
    """One that is asked in every variant.

    Members:
        number: In the table of questions.
        about: Its parameters, of agency and technology.
        then: Asked as of the tree that stood when the denial was made; else, of all there is.
    """

    number: int
    about: tuple[str, ...] = ("agency", "technology")
    then: bool = False


# By what its bundle is called. 3 is asked of each statement, beside these.
QUESTIONS: Final[Mapping[str, Question]] = {
    "known-then": Question(1, then=True),
    "coverage-then": Question(2, then=True),
    "cross-border": Question(9),
    "trial": Question(7),
    "breach": Question(12),
    "after-suspension": Question(11),
    "vendor-log": Question(17, ("agency",)),
    RULES: Question(FINDINGS, ("agency",)),
}


@dataclass(frozen=True, slots=True)
class Proven:
    """An answer, and the file that proves it."""

    answer: Mapping[str, Any]
    bundle: Path


@dataclass(frozen=True, slots=True)
class Statement:
    """Words that were said in public, and what the record says of them."""

    id: str
    made_at: str | None
    polarity: str
    proven: Proven

    @property
    def judged(self) -> Mapping[str, Any]:
        (found,) = self.proven.answer["statements"]
        assert isinstance(found, Mapping)
        return found


@dataclass(frozen=True, slots=True)
class Case:
    """All that was asked of one variant.

    Members:
        then_size: Entries when the denial was made.
        trust, then: What a reader checks by: keys, and the checkpoint that stood then.
    """

    scenario: Scenario
    variant: str
    answers: Mapping[str, Proven]
    statements: tuple[Statement, ...]
    then_size: int
    trust: Path
    then: Path

    @property
    def denial(self) -> Statement:
        return next(one for one in self.statements if one.id == self.scenario.denial)

    @property
    def bundles(self) -> list[Path]:
        """What a person is shown: the denial's first."""
        return [self.denial.proven.bundle, *(one.bundle for one in self.answers.values())]


def ask_all(replay: Replay, scenario: Scenario, variant: str, folder: Path) -> Case:
    """Ask every question, write its bundle into `folder`, and check it as a stranger would.

    Raises:
        CommandFailed: A bundle does not verify.
    """
    then_size = replay.leaves[scenario.denial]
    proving = _Proving(replay, folder, then_size)
    scope = {"agency": scenario.agency, "technology": scenario.technology}
    answers = {
        name: proving.prove(
            name,
            asked.number,
            {member: scope[member] for member in asked.about},
            then_size if asked.then else replay.size,
        )
        for name, asked in QUESTIONS.items()
        if name != "vendor-log" or scenario.variants[variant].log is not None
    }
    statements = []
    for told in sorted(scenario.told, key=lambda told: told.id):
        if isinstance(told.fact, StatementMade):
            name = DENIAL if told.id == scenario.denial else f"statement-{told.id.lower()}"
            proven = proving.prove(name, 3, {"statement": told.fact.statement}, replay.size)
            statements.append(Statement(told.id, told.made_at, told.fact.polarity, proven))
    return Case(
        scenario, variant, answers, tuple(statements), then_size, proving.trust, proving.then
    )


class _Proving:
    """Asks one ledger, and writes what it answers with the evidence.

    Members:
        then: The checkpoint that stood when the denial was made; later answers show growth from it.
    """

    def __init__(self, replay: Replay, folder: Path, then_size: int) -> None:
        self.replay, self.folder = replay, folder
        self.trust, self.then = folder / TRUST, folder / THEN
        self.then.write_bytes(self._published(then_size).note)
        self._policy = parse_trust_policy(self.trust.read_bytes())

    def prove(self, name: str, number: int, given: Mapping[str, Any], tree_size: int) -> Proven:
        """The answer to one question, in a bundle that a stranger has accepted.

        It holds every entry of its tree: what is not in it was not in the ledger.
        """
        hosted = self.replay.hosted
        data = build_inquiry_bundle(
            hosted.log,
            ViewReader(self.replay.engine, hosted.store),
            inquiry_of(number).ask(tree_size, given),
            self._published(tree_size),
            signer=hosted.keys.answers,
            complete=True,
            older=self.then.read_bytes(),
        )
        path = self.folder / f"{name}.json"
        path.write_bytes(data)
        report = verify_bundle(data, self._policy, older=self.then.read_bytes())
        if report.verdict != VERIFIED or report.answer is None:
            raise CommandFailed(f"{path} does not verify: {report.reason}")
        return Proven(report.answer, path)

    def _published(self, tree_size: int) -> Published:
        found = self.replay.hosted.store.published(tree_size=tree_size)
        assert found is not None, "every tree of a story is published"
        return found
