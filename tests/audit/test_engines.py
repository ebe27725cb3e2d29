"""Do all ways of auditing come to one verdict, over a good copy and every changed one?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from ledger.audit.report import AuditReport
from ledger.entry import decode_entry
from ledger.merkle import leaf_hash
from ledger.tlog import Checkpoint, Signer, claimed_checkpoint, sign_checkpoint
from ledger.usage_index import placements
from services.audit.spark_engine import Spark
from tests.audit.copies import DUCKDB, SIZE, TILES, Auditor, Copy, by_spark, copy_of, honest
from tests.audit.logs import ORIGIN, SIGNER, entry
from tests.usage_index.reference import root_and_total

pytestmark = pytest.mark.timeout(300)


ENGINES: Final = ["tiles", "duckdb", pytest.param("spark", marks=pytest.mark.spark)]


@pytest.fixture(params=ENGINES)
def auditor(request: pytest.FixtureRequest) -> Auditor:
    if request.param == "spark":
        return by_spark(request.getfixturevalue("spark"))
    return {"tiles": TILES, "duckdb": DUCKDB}[request.param]


def changed(at: int, how: Callable[[bytes], bytes]) -> Callable[[Copy], list[bytes]]:
    def entries(copy: Copy) -> list[bytes]:
        found = copy.entries()
        found[at] = how(found[at])
        assert found != copy.entries()
        return found

    return entries


def other_purpose(data: bytes) -> bytes:
    return data.replace(b'"investigation"', b'"investigatioN"')


def swapped(copy: Copy) -> list[bytes]:
    found = copy.entries()
    found[41], found[60] = found[60], found[41]
    return found


def consistent(copy: Copy, entries: list[bytes]) -> Copy:
    """Leaf hashes of the changed entries, and all above them, under the old signature."""
    return Copy(list(enumerate(entries)), list(map(leaf_hash, entries)), copy.note)


def dropped(copy: Copy, at: int) -> Copy:
    return replace(copy, rows=[row for row in copy.rows if row[0] != at])


def doubled(copy: Copy, at: int) -> Copy:
    return replace(copy, rows=copy.rows[: at + 1] + copy.rows[at:])


def put_in(copy: Copy) -> Copy:
    return replace(copy, rows=[*copy.rows, (copy.size, entry(9_999))])


def truncated(copy: Copy) -> Copy:
    return replace(copy, rows=copy.rows[:-88])


def one_leaf(copy: Copy) -> Copy:
    return replace(copy, leaves=[*copy.leaves[:41], leaf_hash(b"other"), *copy.leaves[42:]])


def with_note(copy: Copy, signer: Signer, **changes: object) -> Copy:
    said = claimed_checkpoint(copy.note)
    members = {"origin": said.origin, "tree_size": said.tree_size, "root": said.root, **changes}
    return replace(copy, note=sign_checkpoint(Checkpoint(**members), signer))  # type: ignore[arg-type]


def signed(at: int, data: bytes) -> Callable[[Copy], Copy]:
    """What the operator itself signs: only its content can give it away."""
    return lambda copy: copy_of([*copy.entries()[:at], data, *copy.entries()[at + 1 :]])


COMMITS: Final = {
    "topic": "usage_index.committed.v1",
    "stream": "usage_index/main",
    "protected": {},
}


def committed(root: str, total: int) -> bytes:
    said = {"index": "usage-index/1", "tree_size": 2, "root": root, "total": total}
    return entry(41, event=said, **COMMITS)


# Name: the change, the checks that must fail, and where.
CHANGES: Final[dict[str, tuple[Callable[[Copy], Copy], set[str], int | None]]] = {
    "an entry is changed": (
        lambda copy: copy.with_entries(changed(41, other_purpose)(copy)),
        {"leaf hashes", "root"},
        41,
    ),
    "an entry is changed, and all hashes above it": (
        lambda copy: consistent(copy, changed(41, other_purpose)(copy)),
        {"root"},
        SIZE,
    ),
    "an entry is dropped": (lambda copy: dropped(copy, 300), {"entries"}, None),
    "the first entry is dropped": (lambda copy: dropped(copy, 0), {"entries"}, 0),
    "an entry stands twice": (lambda copy: doubled(copy, 300), {"entries"}, None),
    "an entry is put in": (put_in, {"entries"}, None),
    "the tail is cut off": (truncated, {"entries"}, 512),
    "two entries change places": (
        lambda copy: copy.with_entries(swapped(copy)),
        {"leaf hashes", "root"},
        41,
    ),
    "two entries change places, with their hashes": (
        lambda copy: consistent(copy, swapped(copy)),
        {"root"},
        SIZE,
    ),
    "a leaf hash is changed": (one_leaf, {"leaf hashes"}, 41),
    "another root is signed": (
        lambda copy: with_note(copy, SIGNER, root=bytes(32)),
        {"root"},
        SIZE,
    ),
    "another key signed": (
        lambda copy: with_note(copy, Signer(ORIGIN, bytes([1]) * 32)),
        {"checkpoint"},
        None,
    ),
    "an entry is none": (signed(41, entry(41)[:-1] + b" }"), {"form"}, 41),
    "an entry is no JSON": (signed(41, b""), {"form"}, 41),
    "an entry is another ledger's": (signed(41, entry(41, origin="other/main")), {"form"}, 41),
    "a version is left out": (signed(41, entry(41, version=2)), {"streams"}, 41),
    "a stream has two beginnings": (
        signed(41, entry(41).replace(b"000000000041", b"000000000011")),
        {"streams"},
        41,
    ),
    "a committed total is false": (signed(41, committed("00" * 32, 11)), {"usage index"}, 41),
    "a committed root is false": (signed(41, committed("00" * 32, 12)), {"usage index"}, 41),
    "a root is committed to before its entries": (
        lambda copy: signed(1, committed("00" * 32, 12))(copy),
        {"usage index"},
        1,
    ),
}


# Of these Spark is asked in every run; of all in `make test-all`, for it takes a second each.
ASKED_OF_SPARK: Final = {
    "an entry is changed",
    "an entry is dropped",
    "another root is signed",
    "an entry is none",
    "a version is left out",
    "a committed total is false",
}
CASES: Final = [
    pytest.param(
        name,
        change,
        marks=[pytest.mark.spark] * (name == "spark")
        + [pytest.mark.thorough] * (name == "spark" and change not in ASKED_OF_SPARK),
    )
    for name in ("tiles", "duckdb", "spark")
    for change in CHANGES
]


def failing(report: AuditReport) -> set[str]:
    """Checks that differ; tiles above, which Parquet does not have, left out."""
    return {item.name for item in report.checks if item.outcome == "differs"} - {"tiles"}


def test_good_copy_passes(auditor: Auditor, tmp_path: Path) -> None:
    """Nothing is found; what was not checked is said, by number and in words."""
    report = auditor.audit(copy_of(honest()), tmp_path / "copy")

    assert ("good", [], SIZE) == (report.to_object()["verdict"], report.findings, report.tree_size)
    assert SIZE == report.counts["entries"]
    assert 6 == report.counts["unread"], "entries that this release does not know are counted"
    outcomes = {item.name: item.outcome for item in report.checks}
    tiles = "ok" if auditor is TILES else "not checked"
    assert ("not checked", tiles) == (outcomes.pop("older"), outcomes.pop("tiles"))
    assert {"ok"} == set(outcomes.values())
    assert any("another history" in item for item in report.not_checked)


@pytest.mark.parametrize(("auditor", "change"), CASES, indirect=["auditor"])
def test_every_change_is_refused(auditor: Auditor, tmp_path: Path, change: str) -> None:
    """By the same checks, whoever audits; and the place is named."""
    how, checks, where = CHANGES[change]
    report = auditor.audit(how(copy_of(honest())), tmp_path / "copy")

    assert not report.good
    assert checks == failing(report)
    assert len(report.findings) <= report.differences
    if where is not None:
        assert where in [finding.where for finding in report.findings]


@pytest.mark.parametrize(
    ("size", "how", "outcome"),
    [
        (1, honest, "ok"),
        (300, honest, "ok"),
        (300, lambda size: [entry(number + 1) for number in range(size)], "differs"),
        (SIZE + 1, honest, "differs"),
    ],
)
def test_older_checkpoint_is_held_against_it(
    auditor: Auditor, tmp_path: Path, size: int, how: Callable[[int], list[bytes]], outcome: str
) -> None:
    """A log adds to what was seen before, or it is named: rewritten, or cut off."""
    older = copy_of(how(size)).note
    report = auditor.audit(copy_of(honest()), tmp_path / "copy", older=older)

    assert (outcome == "ok") == report.good
    assert outcome == report.checks[1].outcome
    assert [] == [item.where for item in report.findings if item.where != size]


def test_right_commitment_passes(auditor: Auditor, tmp_path: Path) -> None:
    """A root that follows from the entries is made anew; the reference is of the format's text."""
    good = copy_of(honest())
    registers: dict[bytes, list[bytes]] = {}
    for data in good.entries()[:2]:
        for key in placements(decode_entry(data).fact()):
            registers.setdefault(key, []).append(leaf_hash(data))
    root, total = root_and_total(registers)
    report = auditor.audit(signed(41, committed(root.hex(), total))(good), tmp_path / "copy")

    assert [] == report.findings
    assert "ok" == report.checks[-1].outcome
    assert 1 == report.counts["usage_roots"]


