"""The challenger in shadow: scored in a thread of its own, logged, never answered."""

import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from service.inference.canary import MODEL_ERRORS
from service.inference.model_holder import ModelHolder
from service.observability.metrics import Metrics
from service.outbox import codec
from service.outbox.outbox import Outbox, OutboxUnavailable

log = logging.getLogger(__name__)

QUEUE_SIZE = 200  # requests; beyond it the newest are dropped and counted
MAX_OUTBOX_SHARE = 0.5  # of the outbox; the rest is reserved for answered prices


class ShadowTask(NamedTuple):
    """A request that was answered: the id of its first prediction, and its listings."""

    first_id: str
    listings: Sequence[Mapping[str, object]]


class Shadow:
    """One worker's queue and the thread that empties it, started at the first task."""

    def __init__(self, holder: ModelHolder, outbox: Outbox, metrics: Metrics) -> None:
        self._holder, self._outbox, self._metrics = holder, outbox, metrics
        self._queue: queue.Queue[ShadowTask] = queue.Queue(QUEUE_SIZE)
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def offer(self, first_id: str, listings: Sequence[Mapping[str, object]]) -> None:
        """Queue these listings for the shadow model, if there is one. Never blocks."""
        if self._holder.shadow() is None:
            return
        if self._thread is None:
            self._start_thread()
        try:
            self._queue.put_nowait(ShadowTask(first_id, listings))
        except queue.Full:
            self._metrics.shadow("dropped", len(listings))

    def join(self) -> None:
        """Wait until the queue is empty. For tests."""
        self._queue.join()

    def _start_thread(self) -> None:
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            task = self._queue.get()
            try:
                self._score(task)
            except (*MODEL_ERRORS, OutboxUnavailable) as error:
                self._metrics.shadow("failed", len(task.listings))
                log.warning("shadow: %s: %s", type(error).__name__, error)
            finally:
                self._queue.task_done()

    def _score(self, task: ShadowTask) -> None:
        served = self._holder.shadow()
        if served is None:
            return  # withdrawn while the task was queued
        if self._outbox.used() > MAX_OUTBOX_SHARE:
            self._metrics.shadow("dropped", len(task.listings))
            return
        estimates = served.valuation.price_many([dict(listing) for listing in task.listings])
        record = codec.shadow_record(task.first_id, estimates, served.row, served.role)
        self._outbox.append(record)
        self._metrics.shadow("scored", len(estimates))
