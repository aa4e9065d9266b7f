"""What a worker counts while a canary serves: answers, failures and times of both sides."""

import math
import threading
from collections.abc import Mapping
from typing import Any

STEPS_PER_OCTAVE = 4  # of the histogram of times: 19 % a step


class Side:
    """The counts of one side, canary or production."""

    def __init__(self, known: Mapping[str, Any] | None = None) -> None:
        known = known or {}
        self.answers, self.failures = int(known.get("answers", 0)), int(known.get("failures", 0))
        self.times: dict[int, int] = {int(k): n for k, n in known.get("times", {}).items()}

    def add(self, other: "Side") -> None:
        """Count what another worker counted, too."""
        self.answers += other.answers
        self.failures += other.failures
        for step, count in other.times.items():
            self.times[step] = self.times.get(step, 0) + count

    def timed(self, seconds: float) -> None:
        """Count the time of one listing."""
        step = round(math.log2(max(seconds, 1e-7) * 1e6) * STEPS_PER_OCTAVE)
        self.times[step] = self.times.get(step, 0) + 1

    def p95(self) -> float:
        """The time, in seconds, that 95 % of the single listings needed at most."""
        left = 0.95 * sum(self.times.values())
        for step in sorted(self.times):
            left -= self.times[step]
            if left <= 0:
                return 2 ** (step / STEPS_PER_OCTAVE) / 1e6
        return 0.0

    def as_dict(self) -> dict[str, object]:
        """JSON-able; what the constructor takes."""
        return {"answers": self.answers, "failures": self.failures, "times": dict(self.times)}


class Tally:
    """One worker's counts since the challenger in `folder` came."""

    def __init__(self, folder: str = "") -> None:
        self.folder = folder
        self.canary, self.production = Side(), Side()
        self._lock = threading.Lock()

    def count(self, role: str, listings: int, seconds: float | None) -> None:
        """Count answers; the time of single listings only, lists differ in length."""
        side = self.canary if role == "canary" else self.production
        with self._lock:
            side.answers += listings
            if seconds is not None:
                side.timed(seconds)

    def count_failure(self) -> None:
        """Count a request that the canary could not answer."""
        with self._lock:
            self.canary.answers += 1
            self.canary.failures += 1

    def as_dict(self) -> dict[str, Any]:
        """JSON-able, of one moment."""
        with self._lock:
            canary, production = self.canary.as_dict(), self.production.as_dict()
        return {"folder": self.folder, "canary": canary, "production": production}
