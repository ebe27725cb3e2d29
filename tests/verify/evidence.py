"""A small real ledger, and the evidence it gives: honest, or bent and signed all the same.

Ledger on SQLite ──build_bundle──► bundle ──opened──► object ──bent──► signed ──► bundle
"""

from __future__ import annotations

import copy
from base64 import b64encode
from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from ledger.canonical_json import decode, encode
from ledger.commands import Masked, Performer, ReportToolUse
from ledger.disclosure import Disclosure
from ledger.entry import decode_entry
from ledger.events import (
    AuthorizationGranted,
    Interval,
    Occurred,
    SourceRegistered,
    TechnologyRegistered,
    ToolUseReported,
)
from ledger.evidence import build_bundle
from ledger.merkle import TileTree, leaf_hash
from ledger.projections.answers import answer
from ledger.projections.questions import Question
from ledger.rules.fold import JudgedFold
from ledger.store.core import Published
from ledger.store.view_queries import ViewReader
from ledger.store.view_writer import ViewWriter
from ledger.tlog import (
    Checkpoint,
    Signer,
    answers_name,
    format_trust,
    parse_trust_policy,
    sign,
    sign_checkpoint,
)
from ledger.verify.bundle import FORMAT, signed_text
from ledger.verify.report import Report
from ledger.verify.verifier import verify_bundle
from tests import strategies as told
from tests.ledgers import ORIGIN, SIGNER, Ledger, SqlitePlace

ANSWERS: Final = Signer(answers_name(ORIGIN), bytes([7]) * 32)
STRANGER: Final = Signer(answers_name(ORIGIN), bytes([8]) * 32)
TRUST: Final = format_trust(log=SIGNER.verifier_key, answers=ANSWERS.verifier_key)
POLICY: Final = parse_trust_policy(TRUST.encode())

FILTERS: Final = (
    "",
    "agency = agencies/a",
    "technology = technologies/u",
    "technology = none",
    'case_number = "24-1"',
    'case_number != "24-1"',
    "occurred >= 2026-02-01 AND occurred < 2026-03-01",
    "authorization = authorizations/k",
    "agency = agencies/nobody",
)

Object = dict[str, Any]


def report(number: int) -> ReportToolUse:
    """Times, performers and technologies known and unknown, cases shared by several."""
    occurred = (
        Occurred(earliest=f"2026-0{1 + number % 3}-01T00:00:0{number % 10}Z", latest=None),
        Occurred(earliest="2026-02-03T00:00:00Z", latest="2026-02-03T00:00:00Z"),
        Occurred(date="2026-02-28"),
        None,
    )[number % 4]
    return ReportToolUse(
        use=ToolUseReported(
            agency=told.AGENCIES[number % 2],
            technology=(*told.TECHNOLOGIES[:2], None)[number % 3],
            occurred=occurred,
            unit="traffic" if number % 5 else None,
        ),
        source="sources/s",
        source_event_id=str(number),
        capture="live",
        performer=(Performer(user_id=f"user {number % 2}"), Masked("***"), None)[number % 3],
        protected={"reason": "Überprüfung", "case_number": f"24-{number % 4}"},
    )


