"""The challenger in shadow: scored in a thread of its own, logged, never answered."""

import logging
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from service.inference.canary import MODEL_ERRORS
from service.inference.model_holder import Holder
from service.observability.metrics import Metrics
from service.outbox import codec
from service.outbox.outbox import Outbox, OutboxUnavailable

log = logging.getLogger(__name__)

MOST_WAITING = 200  # requests; with more, the newest are dropped and counted


MOST_FILL = 0.5  # of the outbox: what is left then is for what was answered


class Asked(NamedTuple):
    """A request that was answered: the id of its first prediction, and its listings."""

    first_id: str
    listings: Sequence[Mapping[str, object]]


class Shadow:
    """One worker's queue and the thread that empties it, started when it is first needed."""

    def __init__(self, holder: Holder, outbox: Outbox, metrics: Metrics) -> None:
        self._holder, self._outbox, self._metrics = holder, outbox, metrics
        self._waiting: queue.Queue[Asked] = queue.Queue(MOST_WAITING)
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def offer(self, first_id: str, listings: Sequence[Mapping[str, object]]) -> None:
        """Have these listings scored later, if there is a shadow. Never waits."""
        if self._holder.shadow() is None:
            return
        if self._thread is None:
            self._start_thread()
        try:
            self._waiting.put_nowait(Asked(first_id, listings))
        except queue.Full:
            self._metrics.shadow("dropped", len(listings))

    def finish(self) -> None:
        """Wait until all that was offered is scored. For tests."""
        self._waiting.join()

    def _start_thread(self) -> None:
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            asked = self._waiting.get()
            try:
                self._score(asked)
            except (*MODEL_ERRORS, OutboxUnavailable) as error:
                self._metrics.shadow("failed", len(asked.listings))
                log.warning("shadow: %s: %s", type(error).__name__, error)
            finally:
                self._waiting.task_done()
            time.sleep(0)  # under gevent: let requests have their turn

    def _score(self, asked: Asked) -> None:
        served = self._holder.shadow()
        if served is None:
            return  # it went meanwhile
        if self._outbox.used() > MOST_FILL:
            self._metrics.shadow("dropped", len(asked.listings))
            return
        estimates = served.valuation.price_many([dict(one) for one in asked.listings])
        self._outbox.append(codec.shadowed(asked.first_id, estimates, served.row, served.role))
        self._metrics.shadow("scored", len(estimates))
