"""A TCP proxy before a database that can let connections through, refuse them, or fall silent."""

import select
import socket
import threading
import time
from contextlib import suppress

from integration_tests.helpers.ports import HOST, free_port

OPEN, REFUSING, SILENT = "open", "refusing", "silent"


class DatabaseProxy:
    """Forwards connections to a port.

    mode: OPEN; REFUSING, when nothing listens; or SILENT, when connections are accepted and never
    answered. port: its own; a free one if it is 0.
    """

    def __init__(self, target_port: int, port: int = 0) -> None:
        self.target_port, self.port, self.mode = target_port, port or free_port(), REFUSING
        self._listener: socket.socket | None = None
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    def switch(self, mode: str) -> None:
        """Change the mode. Open connections break when it is REFUSING, and stall when SILENT."""
        self.mode = mode
        if mode == REFUSING:
            self._close()
        elif self._listener is None:
            self._listener = socket.create_server((HOST, self.port))
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _close(self) -> None:
        listener, self._listener = self._listener, None
        if listener:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for pair in self._pairs:
            for side in pair:
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            self._wait_while_silent()
            with socket.create_connection((HOST, self.target_port)) as server:
                self._pairs.append((client, server))
                self._forward(client, server)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        peers = {client: server, server: client}
        while True:
            for side in select.select([client, server], [], [], 0.2)[0]:
                content = side.recv(65_536)
                self._wait_while_silent()
                if not content:
                    return
                if side is server:
                    self.pass_answer(len(content))
                peers[side].sendall(content)

    def pass_answer(self, size: int) -> None:
        """Called before so many bytes of the database reach a client. An OSError breaks the
        connection."""

    def _wait_while_silent(self) -> None:
        while self.mode == SILENT:
            time.sleep(0.1)
