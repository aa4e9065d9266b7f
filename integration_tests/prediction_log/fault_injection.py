"""Load on a harness while its processes are killed and its database is unreachable.

Afterwards each answered prediction must be in the table exactly once.
"""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from integration_tests.helpers.waiting import wait_until
from integration_tests.prediction_log.database_proxy import OPEN, REFUSING, SILENT
from integration_tests.prediction_log.harness import PredictionLogHarness
from integration_tests.prediction_log.load_clients import LoadClients

CAUGHT_UP = 100  # records in the outbox: fewer are those under way
LOAD_SECONDS = 3_600  # at most, for the predictions of a plan
PAUSE = 0.05
VICTIMS = ("worker", "forwarder", "postgres", "master")


@dataclass(frozen=True)
class FaultPlan:
    """How many predictions and faults. away_seconds: refusing, and then silent, so long each."""

    predictions: int
    kills: int
    away_seconds: float
    clients: int
    per_second: float


@dataclass(frozen=True)
class FaultReport:
    """The answers, compared with the rows of the table. p99_…: seconds."""

    answered: int
    missing: int
    doubled: int
    keys_doubled: int
    repeated: int
    kills: int
    refused: int
    broken: int
    most_waiting: int
    caught_up_seconds: float
    p99_quiet: float
    p99_faults: float
    drained_seconds: float
    seconds: float


def run_with_faults(harness: PredictionLogHarness, plan: FaultPlan) -> FaultReport:
    """Send a third of the predictions without faults, and the rest with them."""
    started = time.monotonic()
    clients = LoadClients(harness.service_port, plan.clients, plan.clients / plan.per_second)
    with clients.running():
        wait_until(lambda: len(clients.results.ids) >= plan.predictions / 3, LOAD_SECONDS, PAUSE)
        quiet = clients.next_phase()
        with _kills(harness, plan) as killed:
            most_waiting, caught_up = _make_database_unreachable(harness, plan.away_seconds)
            remaining = plan.predictions - len(quiet.ids)
            wait_until(
                lambda: len(clients.results.ids) >= remaining and len(killed) >= plan.kills,
                LOAD_SECONDS,
                PAUSE,
            )
    faults = clients.next_phase()
    drained = harness.drain(120)
    ids = quiet.ids + faults.ids
    rows = harness.query("SELECT prediction_id::text, idempotency_key FROM predictions")
    logged_ids = {row[0] for row in rows}
    logged_keys = [row[1] for row in rows if row[1]]
    return FaultReport(
        answered=len(ids),
        missing=sum(prediction_id not in logged_ids for prediction_id in ids),
        doubled=len(rows) - len(logged_ids) + len(ids) - len(set(ids)),
        keys_doubled=len(logged_keys) - len(set(logged_keys)),
        repeated=len(quiet.keys | faults.keys),
        kills=len(killed),
        refused=len(quiet.refused) + len(faults.refused),
        broken=quiet.broken + faults.broken,
        most_waiting=most_waiting,
        caught_up_seconds=caught_up,
        p99_quiet=quiet.p99(),
        p99_faults=faults.p99(),
        drained_seconds=drained,
        seconds=time.monotonic() - started,
    )


@contextmanager
def _kills(harness: PredictionLogHarness, plan: FaultPlan) -> Iterator[list[str]]:
    """Kill one process after the other, spread over the time that the predictions take."""
    killed: list[str] = []
    ended = threading.Event()
    pause = max(plan.predictions * 2 / 3 / plan.per_second, 2 * plan.away_seconds) / plan.kills

    def kill_all() -> None:
        for victim in itertools.islice(itertools.cycle(VICTIMS), plan.kills):
            if ended.wait(pause):
                return
            harness.kill(victim)
            killed.append(victim)

    thread = threading.Thread(target=kill_all)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()


def _make_database_unreachable(harness: PredictionLogHarness, seconds: float) -> tuple[int, float]:
    """Let the database refuse, then fall silent, then answer again.

    Returns the most records that waited in the outbox, and the seconds until fewer than CAUGHT_UP
    did, while new ones came.
    """
    for mode in (REFUSING, SILENT):
        harness.proxy.switch(mode)
        time.sleep(seconds)  # the fault itself
    most_waiting, started = harness.waiting(), time.monotonic()
    harness.proxy.switch(OPEN)
    while harness.waiting() >= CAUGHT_UP and time.monotonic() - started < 300:
        time.sleep(0.1)
    return most_waiting, time.monotonic() - started
