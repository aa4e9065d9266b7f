"""The counters of the service, for Prometheus. One `Metrics` per application.

Under Gunicorn, PROMETHEUS_MULTIPROC_DIR makes prometheus_client write each worker's counters to
files that any worker adds up; see multiprocess.py. Without it they stay in memory.
"""

import struct
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
Gauges = Callable[[], Iterable[Metric]]


class Metrics:
    """The service's counters, and functions that compute gauges at each scrape."""

    def __init__(self, folder: str = "") -> None:
        """folder: where the workers' files are; empty for one process."""
        self._folder = folder
        self._registry = CollectorRegistry()
        self._gauges: list[Gauges] = []
        self._requests = self._counter(
            "http_requests", "Answered requests.", ("method", "route", "status")
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Time from the request's entry into the application to its response.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._predictions = self._counter(
            "vehicle_price_predictions", "Prices estimated.", ("role", "version")
        )
        self._refused = self._counter(
            "vehicle_price_refused_requests", "Requests answered with a problem.", ("kind",)
        )
        self._shadow = self._counter(
            "vehicle_price_shadow_listings", "Listings for the shadow model.", ("outcome",)
        )
        # Looking up labels takes longer than counting; there are few combinations.
        self._predictions_of = lru_cache(maxsize=1024)(self._predictions.labels)
        self._request_of = lru_cache(maxsize=1024)(self._requests.labels)
        self._seconds_of = lru_cache(maxsize=1024)(self._seconds.labels)

    def _counter(self, name: str, explained: str, labels: tuple[str, ...]) -> Counter:
        return Counter(name, explained, labels, registry=self._registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        method = method if method in METHODS else "other"
        self._request_of(method, route, status).inc()
        self._seconds_of(method, route).observe(seconds)

    def predicted(self, count: int, role: str, version: str) -> None:
        """Count `count` prices of a model version in a role: production, canary or fallback
        (production answered because the canary could not)."""
        self._predictions_of(role, version).inc(count)

    def shadow(self, outcome: str, count: int) -> None:
        """Count listings that the shadow model scored, failed at, or that were dropped."""
        self._shadow.labels(outcome).inc(count)

    def refused(self, kind: str) -> None:
        """Count a request that was answered with a problem of this kind."""
        self._refused.labels(kind).inc()

    def add_gauges(self, gauges: Gauges) -> None:
        """Call `gauges` at each scrape. An exception that it raises fails the scrape."""
        self._gauges.append(gauges)

    def exposition(self) -> bytes:
        """The metrics of all workers in Prometheus's text format."""
        registry = CollectorRegistry()
        if self._folder:
            registry.register(_AllWorkers(None, path=self._folder))
        else:
            registry.register(self._registry)
        for gauges in self._gauges:
            registry.register(_GaugeCollector(gauges))
        with self._reading():
            return generate_latest(registry)

    def _reading(self) -> AbstractContextManager[Any]:
        from service.observability.multiprocess import reading

        return reading(self._folder) if self._folder else nullcontext()


class _AllWorkers(MultiProcessCollector):
    """Adds up the counters in all workers' files."""

    def collect(self) -> Iterable[Metric]:
        """The sums. For a moment, a file that a new worker creates cannot be read."""
        for _ in range(10):
            try:
                return list(super().collect())
            except (struct.error, FileNotFoundError):
                time.sleep(0.01)
        return super().collect()


class _GaugeCollector:
    """A function that yields gauges, as a collector of prometheus_client."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        """The present gauges."""
        return self._gauges()

    def describe(self) -> Iterable[Metric]:
        """Nothing: the names are unknown before `collect`."""
        return ()


def gauge(name: str, explained: str, value: float, **labels: str) -> Metric:
    """One gauge with one value."""
    family = GaugeMetricFamily(name, explained, labels=tuple(labels))
    family.add_metric(tuple(labels.values()), value)
    return family
