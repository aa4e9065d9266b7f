"""Clients that remember what they were answered, and how long it took."""

import http.client
import json
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from integration_tests.prediction_log.programs import HOST

CARS = ("civic ex-l sedan", "accord", "cr-v", "pilot", "odyssey touring")


@dataclass
class Answers:
    """What clients were answered: the id and key of each prediction, and how long it took."""

    ids: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    broken: int = 0
    refused: list[tuple[int, bytes]] = field(default_factory=list)

    def p99(self) -> float:
        """The 99th percentile of the answers' times, in seconds."""
        ordered = sorted(self.seconds)
        return ordered[len(ordered) * 99 // 100]


class Clients:
    """Clients that ask one after the other, each at its own pace."""

    def __init__(self, port: int, count: int, pause: float) -> None:
        self.port, self.pause = port, pause
        self.answers = Answers()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(count)]

    @contextmanager
    def asking(self) -> Iterator["Clients"]:
        """Ask until the block ends."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join()

    def phase(self) -> Answers:
        """The answers so far; what follows is counted anew."""
        with self._lock:
            done, self.answers = self.answers, Answers()
        return done

    def _ask(self, number: int) -> None:
        chance = random.Random(number)
        line = None
        while not self._ended.is_set():
            listing = {
                "year": chance.randint(1995, 2020),
                "manufacturer": "honda",
                "odometer": chance.randint(1, 300_000),
                "model": chance.choice(CARS),
            }
            key = str(uuid.UUID(int=chance.getrandbits(128))) if chance.random() < 0.2 else ""
            while True:  # a request with a key is repeated until it is answered
                line = line or http.client.HTTPConnection(HOST, self.port, timeout=30)
                if self._one(line, listing, key):
                    break
                line.close()
                line = None
                time.sleep(0.05)
                if not key or self._ended.is_set():
                    break
            time.sleep(chance.random() * 2 * self.pause)
        if line:
            line.close()

    def _one(self, line: http.client.HTTPConnection, listing: dict, key: str) -> bool:
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        began = time.perf_counter()
        try:
            line.request("POST", "/predict", json.dumps(listing), headers)
            response = line.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            with self._lock:
                self.answers.broken += 1
            return False
        took = time.perf_counter() - began
        with self._lock:
            if response.status != 200:
                self.answers.refused.append((response.status, content))
                return True
            answered = json.loads(content)["prediction_id"]
            self.answers.ids.append(answered)
            self.answers.seconds.append(took)
            if key:
                self.answers.keys[key] = answered
        return True
