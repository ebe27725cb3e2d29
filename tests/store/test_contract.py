"""What does a ledger ask of its store? The contract, over both databases.

Reads are compared with plain lists; writes race from threads and from several stores on one
database, as front-ends do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Refused
from ledger.merkle import HASH_BYTES, leaf_hash, root_at
from ledger.store.core import (
    Clash,
    Held,
    LedgerStore,
    NewEntry,
    PerformerRecord,
    Placed,
    Published,
    StoredEntry,
    StreamConflict,
    Tracking,
)
from ledger.store.postgres_steps import STEPS
from tests.laws.trees import check_tree
from tests.ledgers import Place, PostgresPlace, SqlitePlace
from tests.postgres import create_database, drop_database
from tests.store.olden import OldenPlace

Result = TypeVar("Result")
DIGESTS = [leaf_hash(b"%d" % number) for number in range(40)]


@pytest.fixture(
    scope="module",
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        # As release 0.1.0 began it; and with partitions that a test crosses.
        pytest.param(1, marks=(pytest.mark.postgres, pytest.mark.thorough)),
        pytest.param(STEPS[-1].number, marks=(pytest.mark.postgres, pytest.mark.thorough)),
    ],
    ids=lambda param: param if isinstance(param, str) else f"schema-{param}",
)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """As everywhere, and ledgers at both ends of what this release works on."""
    if request.param == "sqlite":
        found: Place = SqlitePlace(tmp_path_factory.mktemp("place"))
        yield found
        found.close()
        return
    server = request.getfixturevalue("postgres_server")
    url = create_database(server)
    found = PostgresPlace(url) if request.param == "postgres" else OldenPlace(url, request.param)
    yield found
    found.close()
    drop_database(server, url)


def entry_of(
    stream: str = "tool_use/x",
    version: int = 1,
    *,
    says: bytes = b"",
    fresh: bool = False,
    identity: bytes | None = None,
    content: bytes | None = None,
    replaces: int | None = None,
) -> NewEntry:
    data = f"{stream} {version} ".encode() + says
    return NewEntry(
        stream, version, f"topic.{version % 3}", data, leaf_hash(data),
        fresh, identity, content, b"kept " + says if says else None, replaces,
    )  # fmt: skip


def at_once(tasks: Iterable[Callable[[], Result]]) -> list[Result]:
    """What each task returned; all of them began together."""
    waiting = list(tasks)
    barrier = threading.Barrier(len(waiting))

    def run(task: Callable[[], Result]) -> Result:
        barrier.wait()
        return task()

    with ThreadPoolExecutor(len(waiting)) as pool:
        return list(pool.map(run, waiting))


# --- appending ----------------------------------------------------------------------


def test_append_says_what_became_of_each(place: Place) -> None:
    """Placed in order, held where the identity is known, clashed where the version is taken."""
    store, _ = place.begin()
    one, two, three = DIGESTS[:3]
    outcomes, head = store.append(
        [
            entry_of("a/1", identity=one, content=two),
            entry_of("a/1"),
            entry_of("b/1", identity=one, content=two),
            entry_of("b/1", identity=one, content=three),
            entry_of("b/1"),
            entry_of("b/1", 2),
            entry_of("c/1", identity=three),
        ]
    )
    assert [
        Placed(0),
        Clash("a/1", 1),
        Held(0, same=True),
        Held(0, same=False),
        Placed(1),
        Placed(2),
        Placed(3),
    ] == outcomes
    assert 4 == head.tree_size
    again, same_head = store.append(
        [
            entry_of("d/1", identity=one, content=two),
            entry_of("d/1", identity=three),
            entry_of("b/1"),
        ]
    )
    assert [Held(0, same=True), Held(3, same=None), Clash("b/1", 1)] == again
    assert head == same_head == store.head()
    check_tree(store, of_entries=False)


def test_nothing_follows_what_was_not_placed(place: Place) -> None:
    """A version that was decided on one that is held, or clashes, is not placed after a gap."""
    store, _ = place.begin()
    one, two = DIGESTS[:2]
    store.append([entry_of("a/1"), entry_of("b/1"), entry_of("b/1", 2, identity=one)])
    outcomes, head = store.append(
        [
            entry_of("a/1"),
            entry_of("a/1", 2),
            entry_of("a/1", 3),
            entry_of("b/1", 3, identity=one),
            entry_of("b/1", 4),
            entry_of("c/1"),
            entry_of("c/1", 2, identity=two),
        ]
    )
    assert [
        *(Clash("a/1", version) for version in (1, 2, 3)),
        Held(2, same=None),
        Clash("b/1", 4),
        Placed(3),
        Placed(4),
    ] == outcomes
    assert 5 == head.tree_size
    assert store.misnumbered(5) is None


def test_identity_passes_to_what_replaces(place: Place) -> None:
    """A replacement takes the identity over, once; the first entry stays where it is."""
    store, _ = place.begin()
    one = DIGESTS[0]
    store.append([entry_of("a/1", identity=one, says=b"first")])
    anew = [entry_of(f"a/{n}", identity=one, content=DIGESTS[n], replaces=0) for n in (2, 3, 2)]

    assert [Placed(1), Held(1, same=False), Held(1, same=True)] == store.append(anew)[0]
    assert (1, DIGESTS[2]) == store.held(one)
    assert (1, None) == (store.leaf_of_identity(one), store.held(DIGESTS[5]))
    assert [Held(1, same=False)] == store.append(anew[1:2])[0]
    assert b"kept first" == store.read_entries(0, 1, with_disclosures=True)[0].disclosures


def test_atomic_append_is_all_or_nothing(place: Place) -> None:
    """The library's recorders ask for it: one clash, and nothing is written, no position either."""
    store, _ = place.begin()
    store.append([entry_of("a/1", identity=DIGESTS[0])])
    for bad, error in (
        (entry_of("a/1"), StreamConflict),
        (entry_of("z/1", identity=DIGESTS[0]), Refused),
    ):
        with pytest.raises(error):
            store.append([entry_of("b/1"), bad], atomic=True, tracking=Tracking("f", 1))
    with pytest.raises(Refused):
        store.append([entry_of("b/1"), entry_of("b/1")], atomic=True)
    assert (1, None) == (len(check_tree(store, of_entries=False)), store.tracked("f"))


