"""Processes that are started again when they are killed, and a database that can be away."""

import select
import signal
import socket
import subprocess
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"


def free_port() -> int:
    """A port nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class Program:
    """A process that is started again whenever it ends, as supervisord does."""

    def __init__(self, name: str, command: list[str], environ: dict[str, str], log: Path) -> None:
        self.name, self.command, self.environ, self.log = name, command, environ, log
        self.process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start it, and watch over it in a thread."""
        self._wanted = True
        self._spawn()
        threading.Thread(target=self._watch, daemon=True).start()

    def kill(self) -> None:
        """kill -9."""
        if self.process:
            self.process.kill()

    def stop(self) -> None:
        """End it for good."""
        with self._lock:
            self._wanted = False
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT if self.name == "postgres" else signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def _spawn(self) -> None:
        with self.log.open("ab") as log:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environ, stdout=log, stderr=log
            )

    def _watch(self) -> None:
        while self._wanted:
            self.process.wait()
            time.sleep(0.3)
            with self._lock:
                if self._wanted:
                    self._spawn()


class Proxy:
    """Stands before PostgreSQL. mode: open, refusing (no listener) or silent (a black hole)."""

    def __init__(self, target: int) -> None:
        self.target, self.port, self.mode = target, free_port(), "refusing"
        self._listener: socket.socket | None = None
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    def switch(self, mode: str) -> None:
        """Change the mode. Open connections break, or fall silent for a black hole."""
        self.mode = mode
        if mode == "refusing":
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
            while self.mode == "silent":
                time.sleep(0.1)
            with socket.create_connection((HOST, self.target)) as server:
                self._pairs.append((client, server))
                self._pump(client, server)

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        while True:
            for side in select.select([client, server], [], [], 0.2)[0]:
                content = side.recv(65_536)
                while self.mode == "silent":
                    time.sleep(0.1)
                if not content:
                    return
                other[side].sendall(content)
