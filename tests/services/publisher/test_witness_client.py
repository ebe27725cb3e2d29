"""Does a log get what a witness owes it, and nothing else past it?"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ledger.errors import Malformed, Refused
from ledger.limits import MAX_WITNESS_ANSWER_BYTES
from ledger.tlog import (
    SIZE_CONTENT_TYPE,
    Submission,
    VerifierKey,
    add_signatures,
    open_witnessed,
    verify_cosignature,
)
from services.publisher.witness_client import (
    Cosignature,
    WitnessAhead,
    WitnessFailed,
    WitnessRefused,
    WitnessUnreachable,
    WitnessUnsound,
    submit,
)
from services.runtime.http_client import post
from tests.services.witness.harness import NOW, served
from tests.tlog.logs import WITNESSES, MemoryLog, policy
from tests.tlog.strategies import ORIGIN, STRANGER

HONEST = MemoryLog(40)
FORK = MemoryLog(40, forked_at=5)
W0 = WITNESSES[0]
TEXT = "text/plain; charset=utf-8"

Script = Callable[[Submission], tuple[int, str, bytes]]


class Scripted:
    """A witness that answers as a test says, and remembers what it was asked."""

    def __init__(self, script: Script) -> None:
        self.asked: list[Submission] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                submission = Submission.parse(self.rfile.read(length))
                outer.asked.append(submission)
                status, content_type, body = script(submission)
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,)).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def cosign(
    url: str, key: VerifierKey, size: int, *, old: int = 0, log: MemoryLog = HONEST
) -> Cosignature:
    return submit(
        url,
        key,
        note=log.note(size),
        old_size=old,
        prove=lambda old_size: log.proof(old_size, size),
        timeout_s=5,
    )


def answer_of(script: Script, *, size: int = 9, old: int = 0) -> Cosignature:
    with closing(Scripted(script)) as witness:
        return cosign(witness.url, W0.verifier_key, size, old=old)


def line(at: int = 7, size: int = 9) -> bytes:
    return f"{W0.cosign(HONEST.checkpoint(size), cosigned_at=at).line()}\n".encode()


@pytest.mark.parametrize("guess", [0, 3, 9, 20, 40])
def test_wrong_guess_costs_one_exchange(tmp_path: Path, guess: int) -> None:
    """Whatever we believe the witness saw last, we get its line, and it completes our note."""
    with served(tmp_path) as server:
        key = server.service.verifier_key
        assert cosign(f"{server.url}/", key, 9).cosigned_at == NOW
        got = cosign(server.url, key, 20, old=guess)

    assert verify_cosignature(HONEST.checkpoint(20), got.signature, key) == NOW
    note = add_signatures(HONEST.note(20), [got.signature])
    assert HONEST.checkpoint(20) == open_witnessed(note, policy("none"), ORIGIN).checkpoint


def test_same_checkpoint_is_cosigned_again(tmp_path: Path) -> None:
    """A publisher that lost the answer asks once more."""
    with served(tmp_path) as server:
        for old in (0, 9, 0):
            got = cosign(server.url, server.service.verifier_key, 9, old=old)
            assert got.cosigned_at == NOW


def test_restored_backup_is_told(tmp_path: Path) -> None:
    """The witness has seen more than we have: a named error, with both sizes."""
    with served(tmp_path) as server:
        key = server.service.verifier_key
        cosign(server.url, key, 20)
        for old in (0, 9, 20, 40):
            with pytest.raises(WitnessAhead) as ahead:
                cosign(server.url, key, 9, old=old)
            assert (ahead.value.cosigned_size, ahead.value.tree_size) == (20, 9)


def test_fork_and_stranger_are_refused(tmp_path: Path) -> None:
    """With the witness's status and reason."""
    with served(tmp_path) as server:
        key = server.service.verifier_key
        cosign(server.url, key, 9)
        for log, size, status in [(FORK, 20, 422), (FORK, 9, 422)]:
            with pytest.raises(WitnessRefused) as refused:
                cosign(server.url, key, size, old=9, log=log)
            assert refused.value.status == status
        with pytest.raises(WitnessRefused, match="unknown origin") as refused:
            cosign(server.url, key, 9, log=MemoryLog(9, signer=STRANGER))
        assert refused.value.status == 404


def test_request_is_what_c2sp_asks() -> None:
    """No proof from nothing and to the same size; the prover is asked from where we stand."""
    with closing(Scripted(lambda asked: (200, TEXT, line()))) as witness:
        for old in (0, 9, 5):
            assert cosign(witness.url, W0.verifier_key, 9, old=old).cosigned_at == 7
    proofs = [list(asked.proof) for asked in witness.asked]

    assert [asked.old_size for asked in witness.asked] == [0, 9, 5]
    assert [[], [], HONEST.proof(5, 9)] == proofs


def test_lines_of_others_are_ignored() -> None:
    """A witness may sign with several keys; ours is found wherever it stands."""
    stranger = WITNESSES[1].cosign(HONEST.checkpoint(9), cosigned_at=5).line().encode() + b"\n"

    assert answer_of(lambda asked: (200, TEXT, stranger + line() + stranger)).cosigned_at == 7


