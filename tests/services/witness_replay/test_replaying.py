"""Is a log vouched for where its entries give its roots, and only there?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.base import Provenance
from ledger.entry import Entry, encode_entry
from ledger.events import ToolUseWithdrawn, UsageIndexCommitted
from ledger.merkle import EMPTY_ROOT
from ledger.store.core import NewEntry
from ledger.tlog import Checkpoint, Signer, Submission, TilePath, sign_checkpoint
from ledger.usage_index import Commitment, Ref
from services.witness_replay import replayer
from services.witness_replay.__main__ import Replays
from services.witness_replay.replayer import LogReplay
from tests import strategies as told
from tests.indexed import Index
from tests.ledgers import ORIGIN, REPORTER, SIGNER, Ledger, Place, numbered
from tests.services.witness.harness import served
from tests.services.witness_replay.shown import Shown, checkpoint_of, note_of

WAIT_S = 60  # a loaded machine; an idle one needs a tenth of a second


class World:
    """A ledger with its usage index, shown over HTTP."""

    def __init__(self, place: Place) -> None:
        self.store, self.views = place.begin()
        self.ledger = Ledger(self.store)
        self.index = Index(self.ledger, self.store, self.views)
        self.shown: Shown

    def commit(self) -> Commitment:
        """Commit a root over all there is."""
        self.index.fold()
        return self.index.commit().commitment

    def commit_to(self, commitment: Commitment) -> int:
        """An entry that commits to anything at all."""
        by = Provenance(reporter=ORIGIN, recorded_us=self.ledger.now_us())
        entry = self.ledger.registrar.commit_index(commitment, by)
        return self.ledger.append(entry).leaf_index

    def say(self, **members: object) -> int:
        """An entry beside all rules."""
        said = {
            "topic": "statement.made.v9",
            "stream": "statement/1",
            "version": 1,
            "event": {},
            "protected": {},
            "origin": ORIGIN,
            "recorded_at": "2026-11-18T00:00:00.000000Z",
            "reporter": REPORTER,
            "capture": "live",
            **members,
        }
        entry = Entry(**said)  # type: ignore[arg-type]
        return self.put(encode_entry(entry), entry.stream, entry.version)

    def put(self, data: bytes, stream: str = "x/1", version: int = 1) -> int:
        self.store.append([NewEntry.of(stream, version, "x", data)])
        return self.store.head().tree_size - 1


@pytest.fixture
def world(place: Place) -> Iterator[World]:
    found = World(place)
    with Shown(found.store) as found.shown:
        yield found


@contextmanager
def replay_of(world: World, folder: Path, wait_s: float = WAIT_S) -> Iterator[LogReplay]:
    with closing(LogReplay(folder, ORIGIN, world.shown.prefix, wait_s=wait_s)) as found:
        yield found


def answered(replay: LogReplay, world: World, size: int | None = None) -> tuple[int, str]:
    """Status and reason; (200, "") where it is vouched for."""
    said = replay.vouch(checkpoint_of(world.store, size))
    return (200, "") if said is None else (said.status, said.body.decode().strip())


# --- an honest log --------------------------------------------------------------------
_understood = told.operations.map(
    lambda steps: [step for step in steps if not isinstance(step, told.Foreign) or step.use is None]
)


@given(steps=_understood, data=st.data())
@told.effort(0.1)
def test_honest_log_is_vouched_for(
    place: Place, steps: list[told.Operation], data: st.DataObject
) -> None:
    """Whatever is reported, linked and taken back, at any size, in batches of any length."""
    world = World(place)
    sizes = set()
    for step in steps:
        world.ledger.tell([step])
        sizes.add(world.store.head().tree_size)
        if data.draw(st.booleans()):
            world.commit()
            sizes.add(world.store.head().tree_size)
    world.ledger.tell(steps[:1])  # may stand between a root and its entry
    shown_at = [*data.draw(st.lists(st.sampled_from(sorted(sizes)), max_size=3)), max(sizes)]
    batch = data.draw(st.sampled_from([1, 2, 5, 2_048]))
    with (
        Shown(world.store) as world.shown,
        TemporaryDirectory() as folder,
        patch.object(replayer, "REPLAY_BATCH", batch),
        replay_of(world, Path(folder)) as replay,
    ):
        for size in sorted(shown_at):
            assert (200, "") == answered(replay, world, size)
        status = replay.status()
    commitments = [
        row for row in world.store.read_stream("usage_index/main") if row.leaf_index < size
    ]

    assert len(commitments) == status["roots_made_anew"]
    assert (max(sizes), 0, None) == (status["replayed"], status["behind"], status["refuses"])


def test_root_older_than_its_place_is_made_anew(world: World, tmp_path: Path) -> None:
    """Entries, and checkpoints over them, may stand between a root and the entry that commits to it."""
    world.ledger.register_agencies()
    world.ledger.report(*(numbered(number) for number in range(20)))
    world.index.fold()
    kept = world.index.roots.keep_newest().commitment
    world.ledger.report(*(numbered(number) for number in range(20, 30)))
    with replay_of(world, tmp_path) as replay:
        assert (200, "") == answered(replay, world)
        world.commit_to(kept)
        assert (200, "") == answered(replay, world)
        assert 22 == replay.status()["newest_root_over"]


# --- one that is not ------------------------------------------------------------------
def another_root(right: Commitment) -> Commitment:
    return replace(right, root=bytes(32))


def another_total(right: Commitment) -> Commitment:
    return replace(right, total=right.total - 1)


def fewer_entries(right: Commitment) -> Commitment:
    return replace(right, tree_size=right.tree_size - 1)


def ahead_of_itself(right: Commitment) -> Commitment:
    return replace(right, tree_size=right.tree_size + 5)


def other_performers(right: Commitment) -> Commitment:
    placed, withdrawn = right.performers
    return replace(right, performers=(placed._replace(hash=bytes(32)), withdrawn))


def fewer_performers(right: Commitment) -> Commitment:
    placed, withdrawn = right.performers
    return replace(right, performers=(placed._replace(total=placed.total - 1), withdrawn))


def performers_invented(right: Commitment) -> Commitment:
    return replace(right, performers=(right.performers[0], Ref(0, 1, bytes(32))))


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (another_root, "commits to a root that the first 22 entries do not give"),
        (another_total, "commits to a root that the first 22 entries do not give"),
        (fewer_entries, "counts other uses by performer than by agency"),
        (ahead_of_itself, "commits to 27 entries, ahead of itself"),
        (other_performers, "commits to a root that the first 22 entries do not give"),
        (fewer_performers, "counts other uses by performer than by agency"),
        (performers_invented, "counts other uses by performer than by agency"),
    ],
)
def test_false_root_is_refused(
    world: World, tmp_path: Path, forge: Callable[[Commitment], Commitment], reason: str
) -> None:
    """With the entry and what is wrong with it; what stands before is vouched for, restarted or not."""
    world.ledger.register_agencies()
    world.ledger.report(*(numbered(number) for number in range(20)))
    world.index.fold()
    at = world.commit_to(forge(world.index.roots.keep_newest().commitment))
    world.ledger.report(numbered(20))
    for _ in range(2):
        with replay_of(world, tmp_path) as replay:
            assert (403, f"not vouched for: entry {at} {reason}") == answered(replay, world)
            assert f"entry {at} {reason}" == replay.status()["refuses"]
    with replay_of(world, tmp_path) as replay:
        assert (200, "") == answered(replay, world, at)


@pytest.mark.parametrize(
    ("put", "reason"),
    [
        (lambda on: on.put(b"{}"), "is malformed: "),
        (lambda on: on.say(origin="candour.local/0/other"), "names another ledger as its origin"),
        (lambda on: on.put(b'{"v":2}'), "cannot be read by this witness: "),
        (lambda on: on.say(stream="tool_use/1"), "may change counts, and cannot be folded by this"),
        (lambda on: on.say(stream="import/1"), "may change counts, and cannot be folded by this"),
        (
            lambda on: on.say(
                stream="tool_use/1",
                topic=ToolUseWithdrawn.TOPIC,
                event=ToolUseWithdrawn(agency="agencies/a").to_object(),
            ),
            "cannot be folded: entry: changes a use whose report is not in the log",
        ),
        (
            lambda on: on.say(
                stream="usage_index/main",
                topic=UsageIndexCommitted.TOPIC,
                event={"index": "usage-index/9", "root": "", "total": 0, "tree_size": 0},
            ),
            "commits to nothing that can be judged: ",
        ),
    ],
)
def test_what_cannot_be_folded_is_refused(
    world: World, tmp_path: Path, put: Callable[[World], int], reason: str
) -> None:
    """Whoever vouches for an answer must have understood all that could change it."""
    world.ledger.register_agencies()
    at = put(world)
    with replay_of(world, tmp_path) as replay:
        status, said = answered(replay, world)

    assert 403 == status
    assert said.startswith(f"not vouched for: entry {at} {reason}"), said


def test_what_changes_no_count_may_be_unknown(world: World, tmp_path: Path) -> None:
    """A fact of a later release in a stream of its own is none of the index's business."""
    world.ledger.register_agencies()
    world.say()
    with replay_of(world, tmp_path) as replay:
        assert (200, "") == answered(replay, world)


