"""Is a ledger silent until enough of its witnesses have spoken, and not a moment longer?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from ledger.store.core import NewEntry
from ledger.tlog import Checkpoint, Submission, TrustPolicy, parse_trust_policy, sign_checkpoint
from services.publisher.confirming import Confirmation
from services.runtime.hosting import Hosted, open_ledger
from services.runtime.refusals import HistoryLost, Unconfirmed
from services.runtime.settings import Settings
from services.witness.server import WitnessServer
from tests.services.witness.harness import served

NOBODY = "http://127.0.0.1:1"
TWO_OF_THREE = "group two 2 w0 w1 w2\nquorum two\n"


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Hosted]:
    with closing(open_ledger(Settings(data=tmp_path / "data"))) as found:
        found.store.append([NewEntry.of(f"s/{n}", 1, "t", b"%d" % n) for n in range(3)])
        yield found


@pytest.fixture
def witnesses(hosted: Hosted, tmp_path: Path) -> Iterator[list[WitnessServer]]:
    key = hosted.keys.checkpoint.verifier_key
    with ExitStack() as stack:
        yield [stack.enter_context(served(tmp_path / f"w{n}", [key])) for n in range(3)]


def policy_of(witnesses: list[WitnessServer], quorum: str, silent: tuple[int, ...]) -> TrustPolicy:
    """Under the names w0, w1, …; the silent ones are not where the policy says."""
    lines = [
        f"witness w{n} {server.service.verifier_key.format()}"
        f" {NOBODY if n in silent else server.url}\n"
        for n, server in enumerate(witnesses)
    ]
    return parse_trust_policy("".join([*lines, quorum]).encode())


def vouch(server: WitnessServer, hosted: Hosted, size: int, root: bytes) -> None:
    note = sign_checkpoint(Checkpoint(hosted.keys.origin, size, root), hosted.keys.checkpoint)
    assert 200 == server.service.add_checkpoint(Submission(0, (), note).marshal()).status


@pytest.mark.parametrize(
    ("quorum", "silent", "enough"),
    [
        (TWO_OF_THREE, (), True),
        (TWO_OF_THREE, (1,), True),
        (TWO_OF_THREE, (0, 2), False),  # these two could have seen more
        (TWO_OF_THREE, (0, 1, 2), False),
        ("group any any w0 w1 w2\nquorum any\n", (1,), False),  # each of them could
        ("group all all w0 w1 w2\nquorum all\n", (0, 1), True),  # the third saw all
        ("quorum none\n", (0, 1), True),
        ("quorum none\n", (0, 1, 2), False),
    ],
)
def test_silent_ones_could_not_make_the_quorum(
    hosted: Hosted,
    witnesses: list[WitnessServer],
    quorum: str,
    silent: tuple[int, ...],
    enough: bool,
) -> None:
    """Then somebody who has spoken saw the last of what was published; "nothing yet" is an answer."""
    vouch(witnesses[2], hosted, 3, hosted.store.head().root)
    confirmation = Confirmation(hosted, policy_of(witnesses, quorum, silent))
    entry = NewEntry.of("s/9", 1, "t", b"9")
    with pytest.raises(Unconfirmed):
        hosted.log.append([entry])
    with pytest.raises(Unconfirmed):
        hosted.log.checkpoint(hosted.store.head())
    if enough:
        confirmation.confirm()
        hosted.log.append([entry])
        hosted.log.checkpoint(hosted.store.head())
        return
    with pytest.raises(Unconfirmed) as found:
        confirmation.confirm()
    assert {f"w{n}" for n in silent} == set(found.value.silent)
    assert isinstance(hosted.log.halted, Unconfirmed)


def test_only_the_silent_are_asked_again(hosted: Hosted, witnesses: list[WitnessServer]) -> None:
    """Who has spoken once has spoken; the rest may come back."""
    policy = policy_of(witnesses, TWO_OF_THREE, (0, 1))
    confirmation = Confirmation(hosted, policy)
    with pytest.raises(Unconfirmed):
        confirmation.confirm()
    witnesses[2].service.latest = None  # type: ignore[assignment, method-assign]
    confirmation._policy = policy_of(witnesses, TWO_OF_THREE, (0,))
    confirmation.confirm()

    assert hosted.log.halted is None


@pytest.mark.parametrize("size", [2, 3, 9])
def test_proof_of_another_tree_halts_for_good(
    hosted: Hosted, witnesses: list[WitnessServer], size: int
) -> None:
    """Larger than the head, or of another root: one witness's word with our signature is enough."""
    vouch(witnesses[1], hosted, size, bytes(32))
    confirmation = Confirmation(hosted, policy_of(witnesses, TWO_OF_THREE, (0, 2)))
    with pytest.raises(HistoryLost):
        confirmation.confirm()
    with pytest.raises(HistoryLost):
        hosted.log.append([NewEntry.of("s/9", 1, "t", b"9")])
