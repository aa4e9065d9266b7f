"""Clients that send predictions at a fixed pace and remember each answer and its latency."""

import http.client
import json
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from integration_tests.helpers.ports import HOST

MODELS = ("civic ex-l sedan", "accord", "cr-v", "pilot", "odyssey touring")
KEYED_SHARE = 0.2  # of the requests have an Idempotency-Key
RETRY_SECONDS = 0.05


@dataclass
class ClientResults:
    """The answers that clients received.

    ids: of the predictions; keys: Idempotency-Key → id of its prediction; seconds: latency of each
    answer; broken: connections; refused: (status, body) of the answers other than 200.
    """

    ids: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    broken: int = 0
    refused: list[tuple[int, bytes]] = field(default_factory=list)

    def p99(self) -> float:
        """The 99th percentile of the latencies, in seconds."""
        ordered = sorted(self.seconds)
        return ordered[len(ordered) * 99 // 100]


class LoadClients:
    """Clients that each send one request after the other, and pause `pause` seconds on average."""

    def __init__(self, port: int, count: int, pause: float) -> None:
        self.port, self.pause = port, pause
        self.results = ClientResults()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._send_all, args=(n,)) for n in range(count)]

    @contextmanager
    def running(self) -> Iterator["LoadClients"]:
        """Send requests until the block ends."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join()

    def next_phase(self) -> ClientResults:
        """The results so far; those that follow are counted from zero."""
        with self._lock:
            results, self.results = self.results, ClientResults()
        return results

    def _send_all(self, seed: int) -> None:
        generator = random.Random(seed)
        connection = None
        while not self._ended.is_set():
            listing = {
                "year": generator.randint(1995, 2020),
                "manufacturer": "honda",
                "odometer": generator.randint(1, 300_000),
                "model": generator.choice(MODELS),
            }
            keyed = generator.random() < KEYED_SHARE
            key = str(uuid.UUID(int=generator.getrandbits(128))) if keyed else ""
            while True:  # a request with a key is repeated until it is answered
                connection = connection or http.client.HTTPConnection(HOST, self.port, timeout=30)
                if self._send(connection, listing, key):
                    break
                connection.close()
                connection = None
                time.sleep(RETRY_SECONDS)
                if not key or self._ended.is_set():
                    break
            time.sleep(generator.random() * 2 * self.pause)
        if connection:
            connection.close()

    def _send(self, connection: http.client.HTTPConnection, listing: dict, key: str) -> bool:
        """Whether the request was answered, with any status."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        started = time.perf_counter()
        try:
            connection.request("POST", "/predict", json.dumps(listing), headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            with self._lock:
                self.results.broken += 1
            return False
        seconds = time.perf_counter() - started
        with self._lock:
            if response.status != 200:
                self.results.refused.append((response.status, content))
                return True
            prediction_id = json.loads(content)["prediction_id"]
            self.results.ids.append(prediction_id)
            self.results.seconds.append(seconds)
            if key:
                self.results.keys[key] = prediction_id
        return True
