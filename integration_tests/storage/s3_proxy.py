"""A proxy before an S3 server that refuses some requests, or loses their answers."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

from integration_tests.helpers.http_server import serving
from integration_tests.helpers.ports import HOST

BODY = "<Error><Code>{0}</Code><Message>{0}</Message></Error>"
REASONS = {403: "ExpiredToken", 503: "SlowDown"}
NO_ANSWER = -1
PATIENCE = 60  # seconds for an answer of the server
OWN_HEADERS = ("connection", "transfer-encoding")  # of one connection, not of the request


class S3Request(NamedTuple):
    """A request to the server. method: such as PUT. path: with the query. key: the access key that
    signed it. token: of temporary credentials, "" without."""

    method: str
    path: str
    key: str
    token: str


class S3Proxy(ThreadingHTTPServer):
    """refusal: the status that a request gets instead of the server's answer; NO_ANSWER closes the
    connection, 0 forwards the request. loses_answer: whether a request reaches the server, and its
    sender gets 503 all the same.

    seen: all requests. refused: how many were not forwarded.
    """

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__((HOST, 0), _Handler)
        self.target = urlsplit(target)
        self.refusal: Callable[[S3Request], int]
        self.loses_answer: Callable[[S3Request], bool]
        self.forward_all()
        self.seen: list[S3Request] = []

    def forward_all(self) -> None:
        """Be as good as the server from now on, and count anew."""
        self.refusal, self.loses_answer, self.refused = lambda _: 0, lambda _: False, 0

    @property
    def url(self) -> str:
        """Its address, to be used as AWS_ENDPOINT_URL."""
        return f"http://{HOST}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def forward(self) -> None:
        """Forward any request, and the answer, unless it is refused."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = self._request()
        self.server.seen.append(request)
        if status := self.server.refusal(request):
            self.server.refused += 1
            self._refuse(status)
            return
        answer = self._forwarded(body)
        if self.server.loses_answer(request):
            self._refuse(503)
        else:
            self._answer(*answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward

    def _refuse(self, status: int) -> None:
        if status == NO_ANSWER:
            self.close_connection = True
        else:
            self._answer(status, [], BODY.format(REASONS[status]).encode())

    def _request(self) -> S3Request:
        signed = self.headers.get("Authorization", "")
        key = signed.partition("Credential=")[2].partition("/")[0]
        token = self.headers.get("X-Amz-Security-Token", "")
        return S3Request(self.command, self.path, key, token)

    def _forwarded(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        target = self.server.target
        headers = {n: v for n, v in self.headers.items() if n.lower() not in OWN_HEADERS}
        with closing(HTTPConnection(target.hostname, target.port, PATIENCE)) as connection:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        sizes = [value for name, value in headers if name.lower() == "content-length"]
        length = sizes[0] if sizes and self.command == "HEAD" else str(len(content))
        for name, value in headers:
            if name.lower() not in (*OWN_HEADERS, "content-length", "server", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """No line per request."""


@contextmanager
def s3_proxy(target: str) -> Iterator[S3Proxy]:
    """A proxy before the S3 server at the address `target`."""
    with serving(S3Proxy(target)) as proxy:
        yield proxy