# --- a log that is slow, or shows other things ----------------------------------------
def test_slow_log_is_not_waited_for(world: World, tmp_path: Path) -> None:
    """503 in time, and the same checkpoint is vouched for once the entries have come."""
    world.ledger.register_agencies()
    world.shown.gate.clear()
    with replay_of(world, tmp_path, wait_s=0.2) as replay:
        assert (503, "replayed 0 of 2 entries; ask again") == answered(replay, world)
        assert 2 == replay.status()["behind"]
        world.shown.gate.set()
        assert (200, "") == eventually(lambda: answered(replay, world), (200, ""))


def test_other_entries_are_not_remembered(world: World, tmp_path: Path) -> None:
    """What does not lead to the signed root is neither good nor a verdict; it is asked for again."""
    world.ledger.register_agencies()

    def another(path: TilePath, body: bytes) -> bytes:
        return body.replace(b'"agencies/a"', b'"agencies/x"') if path.level is None else body

    honest, world.shown.change = world.shown.change, another
    with replay_of(world, tmp_path) as replay:
        status, reason = answered(replay, world)
        assert 503 == status
        assert "do not lead to the signed root" in reason
        assert 0 == replay.status()["replayed"]
        world.shown.change = honest
        assert (200, "") == answered(replay, world)


@pytest.mark.parametrize("forged", ["tile", "entries"])
def test_middle_of_a_backlog_leads_to_the_root_too(
    world: World, tmp_path: Path, forged: str
) -> None:
    """Batches before the last are held against the signed root as well, by the log's own tiles."""
    world.ledger.register_agencies()
    world.ledger.report(*(numbered(number) for number in range(600)))

    def another(path: TilePath, body: bytes) -> bytes:
        if path.index == 0 and (path.level is None) == (forged == "entries"):
            return body[:-1] + bytes((body[-1] ^ 1,))
        return body

    honest, world.shown.change = world.shown.change, another
    with patch.object(replayer, "REPLAY_BATCH", 256), replay_of(world, tmp_path) as replay:
        status, reason = answered(replay, world)
        assert (503, 0) == (status, replay.status()["replayed"])
        assert "do not lead to the signed root" in reason
        world.shown.change = honest
        assert (200, "") == eventually(lambda: answered(replay, world), (200, ""))