@pytest.mark.parametrize(
    ("auditor", "size"),
    [(TILES, size) for size in (0, 1, 255, 256, 257, 65_536, 65_536 + 300)]
    + [(DUCKDB, size) for size in (0, 1, 257, 65_536 + 300)],
    ids=lambda item: item.name if isinstance(item, Auditor) else str(item),
)
def test_trees_of_every_shape_pass(auditor: Auditor, tmp_path: Path, size: int) -> None:
    """Empty, within a tile, at its edge, and beyond one slice."""
    some = honest(size) if size < 1_000 else [entry(number) for number in range(size)]
    report = auditor.audit(copy_of(some), tmp_path / "copy")

    assert ([], size) == (report.findings, report.tree_size)
    assert {"ok", "not checked"} >= {item.outcome for item in report.checks}
    assert size == report.counts.get("entries", 0)


def test_spark_tells_slices_apart(spark: Spark, tmp_path: Path) -> None:
    """Each task has its own file, and the driver puts together what they hash to."""
    good = copy_of([entry(number) for number in range(65_536 + 300)])
    bad = good.with_entries(changed(65_540, other_purpose)(good))

    assert [] == by_spark(spark).audit(good, tmp_path / "good").findings
    report = by_spark(spark).audit(bad, tmp_path / "bad")
    assert [65_540, good.size] == [item.where for item in report.findings]
