"""How is a request sent to somebody who may never finish the answer? Within a time, to the last byte.

    url, body ──post──► Reply(status, content type, body), or OSError within `timeout_s`
    url ───────get───┘

The standard library's timeout is one of each read; a byte every few seconds would hold us for
days. No redirects: whoever moves tells us where.
"""

from __future__ import annotations

import io
import socket
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final

from ledger.errors import Refused
from ledger.limits import MAX_WITNESS_ANSWER_BYTES


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever its status; a longer body than we read is cut."""

    status: int
    content_type: str
    body: bytes


def post(url: str, body: bytes, *, timeout_s: float) -> Reply:
    """Send a body and read the answer, 65,536 bytes of it at most.

    Connecting and sending take `timeout_s` at most, and so does the answer, headers included.

    Raises:
        Refused: The URL is not of http or https.
        OSError: Nobody answered, or not in time, or not in HTTP.
    """
    return _ask(url, body, most=MAX_WITNESS_ANSWER_BYTES, timeout_s=timeout_s)


def get(url: str, *, most: int, timeout_s: float) -> Reply:
    """Read what lies under a URL; raises as `post`, and OSError beyond `most` bytes."""
    reply = _ask(url, None, most=most + 1, timeout_s=timeout_s)
    if len(reply.body) > most:
        raise OSError(f"the answer is longer than {most} bytes")
    return reply


def _ask(url: str, body: bytes | None, *, most: int, timeout_s: float) -> Reply:
    if not url.startswith(("http://", "https://")):
        raise Refused(f"{url} is neither http nor https")
    headers = {"User-Agent": "candour"}
    if body is not None:
        headers["Content-Type"] = "text/plain; charset=utf-8"
    request = urllib.request.Request(url, body, headers)  # noqa: S310  checked above
    try:
        try:
            response = _OPENER.open(request, timeout=timeout_s)
        except urllib.error.HTTPError as answered:
            response = answered
        with response:
            content_type = response.headers.get("Content-Type", "")
            return Reply(response.status, content_type, response.read(most))
    except urllib.error.URLError as error:
        raise OSError(str(error.reason)) from None
    except (HTTPException, ValueError) as error:
        raise OSError(f"not an HTTP answer: {error!r}") from None


class _Until(io.RawIOBase):
    """Reads from a connection until a deadline, however slowly the bytes come."""

    def __init__(self, connection: socket.socket) -> None:
        self._raw = connection.makefile("rb", buffering=0)
        self._connection = connection
        self._deadline = time.monotonic() + (connection.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._connection.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self.fp.close()
        self.fp = io.BufferedReader(_Until(sock))


class _Http(HTTPConnection):
    response_class = _Response


class _Https(HTTPSConnection):
    response_class = _Response


class _HttpHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_Http, req)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_Https, req)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **more: Any) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_HttpHandler, _HttpsHandler, _NoRedirects)