def bad_line() -> bytes:
    other = W0.cosign(HONEST.checkpoint(8), cosigned_at=7)
    return f"{other.line()}\n".encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK\n",
        line()[:-1],
        line() + b"and more\n",
        b"\n" + line(),
        b"\n\n" + line(),
        b"more\n\n" + line(),
        bad_line(),
        WITNESSES[1].cosign(HONEST.checkpoint(9), cosigned_at=7).line().encode() + b"\n",
        b"\xff" * 10,
        line() * 101,
        b"x" * (MAX_WITNESS_ANSWER_BYTES + 10),
    ],
)
def test_answer_that_is_no_cosignature_is_unsound(body: bytes) -> None:
    """Nothing it says can stand in for its signature over our checkpoint."""
    with pytest.raises(WitnessUnsound):
        answer_of(lambda asked: (200, TEXT, body))


@pytest.mark.parametrize(
    ("status", "content_type", "body", "error"),
    [
        (400, TEXT, b"bad\n", WitnessRefused),
        (403, TEXT, b"", WitnessRefused),
        (409, TEXT, b"5\n", WitnessRefused),
        (409, SIZE_CONTENT_TYPE, b"0\n", WitnessRefused),  # the size we named: version 1.0.0
        (409, SIZE_CONTENT_TYPE, b"", WitnessRefused),
        (409, SIZE_CONTENT_TYPE, b"05\n", WitnessRefused),
        (409, SIZE_CONTENT_TYPE, b"-1\n", WitnessRefused),
        (409, SIZE_CONTENT_TYPE, b"9" * 5000, WitnessRefused),
        (409, SIZE_CONTENT_TYPE, b"10\n", WitnessAhead),
        (302, TEXT, b"", WitnessRefused),
        (307, TEXT, b"", WitnessRefused),
        (429, TEXT, b"", WitnessUnreachable),
        (500, TEXT, b"", WitnessUnreachable),
        (503, TEXT, b"clock", WitnessUnreachable),
    ],
)
def test_each_answer_has_its_error(
    status: int, content_type: str, body: bytes, error: type[WitnessFailed]
) -> None:
    """So that the publisher knows whether to wait, to go on without, or to stop."""
    with pytest.raises(error) as failed:
        answer_of(lambda asked: (status, content_type, body))
    assert error is type(failed.value)


def test_size_is_told_with_parameters_too() -> None:
    """A content type may have a charset, and any case."""

    def script(asked: Submission) -> tuple[int, str, bytes]:
        if asked.old_size != 5:
            return 409, "Text/X.tlog.size; charset=utf-8", b"5\n"
        return 200, TEXT, line()

    assert answer_of(script).cosigned_at == 7


def test_witness_that_never_agrees_is_given_up() -> None:
    """After three exchanges, however it moves."""
    moving = iter([3, 4, 5, 6])

    def script(asked: Submission) -> tuple[int, str, bytes]:
        return 409, SIZE_CONTENT_TYPE, b"%d\n" % next(moving)

    with (
        closing(Scripted(script)) as witness,
        pytest.raises(WitnessUnreachable, match="another size"),
    ):
        cosign(witness.url, W0.verifier_key, 9)
    assert [asked.old_size for asked in witness.asked] == [0, 3, 4]


def test_reason_is_quoted_safely() -> None:
    """What a stranger's server says goes into our logs: one line, cut, nothing that steers."""
    with pytest.raises(WitnessRefused) as refused:
        answer_of(lambda asked: (403, TEXT, b"\x1b[2J no\r\nforged line " + b"x" * 5_000))
    message = str(refused.value)

    assert message.isprintable()
    assert len(message) < 300
    assert " no" in message


def test_nobody_there_is_unreachable() -> None:
    """A closed port, a name that is none, something that is no HTTP."""
    with pytest.raises(WitnessUnreachable):
        cosign("http://127.0.0.1:1", W0.verifier_key, 9)
    with pytest.raises(Refused, match="neither http nor https"):
        cosign("file:///etc/passwd", W0.verifier_key, 9)


def test_note_is_checked_before_anything_is_sent() -> None:
    """Our own mistake is not the witness's."""
    with pytest.raises(Malformed):
        submit("http://127.0.0.1:1", W0.verifier_key, note=b"x", old_size=0, prove=lambda old: [])


@pytest.fixture(params=["head", "body", "silence", "garbage"])
def dripping(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server that is never done with its answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"
    start = {"head": b"HTTP/1.1 200 OK\r\nX-", "body": head, "silence": b"", "garbage": b""}

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(start[request.param])
            if request.param == "garbage":
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            while not done.wait(0.05):
                try:
                    if request.param != "silence":
                        connection.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    done.set()
    thread.join()
    listener.close()


def test_answer_has_its_time_whole(dripping: str) -> None:
    """A byte now and then does not keep us; what is no HTTP does not confuse us."""
    started = time.monotonic()
    with pytest.raises(OSError):  # noqa: PT011  of many kinds, all are caught as one
        post(dripping, b"x", timeout_s=0.5)
    assert time.monotonic() - started < 3
