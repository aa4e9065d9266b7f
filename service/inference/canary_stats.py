"""Counts of a worker while a canary serves: answers, failures, latencies of both models."""

import math
import threading
from collections.abc import Mapping
from typing import Any

STEPS_PER_OCTAVE = 4  # of the histogram of latencies: 19 % a step


class RoleStats:
    """The counts of one role, canary or production.

    times: histogram of single listings' latencies; the bucket is
    log2(microseconds) * STEPS_PER_OCTAVE, rounded.
    """

    def __init__(self, counts: Mapping[str, Any] | None = None) -> None:
        """counts: as `as_dict` returned them."""
        counts = counts or {}
        self.answers, self.failures = int(counts.get("answers", 0)), int(counts.get("failures", 0))
        self.times: dict[int, int] = {int(k): n for k, n in counts.get("times", {}).items()}

    def add(self, other: "RoleStats") -> None:
        """Add the counts of another worker."""
        self.answers += other.answers
        self.failures += other.failures
        for bucket, count in other.times.items():
            self.times[bucket] = self.times.get(bucket, 0) + count

    def add_latency(self, seconds: float) -> None:
        """Count the latency of one listing."""
        bucket = round(math.log2(max(seconds, 1e-7) * 1e6) * STEPS_PER_OCTAVE)
        self.times[bucket] = self.times.get(bucket, 0) + 1

    def p95(self) -> float:
        """The 95th percentile of the latencies, in seconds."""
        remaining = 0.95 * sum(self.times.values())
        for bucket in sorted(self.times):
            remaining -= self.times[bucket]
            if remaining <= 0:
                return 2 ** (bucket / STEPS_PER_OCTAVE) / 1e6
        return 0.0

    def as_dict(self) -> dict[str, object]:
        """The counts, ready for JSON; the constructor reads them."""
        return {"answers": self.answers, "failures": self.failures, "times": dict(self.times)}


class CanaryStats:
    """One worker's counts since a canary started to serve. key: `model_dir.canary_key` of it."""

    def __init__(self, key: str = "") -> None:
        self.key = key
        self.canary, self.production = RoleStats(), RoleStats()
        self._lock = threading.Lock()

    def count(self, role: str, listings: int, seconds: float | None) -> None:
        """Count answers. seconds: latency of a single listing, None for a list."""
        stats = self.canary if role == "canary" else self.production
        with self._lock:
            stats.answers += listings
            if seconds is not None:
                stats.add_latency(seconds)

    def count_failure(self, listings: int) -> None:
        """Count the listings of a request that the canary could not answer."""
        with self._lock:
            self.canary.answers += listings
            self.canary.failures += listings

    def as_dict(self) -> dict[str, Any]:
        """The counts of one moment, ready for JSON."""
        with self._lock:
            canary, production = self.canary.as_dict(), self.production.as_dict()
        return {"key": self.key, "canary": canary, "production": production}
