"""Does the probe say what the server says, and end in time whatever answers?"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ledger.limits import PROBE_TIMEOUT_S
from services.runtime import probe, settings


class Handler(BaseHTTPRequestHandler):
    """Alive, and not ready before it was asked twice."""

    asked = 0

    def do_GET(self) -> None:
        ready = self.path == "/livez" or type(self).asked > 1
        type(self).asked += self.path == "/readyz"
        self.send_response(200 if ready else 503)
        self.end_headers()
        self.wfile.write(b"ok\n" if ready else b"ledger main: not yet\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """HOST:PORT of it."""
    Handler.asked = 0
    with HTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"127.0.0.1:{served.server_address[1]}"
        served.shutdown()
        thread.join()


def test_status_says_what_the_server_says(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    """0 for 200; else 1, with the server's own words."""
    assert 0 == probe.main(["livez", "--http", server])
    assert 1 == probe.main(["readyz", "--http", server])
    assert "/readyz: 503 ledger main: not yet" in capsys.readouterr().err


def test_probe_waits_until_it_is_so(server: str) -> None:
    """With --wait it asks again."""
    assert 0 == probe.main(["readyz", "--http", server, "--wait", "60"])


def test_nobody_and_nonsense_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """1 where nobody listens, 2 for an address that is none."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert 1 == probe.main(["livez", "--http", f"127.0.0.1:{port}"])
    assert "no answer" in capsys.readouterr().err
    assert 2 == probe.main(["livez", "--http", "nowhere"])


def test_silence_is_an_answer() -> None:
    """A server that accepts and says nothing is given up within the bound."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        said = probe.ask(host, port, "livez")

    assert said is not None
    assert "timed out" in said
    assert PROBE_TIMEOUT_S <= 5


def test_address_is_the_server_s_own() -> None:
    """Without an address the probe asks where a server is by default."""
    assert settings.DEFAULT_HTTP == probe.DEFAULT_HTTP
