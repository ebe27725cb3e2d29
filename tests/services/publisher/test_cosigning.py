"""Does a checkpoint get its quorum, however witnesses fail, lie and hang? And not without it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event

import pytest

from ledger.errors import Refused
from ledger.limits import COSIGN_GRACE_S, COSIGN_ROUND_S
from ledger.tlog import (
    SIZE_CONTENT_TYPE,
    Cosigner,
    Submission,
    TrustPolicy,
    claimed_checkpoint,
    open_witnessed,
    parse_trust_policy,
)
from services.publisher import cosigning
from services.publisher.cosigning import Collector, Unwitnessed
from services.publisher.witness_client import WitnessAhead
from tests.services.publisher.test_witness_client import TEXT, Script, Scripted
from tests.services.witness.harness import served
from tests.tlog.logs import WITNESSES, MemoryLog
from tests.tlog.strategies import LOG, ORIGIN

HONEST = MemoryLog(40)
NOBODY = "http://127.0.0.1:1"
AT = 1_700_000_000


def signing(cosigner: Cosigner) -> Script:
    """A witness that cosigns whatever it is sent."""

    def answer(asked: Submission) -> tuple[int, str, bytes]:
        line = cosigner.cosign(claimed_checkpoint(asked.note), cosigned_at=AT).line()
        return 200, TEXT, f"{line}\n".encode()

    return answer


def says(status: int, body: bytes, content_type: str = TEXT) -> Script:
    return lambda asked: (status, content_type, body)


def asking(urls: list[str], quorum: str) -> TrustPolicy:
    """A policy over witnesses w0, w1, … at these URLs."""
    lines = [f"log {LOG.verifier_key.format()}"]
    lines += [
        f"witness w{n} {WITNESSES[n].verifier_key.format()} {url}" for n, url in enumerate(urls)
    ]
    return parse_trust_policy("\n".join([*lines, quorum, ""]).encode())


def undoubted(*doubted: object) -> None:
    raise AssertionError(f"nobody had a reason to doubt: {doubted}")


@contextmanager
def collecting(
    scripts: Sequence[Script | None],
    quorum: str,
    doubt: Callable[..., None] = undoubted,
) -> Iterator[tuple[Collector, TrustPolicy]]:
    """A collector over witnesses with these scripts; None is one that nobody answers for."""
    with ExitStack() as stack:
        urls = [
            NOBODY if script is None else stack.enter_context(closing(Scripted(script))).url
            for script in scripts
        ]
        policy = asking(urls, quorum)
        collector = stack.enter_context(closing(Collector(policy, HONEST.tree, doubt)))
        yield collector, policy


TWO = "group two 2 w0 w1 w2\nquorum two"


def test_quorum_joins_the_note() -> None:
    """All that signed stand below the log's own signature; the one that is down is remembered."""
    scripts = [signing(WITNESSES[0]), None, signing(WITNESSES[2])]
    with collecting(scripts, TWO) as (collector, policy):
        note = collector.collect(HONEST.note(9), 9)
        witnessed = open_witnessed(note, policy, ORIGIN)

        assert HONEST.checkpoint(9) == witnessed.checkpoint
        assert {"w0": AT, "w2": AT} == witnessed.cosigned
        assert (9, AT, "") == (
            collector.seen["w0"].tree_size,
            collector.seen["w0"].cosigned_at,
            collector.seen["w0"].failure,
        )
        assert collector.seen["w1"].tree_size is None
        assert "refused" in collector.seen["w1"].failure


def test_too_few_are_named() -> None:
    """Nothing comes back without the quorum; each one's reason stands in the error."""
    scripts = [signing(WITNESSES[0]), None, says(404, b"unknown origin\n")]
    with (
        collecting(scripts, TWO) as (collector, _),
        pytest.raises(Unwitnessed, match="quorum two is not met") as unwitnessed,
    ):
        collector.collect(HONEST.note(9), 9)

    assert "w0" not in unwitnessed.value.failures
    assert "w1: [Errno 111]" in str(unwitnessed.value)
    assert "w2: 404: unknown origin" in str(unwitnessed.value)
    assert not unwitnessed.value.overtaken


