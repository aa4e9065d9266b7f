"""Clients that ask for prices all the time, and notice every request that is not answered."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from vehicle_price.schema import EXAMPLE

PAUSE = 0.03  # seconds between two requests of one client: the machine has other work
MOST_SHOWN = 10


class Clients:
    """What they saw. answered: prediction ids. failures: in words."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answered: list[str] = []
        self.prices: set[int] = set()
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

    def end(self) -> None:
        """Let them finish the request that they are at."""
        self._stop.set()


@contextmanager
def clients(url: str) -> Iterator[Clients]:
    """Two clients that keep their connection and two that do not."""
    asking = Clients(url)
    threads = [
        threading.Thread(target=asking.ask, args=(keeps,)) for keeps in (True, True, False, False)
    ]
    for thread in threads:
        thread.start()
    try:
        yield asking
    finally:
        asking.end()
        for thread in threads:
            thread.join()
