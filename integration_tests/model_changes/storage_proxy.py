"""An HTTP proxy before MLflow that forwards everything and can make downloads fail."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from integration_tests.helpers.http_server import serving

DOWNLOADS = "/api/2.0/mlflow-artifacts/artifacts/"
OPEN, SILENT = "open", "silent"  # or a status: 403, 500
FORWARDED = ("Content-Type", "Accept", "Range")


class StorageProxy(ThreadingHTTPServer):
    """mode: OPEN; SILENT, which stalls in the middle of a file; or the status of each download.

    failed: how many downloads it made fail.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, target: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.mode, self.failed = target, OPEN, 0
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        """Its address, to be used instead of MLflow's."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def forward(self) -> None:
        """Forward any request to MLflow, and its answer to the client, unless the mode forbids."""
        mode = self.server.mode if self.path.startswith(DOWNLOADS) else OPEN
        if mode not in (OPEN, SILENT):
            self.server.failed += 1
            self.send_error(int(mode))
            return
        status, content_type, content = self._mlflow_answer()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with suppress(ConnectionError):
            if mode == SILENT:
                self.server.failed += 1
                self.wfile.write(content[: len(content) // 2])
                self.server.ended.wait(60)
            else:
                self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = forward

    def _mlflow_answer(self) -> tuple[int, str, bytes]:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: self.headers[name] for name in FORWARDED if name in self.headers}
        with closing(HTTPConnection("127.0.0.1", self.server.target, timeout=60)) as connection:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", ""), answer.read()

    def log_message(self, *_: object) -> None:
        """No line per request."""


@contextmanager
def storage_proxy(target: int) -> Iterator[StorageProxy]:
    """A proxy before the MLflow at the port `target`."""
    with serving(StorageProxy(target)) as proxy:
        try:
            yield proxy
        finally:
            proxy.ended.set()
