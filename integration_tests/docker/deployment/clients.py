"""Clients that ask for prices all the time, and notice every request that is not answered."""

import csv
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from vehicle_price.schema import EXAMPLE

PAUSE = 0.03  # seconds between two requests of one client: the machine has other work
MOST_SHOWN = 10
SLOW_ROWS, SLOW_SECONDS = 10, 2  # rows of a file that a slow client sends, and the time between two
HEAD = b"year,manufacturer,model,odometer,description\n"
ROW = f"2014,honda,civic,88000,{'x' * 6_000}\n".encode()  # the service wants 1,000 bytes a second


class Clients:
    """What they saw. answered: prediction ids. files: answered ones. failures: in words."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answered: list[str] = []
        self.prices: set[int] = set()
        self.files = 0
        self.failures: list[str] = []
        self._stop = threading.Event()

    def assert_none_failed(self, since: int) -> None:
        """No request has failed, and new ones were answered. since: an earlier count of them."""
        assert not self.failures, self.failures[:MOST_SHOWN]
        assert len(self.answered) > since

    def ask(self, keeps_connection: bool) -> None:
        """Ask until the end, on one connection, or on a new one for each request."""
        session = requests.Session()
        while not self._stop.wait(PAUSE):
            try:
                sender = session if keeps_connection else requests
                answer = sender.post(f"{self.url}/predict", json=EXAMPLE, timeout=60)
                if answer.status_code != 200:
                    self.failures.append(f"{answer.status_code} {answer.text[:300]}")
                    continue
                prediction = answer.json()
                self.answered.append(prediction["prediction_id"])
                self.prices.add(prediction["price"])
            except (requests.RequestException, ValueError, KeyError) as error:
                self.failures.append(repr(error))

    def send_slowly(self) -> None:
        """Send files that take longer than any other step of a switch."""
        while not self._stop.is_set():
            try:
                head = {"Content-Type": "text/csv"}
                address = f"{self.url}/predict/batch"
                answer = requests.post(address, data=_slow_rows(), headers=head, timeout=120)
                rows = list(csv.DictReader(answer.text.splitlines()))
                if answer.status_code != 200 or len(rows) != SLOW_ROWS:
                    self.failures.append(f"file: {answer.status_code} {answer.text[:300]}")
                    continue
                self.answered += [row["prediction_id"] for row in rows]
                self.files += 1
            except (requests.RequestException, ValueError, KeyError) as error:
                self.failures.append(f"file: {error!r}")

    def end(self) -> None:
        """Let them finish the request that they are at."""
        self._stop.set()


def _slow_rows() -> Iterator[bytes]:
    yield HEAD
    for _ in range(SLOW_ROWS):
        time.sleep(SLOW_SECONDS)  # slowness is what this client is for; nothing waits for it
        yield ROW


@contextmanager
def clients(url: str) -> Iterator[Clients]:
    """Two clients that keep their connection, two that do not, and two that send slowly."""
    asking = Clients(url)
    threads = [
        *(threading.Thread(target=asking.ask, args=(keeps,)) for keeps in (True, False) * 2),
        *(threading.Thread(target=asking.send_slowly) for _ in range(2)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield asking
    finally:
        asking.end()
        for thread in threads:
            thread.join()