def test_position_is_stored_with_the_entries(place: Place) -> None:
    """A follower's position moves with the entries it made, strictly forward, or neither does."""
    store, _ = place.begin()
    store.append([entry_of("a/1")], tracking=Tracking("f", 5))
    for stale in (5, 4):
        with pytest.raises(Refused):
            store.append([entry_of("a/1", 2)], tracking=Tracking("f", stale))
    assert (1, 5) == (len(check_tree(store, of_entries=False)), store.tracked("f"))
    store.append([], tracking=Tracking("f", 6))
    assert (1, 6, None) == (store.head().tree_size, store.tracked("f"), store.tracked("g"))


def test_writers_at_once_leave_one_gapless_log(place: Place) -> None:
    """Front-ends that append together get each place once, and each identity is placed once."""
    first, _ = place.begin()
    stores = [first, place.open(), first]

    def write(number: int) -> list[tuple[bytes | None, int]]:
        kept = []
        for turn in range(12):
            some = [DIGESTS[(number + turn * 5 + n) % 40] for n in range(5)]
            batch = [entry_of(f"u/{number}-{turn}-{n}", identity=d) for n, d in enumerate(some)]
            batch.append(entry_of("shared/1", turn + 1))
            outcomes, head = stores[number % 3].append(batch)
            for item, outcome in zip(batch, outcomes, strict=True):
                if not isinstance(outcome, Clash):
                    assert outcome.leaf_index < head.tree_size
                    kept.append((item.identity, outcome.leaf_index))
        return kept

    told = [pair for pairs in at_once([lambda n=n: write(n) for n in range(6)]) for pair in pairs]  # type: ignore[misc]  # mypy infers no lambda with a default
    entries = check_tree(place.open(), of_entries=False)
    assert 40 + 12 == len(entries)
    by_identity = {identity: leaf for identity, leaf in told if identity}
    assert all(leaf == by_identity[identity] for identity, leaf in told if identity)
    assert all(leaf == first.leaf_of_identity(identity) for identity, leaf in by_identity.items())


def test_readers_never_see_half_a_commit(place: Place) -> None:
    """Whenever a head is read, its entries and tiles are there, and lead to its root."""
    store, _ = place.begin()
    reader = place.open()
    ended = threading.Event()

    def write() -> int:
        for turn in range(30):
            store.append([entry_of(f"u/{turn}-{n}", fresh=True) for n in range(1 + turn * 7 % 20)])
        ended.set()
        return store.head().tree_size

    def read() -> int:
        size = 0
        while not (ended.is_set() and size == store.head().tree_size):
            head = reader.head()
            assert head.tree_size >= size
            size = head.tree_size
            assert head.root == root_at(size, reader.read_tile)
            assert size == len(reader.read_entries(0, size))
        return size

    written, seen = at_once([write, read])
    assert written == seen


