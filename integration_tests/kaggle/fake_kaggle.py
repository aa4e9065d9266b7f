"""A fake of Kaggle's API: it serves one zip archive as Kaggle does, and can simulate faults.

Tests start `FakeKaggle`. By hand:
    python -m integration_tests.kaggle.fake_kaggle listings.zip --port 7777
prints the environment variables that lead Kaggle's clients, and the source `kaggle`, to it.
"""

import argparse
import base64
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from integration_tests.helpers.http_server import serving

DATASET = "austinreese/craigslist-carstrucks-data"
CHUNK = 1 << 14
STORAGE = "/storage/archive.zip"


@dataclass
class ReceivedRequest:
    """One request, its status, and how many bytes of the zip archive were sent."""

    path: str
    authorization: str = ""
    range: str = ""
    status: int = 0
    sent: int = 0


@dataclass
class FakeKaggle:
    """The archive, the accepted credentials and the faults. Fields may be changed while it runs."""

    content: bytes
    etag: str = '"first"'
    modified: str = "Thu, 06 May 2021 12:00:00 GMT"
    username: str = "someone"
    key: str = "0123456789abcdef"
    token: str = "KGAT_some-token"
    refresh_token: str = "refresh-me"

    refusals: list[tuple[int, str]] = field(default_factory=list)  # each once: status, message
    storage_refusals: list[int] = field(default_factory=list)  # each once, after a redirect
    breaks: list[int] = field(default_factory=list)  # each once: bytes before it disconnects
    retry_after: str = ""
    redirects: bool = False
    supports_ranges: bool = True
    honours_if_range: bool = True
    sends_length: bool = True
    wrong_length: int = 0  # a Content-Length that is not true
    pause: float = 0.0  # seconds per 16 KiB

    port: int = 0
    requests: list[ReceivedRequest] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead Kaggle's clients to this server, which they use as a proxy."""
        return {
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            "http_proxy": f"http://127.0.0.1:{self.port}",
            "no_proxy": "127.0.0.1",
        }

    @property
    def key_environment(self) -> dict[str, str]:
        """Variables with the accepted user name and key."""
        return {"KAGGLE_USERNAME": self.username, "KAGGLE_KEY": self.key}

    @property
    def downloads(self) -> list[ReceivedRequest]:
        """The requests for the archive, and those that followed a redirect to it."""
        return [r for r in self.requests if r.path.endswith(("/DownloadDataset", STORAGE))]

    @property
    def sent(self) -> int:
        """Bytes of archives that were sent since the last `forget_requests`."""
        return sum(request.sent for request in self.requests)

    def forget_requests(self) -> None:
        """Empty the list of requests."""
        self.requests.clear()

    def accepts(self, authorization: str) -> bool:
        """Whether the header has the accepted token, or the accepted name and key."""
        basic = base64.b64encode(f"{self.username}:{self.key}".encode()).decode()
        return authorization in (f"Bearer {self.token}", f"Basic {basic}")

    @contextmanager
    def running(self, port: int = 0) -> Iterator["FakeKaggle"]:
        """Serve on 127.0.0.1 until the end of the block."""
        server = _Server(("127.0.0.1", port), type("Bound", (_Handler,), {"kaggle": self}))
        self.port = server.server_address[1]
        with serving(server):
            yield self


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address) -> None:
        """Ignore clients that disconnect: tests kill them on purpose."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    kaggle: FakeKaggle
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # pylint: disable=invalid-name
        """A call of the API, with a path or, as to a proxy, with an absolute address."""
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        path = urlsplit(self.path).path
        answer = {
            "security.OAuthService/IntrospectToken": self._introspect,
            "users.AccountService/GenerateAccessToken": self._renew,
            "datasets.DatasetApiService/GetDatasetMetadata": self._metadata,
            "datasets.DatasetApiService/DownloadDataset": self._download,
        }.get(re.sub("^(/api)?/v1/", "", path))
        if answer is None:
            return self._json(404, {"code": 404, "message": f"no {path} here"})
        return answer(body)

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        """The storage that downloads are redirected to."""
        if urlsplit(self.path).path != STORAGE:
            self._json(404, {})
        elif self.kaggle.storage_refusals:
            self._json(self.kaggle.storage_refusals.pop(0), {})
        else:
            self._content()

    def _introspect(self, body: dict) -> None:
        valid = body.get("token") == self.kaggle.token
        self._json(200, {"active": valid, "username": self.kaggle.username if valid else ""})

    def _renew(self, body: dict) -> None:
        if body.get("refreshToken") != self.kaggle.refresh_token:
            return self._refuse(401, "Unauthenticated")
        return self._json(200, {"token": self.kaggle.token, "expiresIn": 3600})

    def _metadata(self, body: dict) -> None:
        del body
        self._json(200, {"info": {"licenses": [{"name": "CC0-1.0"}]}})

    def _download(self, body: dict) -> None:
        if self.kaggle.refusals:
            return self._refuse(*self.kaggle.refusals.pop(0))
        if not self.kaggle.accepts(self.headers.get("Authorization", "")):
            return self._refuse(401, "Unauthenticated")
        if f"{body.get('ownerSlug')}/{body.get('datasetSlug')}" != DATASET:
            return self._refuse(404, "Not found")
        if not self.kaggle.redirects:
            return self._content()
        self._note(302)
        self.send_response(302)
        # Another host, as with Kaggle: the client must not send the credentials there.
        address = f"http://127.0.0.1:{self.kaggle.port}{STORAGE}?X-Signature=secret"
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        return self.end_headers()

    def _content(self) -> None:
        content, start = self.kaggle.content, self._start()
        if start >= len(content) > 0:
            return self._refuse(416, "Range not satisfiable")
        request = self._note(206 if start else 200)
        self.send_response(request.status)
        self.send_header("Content-Type", "application/zip")
        for name, value in (("ETag", self.kaggle.etag), ("Last-Modified", self.kaggle.modified)):
            if value:
                self.send_header(name, value)
        if self.kaggle.supports_ranges:
            self.send_header("Accept-Ranges", "bytes")
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.kaggle.sends_length:
            length = self.kaggle.wrong_length or len(content) - start
            self.send_header("Content-Length", str(length))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        return self._body(content[start:], request)

    def _start(self) -> int:
        requested = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        unchanged = (None, self.kaggle.etag, self.kaggle.modified)
        matches = not self.kaggle.honours_if_range or self.headers.get("If-Range") in unchanged
        return int(requested[1]) if requested and matches and self.kaggle.supports_ranges else 0

    def _body(self, content: bytes, request: ReceivedRequest) -> None:
        limit = self.kaggle.breaks.pop(0) if self.kaggle.breaks else len(content)
        try:
            for begin in range(0, min(limit, len(content)), CHUNK):
                self.wfile.write(content[begin : min(begin + CHUNK, limit)])
                request.sent = min(begin + CHUNK, limit, len(content))
                time.sleep(self.kaggle.pause)
        except ConnectionError:  # the client has disconnected
            self.close_connection = True
        if limit < len(content):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _refuse(self, status: int, message: str) -> None:
        self._json(status, {"code": status, "message": message})

    def _json(self, status: int, content: dict) -> None:
        self._note(status)
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.kaggle.retry_after:
            self.send_header("Retry-After", self.kaggle.retry_after)
        self.end_headers()
        self.wfile.write(body)

    def _note(self, status: int) -> ReceivedRequest:
        authorization = self.headers.get("Authorization", "")
        byte_range, path = self.headers.get("Range", ""), urlsplit(self.path).path
        self.kaggle.requests.append(ReceivedRequest(path, authorization, byte_range, status))
        return self.kaggle.requests[-1]

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """No line per request."""


def main() -> None:
    """Serve one zip archive until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A fake of Kaggle's API with one dataset.")
    parser.add_argument("zip", type=Path, help="the archive that is served")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    options = parser.parse_args()
    with FakeKaggle(options.zip.read_bytes()).running(options.port) as kaggle:
        for name, value in (kaggle.environment | kaggle.key_environment).items():
            print(f"export {name}={value}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
