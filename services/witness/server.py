"""Who may ask a witness, and for how long? Anybody, for ten seconds, 64 at a time.

    POST /add-checkpoint                       ──► WitnessService.add_checkpoint
    GET  /<SHA-256 of origin, hex>/checkpoint  ──► WitnessService.latest
    GET  /status                               ──► WitnessService.status

Requests need no credentials: the log's signature is one. TLS is a proxy's work.
"""

from __future__ import annotations

import io
import logging
import re
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from ledger.limits import MAX_SUBMISSION_BYTES, MAX_WITNESS_CONNECTIONS, WITNESS_REQUEST_S
from services.witness.service import Answer, WitnessService

_log: Final = logging.getLogger("candour.witness")
_LATEST: Final = re.compile("/([0-9a-f]{64})/checkpoint")
_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness; a thread a connection.

    Args:
        host, port: Where to listen; port 0 picks a free one.
        service: Closed by whoever made it.
    """

    daemon_threads = True
    request_queue_size = MAX_WITNESS_CONNECTIONS

    def __init__(self, host: str, port: int, service: WitnessService) -> None:
        self.service = service
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._places = threading.BoundedSemaphore(MAX_WITNESS_CONNECTIONS)
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Where it listens: submission and monitoring prefix."""
        host, port = self.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    def server_bind(self) -> None:
        """Bind without asking the name service who we are."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, if one is left."""
        if not self._places.acquire(blocking=False):
            request.settimeout(0)
            request.send(_BUSY)  # an error here ends the connection, which is what we want
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve it to its end, then let another one in."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is its own end only."""
        _log.debug("connection ended", exc_info=True)


class _Patience(io.RawIOBase):
    """Reads from a socket until a deadline, however slowly the bytes come."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.deadline = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version = "candour-witness"
    sys_version = ""
    error_message_format = "%(message)s\n"
    error_content_type = "text/plain; charset=utf-8"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._patience = _Patience(self.connection)
        self.rfile = io.BufferedReader(self._patience)

    def handle_one_request(self) -> None:
        self._patience.deadline = time.monotonic() + WITNESS_REQUEST_S
        super().handle_one_request()

    def do_POST(self) -> None:  # http.server calls it so
        if self.path != "/add-checkpoint":
            self._refuse(404, "not found")
            return
        length = self._announced()
        if length is None:
            self._refuse(411, "Content-Length: must be there once, and no Transfer-Encoding")
        elif length > MAX_SUBMISSION_BYTES:
            self._refuse(413, f"submission: must be {MAX_SUBMISSION_BYTES} bytes at most")
        else:
            body = self.rfile.read(length)
            if len(body) < length:
                self.close_connection = True  # nobody is there to be answered
            else:
                self._answer(self.server.service.add_checkpoint(body))

    def do_GET(self) -> None:  # http.server calls it so
        if self._announced() != 0:
            self.close_connection = True  # a body we do not read must not pass for a request
        match = _LATEST.fullmatch(self.path)
        if self.path == "/status":
            self._answer(self.server.service.status())
        elif match is None:
            self._refuse(404, "not found")
        else:
            self._answer(self.server.service.latest(match[1]))

    def _announced(self) -> int | None:
        """Bytes of body to come; None where that is not said plainly."""
        lengths = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers:
            return None
        if not lengths:
            return 0 if self.command == "GET" else None
        plain = len(lengths) == 1 and re.fullmatch("[0-9]{1,19}", lengths[0])
        return int(lengths[0]) if plain else None

    def _refuse(self, status: int, reason: str) -> None:
        """Answer without having read a body; what follows on this connection is not a request."""
        self.close_connection = True
        self._answer(Answer(status, f"{reason}\n".encode()))

    def _answer(self, answer: Answer) -> None:
        self.connection.settimeout(WITNESS_REQUEST_S)  # for whoever does not read
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        if answer.status == 503:
            self.send_header("Retry-After", "1")
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name in http.server
        """Who asked is nobody's business; what, is there to be debugged."""
        _log.debug(format, *args)