# --- reading ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def full(place: Place) -> tuple[LedgerStore, list[StoredEntry]]:
    """A store of 300 entries in 60 streams, and the same as a list."""
    store, _ = place.begin()
    expected = []
    for start in range(0, 300, 50):
        batch = [
            entry_of(f"s/{n % 60}", n // 60 + 1, says=b"%d" % n if n % 2 else b"")
            for n in range(start, start + 50)
        ]
        store.append(batch)
        expected += [
            StoredEntry(start + at, e.stream, e.version, e.topic, e.entry, e.disclosures)
            for at, e in enumerate(batch)
        ]
    return store, expected


def bare(rows: Iterable[StoredEntry]) -> list[StoredEntry]:
    """Without what is kept beside the log."""
    return [StoredEntry(r.leaf_index, r.stream, r.version, r.topic, r.entry) for r in rows]


@given(st.integers(0, 310), st.integers(0, 310))
def test_range_is_a_slice(
    full: tuple[LedgerStore, list[StoredEntry]], start: int, limit: int
) -> None:
    """`read_entries` is a slice of the log, with or without what is kept beside it."""
    store, expected = full
    some = expected[start : start + limit]
    assert some == store.read_entries(start, limit, with_disclosures=True)
    assert bare(some) == store.read_entries(start, limit)
    assert some == list(store.scan(start, start + limit, batch=64, with_disclosures=True))


@given(st.lists(st.integers(0, 320), max_size=20))
def test_places_are_read_in_rising_order(
    full: tuple[LedgerStore, list[StoredEntry]], places: list[int]
) -> None:
    """`entries_at` gives each entry once, by leaf index; what is not there is left out."""
    store, expected = full
    some = [row for row in expected if row.leaf_index in places]
    assert some == store.entries_at(places, with_disclosures=True)
    assert bare(some) == store.entries_at(places)


bounds = st.none() | st.integers(0, 7)


@given(st.integers(0, 61), bounds, bounds, st.booleans(), bounds)
def test_stream_is_read_by_version(
    full: tuple[LedgerStore, list[StoredEntry]],
    number: int,
    gt: int | None,
    lte: int | None,
    desc: bool,
    limit: int | None,
) -> None:
    """`read_stream` cuts one stream by version, either way round, as the library asks."""
    store, expected = full
    some = [
        row
        for row in expected
        if row.stream == f"s/{number}"
        and (gt is None or row.version > gt)
        and (lte is None or row.version <= lte)
    ]
    some = some[::-1] if desc else some
    found = store.read_stream(f"s/{number}", gt=gt, lte=lte, desc=desc, limit=limit)
    assert bare(some[:limit]) == found


streams = st.lists(st.integers(0, 70).map(lambda n: f"s/{n}"), max_size=6)
topics = st.lists(st.sampled_from(("topic.0", "topic.1", "topic.2", "topic.9")), max_size=3)


@given(streams, topics)
def test_streams_are_found_together(
    full: tuple[LedgerStore, list[StoredEntry]], wanted: list[str], of: list[str]
) -> None:
    """Entries of several streams come in leaf order; which of them hold a topic is known."""
    store, expected = full
    some = [row for row in expected if row.stream in wanted]
    assert some == store.entries_of_streams(wanted)
    assert {row.stream for row in some if row.topic in of} == store.streams_with(wanted, of)


@given(st.integers(0, 310), st.integers(0, 50), st.none() | st.integers(0, 310), topics)
def test_notifications_are_cut_by_place_and_topic(
    full: tuple[LedgerStore, list[StoredEntry]],
    start: int,
    limit: int,
    stop: int | None,
    of: list[str],
) -> None:
    """`select_notifications` has both ends inclusive, and every topic where none is named."""
    store, expected = full
    some = [
        row
        for row in expected[start:]
        if (stop is None or row.leaf_index <= stop) and (not of or row.topic in of)
    ]
    found = store.select_notifications(start, limit, stop=stop, topics=of)
    assert bare(some[:limit]) == found


@given(st.integers(0, 2), st.integers(0, 2), st.integers(0, 300))
def test_tile_is_cut_to_its_width(
    full: tuple[LedgerStore, list[StoredEntry]], level: int, index: int, width: int
) -> None:
    """`read_tile` gives the first hashes of a tile, as many as are asked for and there."""
    store, expected = full
    leaves = [leaf_hash(row.entry) for row in expected]
    rows = {(0, 0): leaves[:256], (0, 1): leaves[256:], (1, 0): [root_at(256, store.read_tile)]}
    hashes = rows.get((level, index), [])
    assert b"".join(hashes[:width]) == store.read_tile(level, index, width)
    assert len(store.read_tile(0, 1, 1)) == HASH_BYTES


def test_identities_of_many_entries_are_found(place: Place) -> None:
    """A batch larger than any bound of one statement is looked up whole."""
    store, _ = place.begin()
    many = [
        entry_of(f"m/{n}", identity=leaf_hash(b"many %d" % n), content=DIGESTS[0])
        for n in range(2_500)
    ]
    store.append(many)
    assert [Held(n, same=True) for n in range(2_500)] == store.append(many)[0]
    bare_streams = [entry_of(f"m/{n}") for n in range(2_500)]
    assert [Clash(f"m/{n}", 1) for n in range(2_500)] == store.append(bare_streams)[0]
    assert range(2_500) == range(len(store.entries_at(range(2_500))))
    assert 2_500 == len(store.streams_with([item.stream for item in many], ["topic.1"]))


# --- beside the log -----------------------------------------------------------------


def someone(number: int, proposal: str) -> PerformerRecord:
    return PerformerRecord(proposal, "agencies/a", user_id=f"u{number}", name="Ann", badge=None)


def test_performer_keeps_the_first_pseudonym(place: Place) -> None:
    """Whoever asks first names a performer; later proposals are not taken."""
    store, _ = place.begin()
    one, two = DIGESTS[:2]
    assert {} == store.pseudonyms({})
    assert {one: "p-1"} == store.pseudonyms({one: someone(1, "p-1")})
    proposed = {one: someone(1, "p-9"), two: someone(2, "p-2")}
    assert {one: "p-1", two: "p-2"} == store.pseudonyms(proposed)
    assert ["p-1", "p-2"] == store.find_performers("Ann")
    assert (["p-2"], []) == (store.find_performers("u2"), store.find_performers("ann"))
    assert {"p-1": someone(1, "p-1")} == store.describe_performers(["p-1", "p-9"])


def test_pseudonyms_agree_however_many_ask_at_once(place: Place) -> None:
    """Front-ends that meet the same performers together give each one pseudonym."""
    first, _ = place.begin()
    stores = [first, place.open(), first, place.open()]

    def ask(asker: int) -> list[dict[bytes, str]]:
        return [
            stores[asker].pseudonyms(
                {
                    DIGESTS[n]: someone(n, f"p-{asker}-{turn}-{n}")
                    for n in (
                        range(turn, turn + 20) if asker % 2 else range(turn + 19, turn - 1, -1)
                    )
                }
            )
            for turn in range(10)
        ]

    told = [found for founds in at_once([lambda n=n: ask(n) for n in range(4)]) for found in founds]  # type: ignore[misc]  # mypy infers no lambda with a default
    agreed = first.pseudonyms({DIGESTS[n]: someone(n, f"late-{n}") for n in range(29)})
    assert all(found.items() <= agreed.items() for found in told)
    assert 29 == len(set(agreed.values()))


def test_published_checkpoints_only_grow(place: Place) -> None:
    """A smaller or equal tree is not published after a larger one; all are kept and found."""
    store, _ = place.begin()
    assert store.published() is None
    shown = [Published(size, b"note %d" % size, 1_000 + size) for size in (0, 3, 7)]
    assert [True] * 3 == [store.publish(checkpoint) for checkpoint in shown]
    for size in (0, 2, 5, 7):
        assert not store.publish(Published(size, b"late", 9_999))
    assert shown[2] == store.published()
    assert [None, shown[0], shown[1], shown[2]] == [
        store.published(before_us=us) for us in (1_000, 1_001, 1_007, 1_008)
    ]
    assert [shown[1], None] == [store.published(tree_size=size) for size in (3, 4)]


def test_late_cosignatures_join_their_checkpoint(place: Place) -> None:
    """The note of one size is exchanged, its time stays; of a size never published it is not."""
    store, _ = place.begin()
    for size in (0, 3):
        assert store.publish(Published(size, b"alone", 1_000 + size))

    assert [True, False] == [store.add_cosignatures(size, b"joined") for size in (0, 4)]
    assert Published(0, b"joined", 1_000) == store.published(tree_size=0)
    assert Published(3, b"alone", 1_003) == store.published()


def test_publishers_at_once_never_go_back(place: Place) -> None:
    """What several publishers are told was published rises in the order it was."""
    first, _ = place.begin()
    stores = [first, place.open(), first, place.open()]
    clock = iter(range(10**6))

    def publish(publisher: int) -> list[int]:
        return [
            size
            for size in range(publisher, 160, 4 - publisher % 2)
            if stores[publisher].publish(Published(size, b"", next(clock)))
        ]

    told = at_once([lambda n=n: publish(n) for n in range(4)])  # type: ignore[misc]  # mypy infers no lambda with a default
    kept = sorted(size for sizes in told for size in sizes)
    assert len(set(kept)) == len(kept)
    assert kept == [size for size in range(160) if first.published(tree_size=size)]
    newest = first.published()
    assert newest is not None
    assert kept[-1] == newest.tree_size


def test_smaller_checkpoint_waits_for_the_larger_one(place: Place) -> None:
    """While a larger tree is being published, a smaller one is not slipped in beside it."""
    first, _ = place.begin()
    second = place.open()
    for size in range(0, 60, 2):
        large, small = at_once(
            [
                lambda s=size: first.publish(Published(s + 1, b"", 0)),  # type: ignore[misc]  # mypy infers no lambda with a default
                lambda s=size: second.publish(Published(s, b"", 0)),  # type: ignore[misc]  # mypy infers no lambda with a default
            ]
        )
        assert large
        rows = [row.tree_size for row in first.checkpoint_rows(size - 1, 9)]
        assert ([size, size + 1] if small else [size + 1]) == rows


def test_claim_keeps_what_was_set_first(place: Place) -> None:
    """A ledger says of itself what it was begun with, and tells every later claimant."""
    store, _ = place.begin()
    assert {"origin": "a"} == store.claim({"origin": "a"})
    both = {"origin": "a", "vkey": "k"}
    assert both == store.claim({"origin": "b", "vkey": "k"}) == store.meta()


def test_claims_at_once_have_one_winner(place: Place) -> None:
    """Of processes that begin a ledger together one wins, in everything it claims."""
    first, _ = place.begin()
    stores = [first, place.open(), place.open(), place.open()]
    names = ("origin", "vkey", "secret")
    told = at_once([
        lambda n=n: stores[n].claim(dict.fromkeys(names, f"process {n}"))  # type: ignore[misc]  # mypy infers no lambda with a default
        for n in range(4)
    ])  # fmt: skip
    assert all(told[0] == found for found in told)
    assert 1 == len(set(first.meta().values()))


def test_position_only_moves_forward(place: Place) -> None:
    """A follower that was overtaken, or did it twice, is refused."""
    store, _ = place.begin()
    assert store.tracked("f") is None
    store.track(Tracking("f", 3))
    for stale in (3, 2):
        with pytest.raises(Refused):
            store.track(Tracking("f", stale))
    store.track(Tracking("f", 4))
    store.track(Tracking("g", 1))
    assert (4, 1) == (store.tracked("f"), store.tracked("g"))


def test_followers_at_once_pass_each_position_once(place: Place) -> None:
    """Of two that process the same notification, one is told so."""
    first, _ = place.begin()
    second = place.open()

    def follow(store: LedgerStore) -> list[int]:
        passed = []
        for position in range(1, 30):
            try:
                store.track(Tracking("f", position))
            except Refused:
                continue
            passed.append(position)
        return passed

    one, other = at_once([lambda: follow(first), lambda: follow(second)])
    assert not set(one) & set(other)
    assert 29 == first.tracked("f")


@settings(max_examples=5)
@given(st.integers(2, 6))
def test_ledger_may_be_opened_by_many_at_once(place: Place, openers: int) -> None:
    """Front-ends that start together find one ledger, whoever makes its tables."""
    place.forget()
    heads = at_once([lambda: place.open().head()] * openers)
    assert [heads[0]] * openers == heads
    place.open().append([entry_of()])
    assert [1] * openers == [store.head().tree_size for store in place.opened()[:openers]]
