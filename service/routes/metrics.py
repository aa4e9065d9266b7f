"""GET /metrics: the counters of all workers, and gauges that are read at each scrape."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Response
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from service.auth.access_rules import access
from service.http.problem import Problem
from service.inference.model_holder import ModelHolder, NoModel
from service.json_files import read_json
from service.model_dir import STATUS_FILE
from service.observability.metrics import MEDIA_TYPE, Metrics, gauge
from service.outbox.outbox import Outbox, OutboxUnavailable

LOADED = "1 when a model serves."
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def blueprint(metrics: Metrics) -> Blueprint:
    """The route that Prometheus scrapes."""
    routes = Blueprint("telemetry", __name__)

    @routes.get("/metrics")
    @access("public")
    def exposition() -> Response:
        try:
            return Response(metrics.exposition(), content_type=MEDIA_TYPE)
        except TimeoutError as error:
            raise Problem(503, "metrics-locked", f"the counters are {error}") from error

    return routes


def model_gauges(holder: ModelHolder, model_dir: Path) -> Iterator[Metric]:
    """The version that serves, and what model_sync last found in the registry."""
    try:
        served = holder.current()
        yield gauge("vehicle_price_model_loaded", LOADED, 1)
        yield gauge("vehicle_price_model_info", "What serves.", 1, version=served.version)
    except NoModel:
        yield gauge("vehicle_price_model_loaded", LOADED, 0)
    yield from _registry(read_json(model_dir / STATUS_FILE))


def _registry(status: Mapping[str, Any]) -> Iterator[Metric]:
    """What status.json tells; model_sync/status_file.py writes it."""
    states = GaugeMetricFamily(
        "vehicle_price_registry_state",
        "What model-sync found; always 1.",
        labels=("alias", "state"),
    )
    states.add_metric(("production", str(status.get("state", "unknown"))), 1)
    states.add_metric(("challenger", str(status.get("challenger", {}).get("state", "none"))), 1)
    yield states
    refused = CounterMetricFamily(
        "vehicle_price_models_refused", "Versions that were not taken.", labels=("alias",)
    )
    for alias in ("production", "challenger"):
        refused.add_metric((alias,), status.get("refused_total", {}).get(alias, 0))
    yield refused
    changes = status.get("model_changes_total", 0)
    yield CounterMetricFamily("vehicle_price_model_changes", "Changes of the model.", changes)


def outbox_gauges(outbox: Outbox) -> Iterator[Metric]:
    """How full the outbox is."""
    try:
        fill = outbox.fill()
    except OutboxUnavailable:
        yield gauge("vehicle_price_outbox_up", "1 when the outbox can be read.", 0)
        return
    yield gauge("vehicle_price_outbox_up", "1 when the outbox can be read.", 1)
    yield gauge("vehicle_price_outbox_records", "Requests not yet in PostgreSQL.", fill.records)
    yield gauge("vehicle_price_outbox_bytes", "Size of the outbox.", fill.bytes)
    yield gauge("vehicle_price_outbox_limit_bytes", "Size it may reach.", fill.max_bytes)
    yield gauge(
        "vehicle_price_outbox_oldest_seconds", "Age of the oldest record.", fill.oldest_seconds
    )
    yield gauge("vehicle_price_outbox_dead_letters", "Records refused.", fill.dead_letters)


def worker_gauges() -> Iterator[Metric]:
    """How many workers there are, and the memory of each."""
    memory = GaugeMetricFamily(
        "vehicle_price_worker_resident_memory_bytes", "Memory of one worker.", labels=("pid",)
    )
    workers = [pid for pid in _siblings() if _add_memory(memory, pid)]
    yield gauge("vehicle_price_workers", "Worker processes.", len(workers))
    yield memory


def _siblings() -> list[int]:
    """The children of this process's parent: Gunicorn's workers."""
    children = Path(f"/proc/{os.getppid()}/task/{os.getppid()}/children")
    try:
        return [int(pid) for pid in children.read_text(encoding="ascii").split()]
    except OSError:
        return [os.getpid()]  # a system without this file


def _add_memory(family: GaugeMetricFamily, pid: int) -> bool:
    try:
        statm = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    except OSError:
        return False  # it has just ended
    family.add_metric((str(pid),), int(statm[1]) * PAGE_BYTES)
    return True
