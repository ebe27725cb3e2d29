"""Are committed roots of a real ledger made anew from its entries alone, pseudonyms unseen?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.audit.report import AuditReport
from ledger.commands import ReportToolUse
from ledger.domain.base import Provenance
from ledger.store.tile_export import export_tiles
from ledger.usage_index import Commitment, Ref
from services.audit.sources import Folder
from services.audit.tiles import TileAudit
from tests import strategies as told
from tests.indexed import Index
from tests.ledgers import ORIGIN, SIGNER, SqlitePlace
from tests.store.audited import Audited, report


class Indexed(Audited):
    """A ledger with a past, whose roots are committed now and then."""

    def __init__(self, place: SqlitePlace) -> None:
        super().__init__(place)
        self.index = Index(self.ledger, self.store, self.views)

    def commit(self) -> Commitment:
        self.fold()
        self.index.fold(batch=70)
        return self.index.commit().commitment

    def root(self) -> Commitment:
        """What may be committed to, truly."""
        self.fold()
        self.index.fold(batch=70)
        return self.index.roots.keep_newest().commitment

    def commit_to(self, commitment: Commitment) -> int:
        """An entry that commits to anything at all; its leaf index."""
        by = Provenance(reporter=ORIGIN, recorded_us=self.ledger.now_us())
        return self.ledger.append(self.ledger.registrar.commit_index(commitment, by)).leaf_index

    def audited(self, folder: Path) -> AuditReport:
        """By a stranger, from the exported tiles."""
        self.publish()
        export_tiles(self.store, folder, vkey=SIGNER.verifier_key)
        return TileAudit(Folder(folder), SIGNER.verifier_key).run()


@pytest.fixture
def indexed(tmp_path: Path) -> Iterator[Indexed]:
    place = SqlitePlace(tmp_path)
    yield Indexed(place)
    place.close()


def unnamed(number: int) -> ReportToolUse:
    return replace(report(number), performer=None)


def test_all_roots_of_a_past_are_made_anew(indexed: Indexed, tmp_path: Path) -> None:
    """With withdrawals, links and performers; what rests on pseudonyms is said."""
    indexed.ledger.tell([told.Declare(0)])
    indexed.commit()
    indexed.live()
    indexed.commit()
    indexed.ledger.report(*(report(number) for number in range(3_000, 3_020)))
    indexed.ledger.tell([told.Withdraw(7), told.Link(8, "authorizations/k")])
    indexed.commit()
    found = indexed.audited(tmp_path / "log")

    assert [] == found.findings
    assert ("ok", 3) == (found.checks[-1].outcome, found.counts["usage_roots"])
    assert any("pseudonym" in item for item in found.not_checked)


def test_without_performers_nothing_is_left_unseen(indexed: Indexed, tmp_path: Path) -> None:
    """Family agency+performer follows from entries, too, where nobody is named."""
    indexed.ledger.tell([told.Declare(0)])
    indexed.ledger.report(*(unnamed(number) for number in range(20)))
    indexed.commit()
    assert indexed.audited(tmp_path / "log").good

    indexed.ledger.report(unnamed(20))
    right = indexed.root()
    placed, withdrawn = right.performers
    lie = replace(right, root=bytes(32), performers=(Ref(0, placed.total, bytes(32)), withdrawn))
    where = indexed.commit_to(lie)
    found = indexed.audited(tmp_path / "log")
    assert [where] == [item.where for item in found.findings]
    assert not any("pseudonym" in item for item in found.not_checked)


@pytest.mark.parametrize("what", ["root", "total", "performers", "size"])
def test_false_commitment_is_named(indexed: Indexed, tmp_path: Path, what: str) -> None:
    """Whichever of its members is false, and however well the others fit."""
    indexed.ledger.tell([told.Declare(0)])
    indexed.ledger.report(*(report(number) for number in range(20)))
    right = indexed.root()
    placed, withdrawn = right.performers
    lies = {
        "root": replace(right, root=bytes(32)),
        "total": replace(right, total=right.total + 1),
        "performers": replace(right, performers=(Ref(0, placed.total + 1, placed.hash), withdrawn)),
        "size": replace(right, tree_size=right.tree_size - 1),
    }
    where = indexed.commit_to(lies[what])
    found = indexed.audited(tmp_path / "log")

    assert [("usage_index", where)] == [(item.what, item.where) for item in found.findings]
    assert "differs" == found.checks[-1].outcome


def test_commitment_that_does_not_close_performers_is_said(
    indexed: Indexed, tmp_path: Path
) -> None:
    """Its total is compared, and no more: that is neither a yes nor a difference."""
    indexed.ledger.tell([told.Declare(0)])
    indexed.ledger.report(*(report(number) for number in range(20)))
    right = indexed.root()
    empty = Ref(0, 0, b"")
    indexed.commit_to(replace(right, performers=(empty, empty)))
    found = indexed.audited(tmp_path / "log")

    assert [] == found.findings
    assert "not checked" == found.checks[-1].outcome
    assert any("totals alone" in item for item in found.not_checked)
