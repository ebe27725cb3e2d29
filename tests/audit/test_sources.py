"""What can a server do to an audit? It may be slow, silent, broken or hostile: it is left in time."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest

from services.audit.sources import Server, SourceFailed
from services.audit.tiles import TileAudit
from tests.audit.copies import KEY, as_tiles, copy_of, honest
from tests.audit.logs import entry, write_tiles

BUNDLE: Final = "/tile/entries/001"
_WAIT_S: Final = 30
Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return as_tiles(copy_of(honest()), tmp_path_factory.mktemp("genuine") / "log")


@contextmanager
def served(
    log: Path,
    answer: Answer,
    asked: list[str] | None = None,
    others: Mapping[str, Answer] = MappingProxyType({}),
) -> Iterator[str]:
    """A server that is honest about all files but one bundle, or more by name; its prefix."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.path)
            file = log / self.path[1:]
            if self.path == BUNDLE:
                answer(self, file.read_bytes())
            elif self.path[-3:] in others:
                others[self.path[-3:]](self, file.read_bytes())
            elif file.is_file():
                send(self, file.read_bytes())
            else:
                send(self, b"", status=404)

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, name="test-hostile")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(_WAIT_S)


def send(to: BaseHTTPRequestHandler, body: bytes, *, status: int = 200, **headers: str) -> None:
    to.send_response(status)
    for name, value in headers.items():
        to.send_header(name.replace("_", "-"), value)
    to.send_header("Content-Length", str(len(body)))
    to.end_headers()
    to.wfile.write(body)


def audit(url: str, **more: float) -> TileAudit:
    return TileAudit(Server(url, timeout_s=more.get("timeout_s", 10.0), tries=2), KEY)


def test_honest_server_passes(log: Path) -> None:
    """With the bundle as it is, plain or compressed."""
    for answer in (send, lambda to, body: send(to, gzip.compress(body), Content_Encoding="gzip")):
        with served(log, answer) as url:
            assert audit(url).run().good


@pytest.mark.parametrize(
    "answer",
    [
        lambda to, body: send(to, body + bytes(100)),
        lambda to, _body: send(to, bytes(40_000_000)),
        lambda to, _body: send(to, gzip.compress(bytes(1 << 30), 1), Content_Encoding="gzip"),
        lambda to, _body: send(to, b"", status=404),
        lambda to, _body: send(to, b"", status=410),
        lambda to, _body: send(to, b""),
    ],
    ids=["longer", "much longer", "bomb", "not there", "gone", "empty"],
)
def test_what_is_no_bundle_is_a_difference(log: Path, answer: Answer) -> None:
    """However much it is: only as much is read as can be right."""
    with served(log, answer) as url:
        report = audit(url).run()

    assert ["entries"] == [item.name for item in report.checks if item.outcome == "differs"]
    assert [256] == [item.where for item in report.findings]


def drips(to: BaseHTTPRequestHandler, body: bytes) -> None:
    """A byte now and then, for ever."""
    to.send_response(200)
    to.send_header("Content-Length", str(len(body)))
    to.end_headers()
    for _ in range(200):
        to.wfile.write(b"\0")
        time.sleep(0.1)


def hangs(to: BaseHTTPRequestHandler, _body: bytes) -> None:
    """Not even a status."""
    time.sleep(60)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (drips, "took too long|timed out"),
        (hangs, "timed out"),
        (lambda to, _body: send(to, b"", status=500), "answers 500"),
        (lambda to, _body: send(to, b"", status=403), "answers 403"),
        (lambda to, _body: send(to, b"", status=301, Location="/elsewhere"), "answers 301"),
        (lambda to, body: send(to, body, Content_Encoding="gzip"), "not gzip"),
        (lambda to, body: send(to, gzip.compress(body)[:-9], Content_Encoding="gzip"), "not gzip"),
        (lambda to, _body: to.wfile.write(b"garbage\r\n\r\n"), "HTTP"),
    ],
    ids=["drips", "hangs", "500", "403", "elsewhere", "not gzip", "cut gzip", "garbage"],
)
def test_what_tells_nothing_ends_the_audit(log: Path, answer: Answer, said: str) -> None:
    """Within the time of its tries; it is neither good nor a difference, and says why."""
    began = time.monotonic()
    with served(log, answer) as url, pytest.raises(SourceFailed, match=said):
        audit(url, timeout_s=1.0).run()
    assert time.monotonic() - began < _WAIT_S


def test_slow_slice_ends_the_audit(log: Path) -> None:
    """A server that answers each request in time, and all of them never."""

    def slowly(to: BaseHTTPRequestHandler, body: bytes) -> None:
        time.sleep(0.3)
        send(to, body)

    with served(log, slowly) as url, pytest.raises(SourceFailed, match="were not enough"):
        TileAudit(Server(url, slice_s=0.1), KEY).run()


def test_failed_request_is_tried_again(log: Path) -> None:
    """One answer of 503 costs a moment, not the audit."""
    asked: list[str] = []

    def busy_once(to: BaseHTTPRequestHandler, body: bytes) -> None:
        send(to, body) if asked.count(BUNDLE) > 1 else send(to, b"", status=503)

    with served(log, busy_once, asked) as url:
        assert audit(url).run().good
    assert 2 == asked.count(BUNDLE)


def test_other_processes_are_not_waited_for(tmp_path: Path) -> None:
    """One slice cannot be read, and another's server hangs: the audit ends at once."""
    write_tiles(tmp_path, [entry(number) for number in range(65_536 + 300)])
    began = time.monotonic()
    with (
        served(tmp_path, lambda to, _body: send(to, b"", status=403), others={"256": hangs}) as url,
        pytest.raises(SourceFailed, match="answers 403"),
    ):
        TileAudit(Server(url, timeout_s=120), KEY, workers=2).run()
    assert time.monotonic() - began < _WAIT_S


def test_nobody_there_ends_the_audit(log: Path) -> None:
    """A refused connection says nothing of the log."""
    with served(log, send) as url:
        pass
    with pytest.raises(SourceFailed):
        audit(url).run()
