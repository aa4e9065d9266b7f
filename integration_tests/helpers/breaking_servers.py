"""Servers that fail in the middle of a reading: a MongoDB that is killed, an S3 that refuses."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from integration_tests.helpers.ports import HOST
from integration_tests.mongodb.mongodb_server import MongodbServer
from integration_tests.prediction_log.database_proxy import DatabaseProxy

SLOW_DOWN = (
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
DATE = "Sun, 01 Mar 2026 00:00:00 GMT"


class KillingProxy(DatabaseProxy):
    """A proxy before a MongoDB. kill_after: bytes of the next answers after which the server gets
    SIGKILL; None: never."""

    def __init__(self, server: MongodbServer, port: int) -> None:
        super().__init__(server.port, port)
        self._server = server
        self.kill_after: int | None = None

    def pass_answer(self, size: int) -> None:
        """Kill the server once enough bytes have passed."""
        if self.kill_after is None:
            return
        self.kill_after -= size
        if self.kill_after < 0:
            self.kill_after = None
            self._server.kill()
            raise ConnectionError("the server is dead")


class RefusingS3(ThreadingHTTPServer):
    """An S3 with one object, whatever its name. It tells about the object, and refuses to give it
    with 503 while `refuses`. refused: how often it did."""

    daemon_threads = True

    def __init__(self, content: bytes, port: int) -> None:
        super().__init__((HOST, port), _Handler)
        self.content, self.refuses, self.refused = content, True, 0


class _Handler(BaseHTTPRequestHandler):
    # http.server calls a method named after that of the request.
    def do_HEAD(self) -> None:  # pylint: disable=invalid-name
        """Size and version of the object."""
        self._head(200, self.server.content)

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        """The object, or a refusal."""
        if self.server.refuses:
            self.server.refused += 1
        status, body = (503, SLOW_DOWN) if self.server.refuses else (200, self.server.content)
        self._head(status, body)
        self.wfile.write(body)

    def _head(self, status: int, body: bytes) -> None:
        self.send_response(status)
        for name, value in (("ETag", '"1"'), ("Last-Modified", DATE)):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """No line per request."""
