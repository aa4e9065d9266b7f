"""A receiver of messages: a real HTTP server that keeps what Apprise posts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from integration_tests.helpers.ports import HOST, free_port


class FakeReceiver:
    """Can be switched on and off. messages: what it took, oldest first."""

    def __init__(self) -> None:
        self.port = free_port()
        self.messages: list[dict] = []
        self._server: ThreadingHTTPServer | None = None

    @property
    def address(self) -> str:
        """Its address for Apprise, with a secret in it."""
        return f"json://{HOST}:{self.port}/secret-path"

    def start(self) -> None:
        """Take messages."""
        messages = self.messages

        class Handler(BaseHTTPRequestHandler):
            """Keeps each posted message."""

            def do_POST(self):  # pylint: disable=invalid-name,missing-function-docstring
                messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):  # pylint: disable=arguments-differ
                """Nothing."""

        self._server = ThreadingHTTPServer((HOST, self.port), Handler)
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def texts(self, word: str) -> list[str]:
        """The messages with that word in title or text."""
        both = [f"{one['title']}\n{one['message']}" for one in self.messages]
        return [text for text in both if word in text]


@contextmanager
def receivers(file: Path, count: int = 1) -> Iterator[list[FakeReceiver]]:
    """Running receivers, whose addresses are in `file`."""
    every = [FakeReceiver() for _ in range(count)]
    file.write_text("\n".join(one.address for one in every), encoding="utf-8")
    try:
        for one in every:
            one.start()
        yield every
    finally:
        for one in every:
            one.stop()