class SmallLedger:
    """A ledger with every kind of change in it, and its views."""

    def __init__(self, folder: Path, *, seed: int = 0) -> None:
        self.place = SqlitePlace(folder)
        self.store, self.engine = self.place.begin()
        self.ledger = Ledger(self.store, seed=seed)

    def live(self) -> None:
        self.ledger.register_agencies()
        self.ledger.register(
            "technologies/t", TechnologyRegistered(technology="technologies/t", name="Reader")
        )
        self.ledger.register("sources/s", SourceRegistered(source="sources/s", name="Portal"))
        self.ledger.register(
            "authorizations/k",
            AuthorizationGranted(
                authorization="authorizations/k",
                agency="agencies/a",
                kind="warrant",
                valid=Interval(),
                identifier="W-1",
            ),
        )
        self.ledger.tell(
            [
                told.Alias("technologies/t", "technologies/u"),
                told.Declare(0),
                told.Report(tuple(report(number) for number in range(9))),
                told.Report(tuple(report(number) for number in range(9, 12)), 0),
                told.Link(0, "authorizations/k"),
                told.Withdraw(0),
                told.Link(1, "authorizations/k"),
                told.Link(1, "authorizations/l"),
                told.SameAs(2, 3),
                told.Declare(1),
                told.Report(tuple(report(number) for number in range(12, 15)), 1),
                told.WithdrawImport(1),
            ]
        )
        self.fold()

    def fold(self) -> None:
        ViewWriter(self.engine, self.store).catch_up(batch=7)

    @property
    def size(self) -> int:
        return self.store.head().tree_size

    @cached_property
    def listed(self) -> bytes:
        """A list with disclosures: not all entries, and the names they use."""
        return self.bundle("agency = agencies/a", disclose=["reason"])

    @cached_property
    def complete(self) -> bytes:
        """A summary with every entry there is."""
        return self.bundle("agency = agencies/a", "technology", complete=True)

    def item(self, leaf_index: int) -> Object:
        """One entry as a bundle holds it, proven under the head."""
        (row,) = self.store.entries_at([leaf_index])
        proof = self.ledger.log.tree(self.size).inclusion_proof(leaf_index)
        return {
            "disclosures": [],
            "entry": row.entry.decode(),
            "leaf_index": leaf_index,
            "proof": [b64encode(sibling).decode() for sibling in proof],
        }

    def bundle(
        self,
        text: str = "",
        by: str | None = None,
        *,
        disclose: Collection[str] = (),
        complete: bool = False,
        tree_size: int | None = None,
        older: int | None = None,
    ) -> bytes:
        """The evidence that a service gives, under a checkpoint over the head."""
        head = self.store.head()
        asked = Question.ask(text, head.tree_size if tree_size is None else tree_size, by)
        return build_bundle(
            self.ledger.log,
            ViewReader(self.engine, self.store),
            asked,
            Published(head.tree_size, self.ledger.log.checkpoint(head), 0),
            signer=ANSWERS,
            disclose=disclose,
            complete=complete,
            older=None if older is None else self.checkpoint(older),
        )

    def checkpoint(self, tree_size: int) -> bytes:
        """The checkpoint that was signed at a size."""
        root = self.ledger.log.tree(tree_size).root()
        return sign_checkpoint(Checkpoint(ORIGIN, tree_size, root), SIGNER)


def opened(bundle: bytes) -> Object:
    """The JSON object of a bundle."""
    found: Object = decode(bundle)
    return found


def signed(found: Object, signer: Signer = ANSWERS) -> bytes:
    """An object as a bundle that `signer` stands by, whatever is in it."""
    body = {name: value for name, value in found.items() if name not in ("signed", "timestamps")}
    note = sign(signed_text(body.get("origin", ORIGIN), encode(body)), [signer])
    return encode({**found, "signed": note.decode()}) + b"\n"


def remade(found: Object) -> bytes:
    """What a service gives that answers from just the entries and values in the object."""
    fold = JudgedFold()
    for item in found["entries"]:
        shown = {shown["field"]: shown["value"] for shown in item["disclosures"]}
        fold.add(item["leaf_index"], decode_entry(item["entry"].encode()), shown)
    question = Question.from_object(found["question"])
    return signed({**found, "answer": answer(question, fold)})


def forged(entries: Sequence[tuple[bytes, list[Disclosure]]], question: Object) -> Object:
    """Any entries at all, in a tree that holds nothing else: what both keys together can do."""
    leaves = b"".join(leaf_hash(entry) for entry, _ in entries)
    tree = TileTree(len(entries), lambda _level, _index, width: leaves[: 32 * width])
    return {
        "answer": {},
        "checkpoint": sign_checkpoint(
            Checkpoint(ORIGIN, len(entries), tree.root()), SIGNER
        ).decode(),
        "entries": [
            {
                "disclosures": [one.to_object() for one in shown],
                "entry": entry.decode(),
                "leaf_index": at,
                "proof": [b64encode(sibling).decode() for sibling in tree.inclusion_proof(at)],
            }
            for at, (entry, shown) in enumerate(entries)
        ],
        "format": FORMAT,
        "origin": ORIGIN,
        "question": question,
    }


def bent(bundle: bytes, change: Callable[[Object], None]) -> tuple[bytes, bytes]:
    """A bundle after a change: with the old signature, and signed anew by the answers key."""
    found = copy.deepcopy(opened(bundle))
    change(found)
    return encode(found) + b"\n", signed(found)


def checked(bundle: bytes) -> Report:
    return verify_bundle(bundle, POLICY)