def test_real_witnesses_follow(tmp_path: Path) -> None:
    """Over several rounds, from the size that each cosigned last; one that was away catches up."""
    with served(tmp_path / "w") as server:
        key = server.service.verifier_key
        text = f"log {LOG.verifier_key.format()}\nwitness w {key.format()} {server.url}\nquorum w\n"
        policy = parse_trust_policy(text.encode())
        # The second publisher knows nothing of the first one's rounds.
        for sizes in ((9, 20, 20), (20, 40)):
            with closing(Collector(policy, HONEST.tree, undoubted)) as collector:
                for size in sizes:
                    note = collector.collect(HONEST.note(size), size)
                    assert size == open_witnessed(note, policy, ORIGIN).checkpoint.tree_size


def test_one_that_hangs_holds_nobody_up() -> None:
    """The quorum suffices; what comes too late is not used, and the next round asks again."""
    go_on = Event()
    late = signing(WITNESSES[1])

    def hanging(asked: Submission) -> tuple[int, str, bytes]:
        go_on.wait(20)
        return late(asked)

    with collecting([signing(WITNESSES[0]), hanging], "quorum w0") as (collector, policy):
        started = time.monotonic()
        first = collector.collect(HONEST.note(9), 9)
        took_s = time.monotonic() - started
        go_on.set()
        second = collector.collect(HONEST.note(20), 20)

        assert took_s < COSIGN_GRACE_S + COSIGN_ROUND_S / 2
        assert {"w0": AT} == open_witnessed(first, policy, ORIGIN).cosigned
        assert {"w0": AT, "w1": AT} == open_witnessed(second, policy, ORIGIN).cosigned


def test_a_round_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the one that must sign hangs, it is said, and publication goes on to other things."""
    go_on = Event()

    def hanging(asked: Submission) -> tuple[int, str, bytes]:
        go_on.wait(20)
        return says(503, b"")(asked)

    monkeypatch.setattr(cosigning, "COSIGN_ROUND_S", 0.3)
    with collecting([hanging], "quorum w0") as (collector, _):
        with pytest.raises(Unwitnessed, match="w0: no answer in time"):
            collector.collect(HONEST.note(9), 9)
        go_on.set()


def test_nobody_need_sign_without_quorum() -> None:
    """What comes in time joins the note; nothing is waited for."""
    with collecting([signing(WITNESSES[0]), None], "quorum none") as (collector, policy):
        note = collector.collect(HONEST.note(9), 9)

        assert {"w0": AT} == open_witnessed(note, policy, ORIGIN).cosigned


AHEAD = says(409, b"20\n", SIZE_CONTENT_TYPE)


@pytest.mark.parametrize("script", [AHEAD, says(422, b"no\n"), says(409, b"\n")])
def test_doubt_stops_even_where_the_quorum_signed(script: Script) -> None:
    """A witness that knows another history is heard, and whoever looks into it decides."""

    class Stopped(Refused):
        pass

    def stop(witness: object, error: object) -> None:
        raise Stopped(str(error))

    scripts = [signing(WITNESSES[0]), script]
    with collecting(scripts, "quorum w0", stop) as (collector, _), pytest.raises(Stopped):
        collector.collect(HONEST.note(9), 9)
    heard: list[object] = []
    with collecting(scripts, "quorum w0", lambda *said: heard.append(said)) as (collector, policy):
        note = collector.collect(HONEST.note(9), 9)

        assert {"w0": AT} == open_witnessed(note, policy, ORIGIN).cosigned
    assert 1 == len(heard)


def test_overtaken_by_another_process() -> None:
    """Where a larger tree is cosigned already, the error says that it is worth another try."""
    with (
        collecting([AHEAD], "quorum w0", lambda *_: None) as (collector, _),
        pytest.raises(Unwitnessed) as unwitnessed,
    ):
        collector.collect(HONEST.note(9), 9)

    assert unwitnessed.value.overtaken
    assert isinstance(unwitnessed.value.failures["w0"], WitnessAhead)
