"""Gunicorn's worker: uvicorn's, with bounded connections and an end that breaks no connection."""

import asyncio
import os
import signal
import sys
from functools import partial
from socket import socket
from typing import Any

from gunicorn.arbiter import Arbiter
from uvicorn.config import Config
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

from service.server.asgi import Service
from service.server.protocol import BoundedProtocol

TICKS_PER_SWEEP = 10  # uvicorn ticks every 0.1 s
IDLE_SECONDS = 3.0  # an idle client may send one more request to an ending worker
ANSWER_SECONDS = 20  # then unfinished requests are cancelled; below Gunicorn's graceful_timeout
HEADERS = [("X-Content-Type-Options", "nosniff")]  # of every answer


class Worker(UvicornWorker):
    """A worker that runs a `Service`."""

    CONFIG_KWARGS: dict[str, Any] = {
        "loop": "uvloop",
        "lifespan": "off",
        "ws": "none",
        "interface": "asgi3",
        "proxy_headers": False,  # connections.py knows the proxies
        "server_header": False,
        "headers": HEADERS,
        "timeout_graceful_shutdown": ANSWER_SECONDS,
    }

    async def _serve(self) -> None:
        service: Service = self.wsgi
        self.config.app = service
        self.config.http = partial(BoundedProtocol, service=service)
        server = DrainingServer(self.config, service, self.ppid)
        asyncio.get_running_loop().add_signal_handler(signal.SIGQUIT, server.quit)
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)


class DrainingServer(Server):
    """Looks after the connections, and ends in an order in which no request is lost.

    A client may send its next request at any moment, so a connection that closes without notice
    can fail a request. An ending worker therefore accepts no connection, says `Connection: close`
    in each answer, and closes idle connections after IDLE_SECONDS.
    """

    def __init__(self, config: Config, service: Service, master: int) -> None:
        super().__init__(config)
        self._master = master  # process id
        self._connections, self._log = service.connections, service.access_log

    def quit(self) -> None:
        """End at once: Gunicorn's quick shutdown."""
        self.should_exit = self.force_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Every 0.1 s: write the access log, and close slow connections now and then.

        True ends the worker: also when its master was killed, since a new master needs the port.
        """
        self._log.flush()
        if counter % TICKS_PER_SWEEP == 0:
            self._connections.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter) or os.getppid() != self._master

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Drain the connections, then end."""
        for server in self.servers:
            server.close()
        self._connections.drain()
        deadline = asyncio.get_running_loop().time() + IDLE_SECONDS
        while self._is_draining(deadline):
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)
        self._log.flush()

    def _is_draining(self, deadline: float) -> bool:
        is_late = asyncio.get_running_loop().time() > deadline
        return bool(self.server_state.connections) and not is_late and not self.force_exit
