"""Is every untruth among a ledger's listings found, and convicted where two signatures do?"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ledger.directory import ListingCheck, read_listing, rising_roots
from ledger.merkle import EMPTY_ROOT, Frontier
from ledger.tlog import Equivocation
from tests.directory.listings import LEDGER, OTHER, Tree, entry_of, signed

KEY = LEDGER.verifier_key


def tree_of(size: int) -> Tree:
    tree = Tree()
    tree.append(*(b"%d" % number for number in range(size)))
    return tree


TREE = tree_of(20)


def root(size: int) -> bytes:
    return Frontier().extended(TREE.leaves[:size]).root()


def checked(*notes: bytes, size: int = 20, versions: Sequence[int] | None = None) -> ListingCheck:
    """A check of these listings, in this order, against the first `size` entries."""
    hashes = iter([TREE.leaves[:size][at : at + 3] for at in range(0, size, 3)])
    check = ListingCheck(KEY.name, KEY, rising_roots(hashes))
    for place, note in enumerate(notes):
        version = place + 1 if versions is None else versions[place]
        check.add(read_listing(entry_of(note, version), place))
    return check


def said(check: ListingCheck) -> list[str]:
    return [finding.sentence for finding in check.findings]


@given(st.sets(st.integers(0, 20), max_size=12))
def test_true_listings_pass(sizes: set[int]) -> None:
    """Any sizes that rise, each under the root that the entries give."""
    check = checked(*(signed(LEDGER, size, root(size)) for size in sorted(sizes)))

    assert (0, len(sizes)) == (check.differences, check.listed)
    newest = None if check.newest is None else check.newest.checkpoint.tree_size
    assert max(sizes, default=None) == newest


def test_other_root_is_found() -> None:
    """A listed root that the ledger's entries do not give."""
    check = checked(signed(LEDGER, 3, root(3)), signed(LEDGER, 5, b"x" * 32))
    assert ["lists another root for size 5 than the ledger's entries give"] == said(check)


def test_history_that_is_gone_is_found() -> None:
    """The ledger holds fewer entries than are listed."""
    check = checked(signed(LEDGER, 3, root(3)), signed(LEDGER, 12, root(12)), size=9)
    assert ["lists size 12, and the ledger holds less"] == said(check)


def test_second_root_for_a_size_convicts() -> None:
    """Both notes are kept, and anybody with the ledger's key can check the pair."""
    one, other = signed(LEDGER, 5, root(5)), signed(LEDGER, 5, b"x" * 32)
    check = checked(one, other)

    assert ["lists a second root for size 5, after entry 0; both signed by the ledger's key"] == (
        said(check)
    )
    (found,) = check.equivocations
    again = Equivocation.parse(found.marshal(), [KEY])
    assert {root(5), b"x" * 32} == {again.older.checkpoint.root, again.newer.checkpoint.root}


def test_listing_twice_and_going_back_are_found() -> None:
    """A directory lists each checkpoint once, and a ledger only grows."""
    check = checked(*(signed(LEDGER, size, root(size)) for size in (5, 5, 3, 8)))

    assert [
        "lists size 5 a second time",
        "lists size 3 after size 5: the ledger began anew from an older state",
    ] == said(check)
    assert check.newest is not None
    assert 8 == check.newest.checkpoint.tree_size


def test_missing_number_is_found() -> None:
    """A listing that was taken out leaves a gap in the numbers."""
    notes = [signed(LEDGER, size, root(size)) for size in (1, 2)]
    assert ["is listing 3 of this ledger, and stands where number 2 must"] == said(
        checked(*notes, versions=(1, 3))
    )


def test_foreign_signature_is_found() -> None:
    """The name of the ledger, signed by somebody else."""
    stranger = signed(LEDGER, 4, root(4)).replace(b"\n4\n", b"\n6\n")
    check = checked(stranger)

    assert said(check)[0].startswith("is not signed by the ledger's key: ")
    assert [] == check.equivocations


def test_without_a_key_nobody_is_convicted() -> None:
    """Signatures are not checked then, and contradictions are found all the same."""
    check = ListingCheck(KEY.name, None, None)
    for place, text in enumerate((EMPTY_ROOT, b"x" * 32)):
        check.add(read_listing(entry_of(signed(LEDGER, 5, text), place + 1), place))

    assert ["lists a second root for size 5, after entry 0; not both signed by its key"] == (
        said(check)
    )
    assert not check.convict(signed(OTHER, 5, EMPTY_ROOT), signed(OTHER, 5, b"x" * 32))