def test_mirror_is_read_too(world: World, tmp_path: Path) -> None:
    """Where nothing stands under `committed`, what is published will do."""
    world.ledger.register_agencies()
    world.shown.under = ""
    with replay_of(world, tmp_path) as replay:
        assert (200, "") == answered(replay, world)


def test_smaller_tree_than_was_replayed_is_put_off(world: World, tmp_path: Path) -> None:
    """Nothing shows whether it is the beginning of what was replayed; another is of one size."""
    world.ledger.register_agencies()
    world.ledger.report(numbered(1))
    with replay_of(world, tmp_path) as replay:
        assert (200, "") == answered(replay, world)
        assert 503 == answered(replay, world, 2)[0]
        other = replace(checkpoint_of(world.store), root=bytes(32))
        refused = replay.vouch(other)
        assert refused is not None
        assert 403 == refused.status


# --- as a witness ---------------------------------------------------------------------
def test_slow_log_keeps_nobody_else_waiting(world: World, tmp_path: Path) -> None:
    """Another origin is cosigned while one log hangs."""
    world.ledger.register_agencies()
    other = Signer("candour.local/other", bytes([3]) * 32)
    empty = Submission(
        0, (), sign_checkpoint(Checkpoint(other.verifier_key.name, 0, EMPTY_ROOT), other)
    )
    with (
        Shown(world.store) as hanging,
        closing(LogReplay(tmp_path, ORIGIN, hanging.prefix, wait_s=20)) as slow,
        closing(LogReplay(tmp_path, other.verifier_key.name, hanging.prefix)) as quick,
    ):
        hanging.gate.clear()
        judge = Replays({ORIGIN: slow, other.verifier_key.name: quick})
        keys = [SIGNER.verifier_key, other.verifier_key]
        with served(tmp_path / "w", keys, judge=judge) as server:
            said: list[int] = []
            body = Submission(0, (), note_of(world.store)).marshal()
            asker = threading.Thread(
                target=lambda: said.append(server.service.add_checkpoint(body).status)
            )
            asker.start()
            assert 200 == server.service.add_checkpoint(empty.marshal()).status
            assert [] == said, "the first is waited for still"
            hanging.gate.set()
            asker.join(WAIT_S)
            assert [200] == said


def eventually(ask: Callable[[], tuple[int, str]], wanted: tuple[int, str]) -> tuple[int, str]:
    """What is answered, once it is this or time is over."""
    deadline = time.monotonic() + WAIT_S
    while (found := ask()) != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    return found
