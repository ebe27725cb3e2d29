"""Does an audit see every false root, and every hand that was laid on the usage index?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ledger.canonical_json import decode, encode
from ledger.domain.base import Provenance
from ledger.store.audit import audit_ledger
from ledger.store.usage_roots import KeptRoot
from ledger.usage_index import Commitment
from tests.indexed import Index
from tests.ledgers import ORIGIN, SIGNER, Place
from tests.store.audited import Audited, report

Tampering = Callable[["Indexed"], tuple[str, int | str | None]]


class Indexed(Audited):
    """A ledger whose usage index is kept, with roots committed in its middle and at its end."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.index = Index(self.ledger, self.store, self.views)

    def commit(self) -> KeptRoot:
        self.fold()
        self.index.fold(batch=70)
        return self.index.commit()

    def commit_to(self, commitment: Commitment) -> int:
        """An entry of the log that commits to anything at all."""
        told = Provenance(reporter=ORIGIN, recorded_us=self.ledger.now_us())
        entry = self.ledger.registrar.commit_index(commitment, told)
        return self.ledger.append(entry).leaf_index


@pytest.fixture
def indexed(place: Place) -> Indexed:
    indexed = Indexed(place)
    indexed.live()
    indexed.middle = indexed.commit()  # type: ignore[attr-defined]
    indexed.ledger.report(*(report(number) for number in range(3_000, 3_020)))
    indexed.last = indexed.commit()  # type: ignore[attr-defined]
    indexed.ledger.report(report(4_000))
    indexed.fold()
    indexed.index.fold()
    return indexed


def test_every_committed_root_is_made_anew(indexed: Indexed) -> None:
    """Nothing is found, and it is told how many roots and nodes were looked at."""
    found = indexed.audit()

    assert [] == found.findings
    assert 2 == found.counts["usage_roots"]
    assert found.counts["usage_nodes"] > 100


def test_index_that_lags_is_no_difference(indexed: Indexed) -> None:
    """Roots are made anew as far as the views reach, whatever is kept."""
    indexed.index.writer.drop()

    assert [] == indexed.audit().findings
    assert 2 == indexed.audit().counts["usage_roots"]


def test_root_that_is_committed_meanwhile_is_no_difference(indexed: Indexed) -> None:
    """A server goes on while it is audited; what it marks then belongs to the next audit."""

    def meanwhile(_stage: str, _done: int, _total: int) -> None:
        if not late:
            late.append(indexed.index.commit())

    late: list[KeptRoot] = []
    vkey = SIGNER.verifier_key
    found = audit_ledger(indexed.store, indexed.views, vkey=vkey, origin=ORIGIN, progress=meanwhile)

    assert late
    assert [] == found.findings


def false_root(on: Indexed) -> tuple[str, int | str | None]:
    right = on.index.roots.keep_newest().commitment
    return "usage_index", on.commit_to(replace(right, root=bytes(32)))


def false_total(on: Indexed) -> tuple[str, int | str | None]:
    right = on.index.roots.keep_newest().commitment
    return "usage_index", on.commit_to(replace(right, total=right.total - 1))


def false_performers(on: Indexed) -> tuple[str, int | str | None]:
    right = on.index.roots.keep_newest().commitment
    placed, withdrawn = right.performers
    return "usage_index", on.commit_to(
        replace(right, performers=(placed._replace(hash=bytes(32)), withdrawn))
    )


def root_ahead_of_itself(on: Indexed) -> tuple[str, int | str | None]:
    right = on.index.roots.keep_newest().commitment
    return "usage_index", on.commit_to(replace(right, tree_size=on.size + 5))


def stored_root(on: Indexed) -> tuple[str, int | str | None]:
    size = on.middle.tree_size  # type: ignore[attr-defined]
    on.sql("UPDATE view_usage_root SET total = total - 1 WHERE tree_size = ?", size)
    return "view_usage_root", size


def stored_root_of_another_entry(on: Indexed) -> tuple[str, int | str | None]:
    size = on.middle.tree_size  # type: ignore[attr-defined]
    on.sql("UPDATE view_usage_root SET leaf_index = 3 WHERE tree_size = ?", size)
    return "view_usage_root", size


def node(on: Indexed) -> tuple[str, int | str | None]:
    ((node_id, data),) = on.sql(
        "SELECT node_id, node FROM view_usage_node ORDER BY node_id DESC LIMIT 1"
    )
    changed = bytes(data)[:-1] + bytes([bytes(data)[-1] ^ 1])
    on.sql("UPDATE view_usage_node SET node = ? WHERE node_id = ?", changed, node_id)
    return "view_usage_node", node_id


def node_gone(on: Indexed) -> tuple[str, int | str | None]:
    ((node_id,),) = on.sql("SELECT max(node_id) FROM view_usage_node")
    on.sql("DELETE FROM view_usage_node WHERE node_id = ?", node_id)
    return "view_usage_node", node_id


def position(on: Indexed) -> tuple[str, int | str | None]:
    on.sql("UPDATE view_usage_position SET total = total + 1")
    return "view_usage_position", None


def source_heard(on: Indexed) -> tuple[str, int | str | None]:
    on.sql("INSERT INTO view_usage_source VALUES ('agencies/a', 'sources/none', 7, 1, 1)")
    return "view_usage_source", "agency=agencies/a, source=sources/none, slot=7"


@pytest.mark.parametrize(
    "tamper",
    [
        false_root,
        false_total,
        false_performers,
        root_ahead_of_itself,
        stored_root,
        stored_root_of_another_entry,
        node,
        node_gone,
        position,
        source_heard,
    ],
)
def test_tampering_is_named(indexed: Indexed, tamper: Tampering) -> None:
    """The first difference names what was changed, and where."""
    what, where = tamper(indexed)
    indexed.fold()
    found = indexed.audit()

    assert (what, where) in [(one.what, one.where) for one in found.findings], found.findings


def test_withheld_performer_leaves_roots_unchecked(indexed: Indexed) -> None:
    """Family 05 rests on what is disclosed: an erasure is no false root, and is told of."""
    (row,) = indexed.store.read_entries(20, 1, with_disclosures=True)
    kept = decode(row.disclosures or b"")
    del kept["performer"]
    indexed.sql("UPDATE disclosures SET fields = ? WHERE leaf_index = 20", encode(kept))
    indexed.index.views.drop()  # as an erasure does, for a view must not show it either
    indexed.fold()
    found = indexed.audit()

    assert [] == found.findings
    assert any("no longer disclose their performer" in item for item in found.not_checked)
