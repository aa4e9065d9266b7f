"""Connections of a worker to the prediction log in PostgreSQL: few at a time, and short ones."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vehicle_price.prediction_log.errors import DatabaseUnavailable
from vehicle_price.settings import Settings

if TYPE_CHECKING:
    from vehicle_price.prediction_log.database import Connection

TIMEOUT_SECONDS = 2.0  # for a connection to be free, and for each answer of PostgreSQL


class LogConnections:
    """most: connections at a time; more would only queue at the database."""

    def __init__(self, settings: Settings, most: int) -> None:
        self._settings = settings
        self._free = threading.BoundedSemaphore(most)

    @contextmanager
    def connected(self) -> Iterator["Connection"]:
        """A connection. Raises DatabaseUnavailable, also for the errors of its statements."""
        # Imported here: a worker without look-ups needs no database driver.
        from vehicle_price.prediction_log.database import address_of, connected, translated

        address = address_of(self._settings)
        # pylint: disable-next=consider-using-with  # which could not give up waiting
        if not self._free.acquire(timeout=TIMEOUT_SECONDS):
            raise DatabaseUnavailable("too many look-ups wait for PostgreSQL")
        try:
            with connected(address, TIMEOUT_SECONDS) as connection, translated(address):
                yield connection
        finally:
            self._free.release()
