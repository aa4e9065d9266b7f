"""Every answered prediction is in the table once, whatever is killed and away meanwhile."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from integration_tests.prediction_log.clients import Clients
from integration_tests.prediction_log.rig import Rig

FEW = 100
VICTIMS = ("worker", "forwarder", "postgres", "master")


@dataclass(frozen=True)
class Plan:
    """How hard a rig is tried. away_seconds: refusing, and then silent, so long each."""

    predictions: int
    kills: int
    away_seconds: float
    clients: int
    per_second: float


@dataclass(frozen=True)
class Found:
    """What became of the answers. p99: in seconds, without faults and with them."""

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


def prove(rig: Rig, plan: Plan) -> Found:
    """Ask a third of the predictions in peace and the rest while things are killed and away."""
    began, parts = time.monotonic(), []
    clients = Clients(rig.service_port, plan.clients, plan.clients / plan.per_second)
    with clients.asking():
        _until(clients, plan.predictions / 3)
        parts.append(clients.phase())
        with _killing(rig, plan) as killed:
            waiting, caught_up = _away(rig, plan.away_seconds)
            left = plan.predictions - len(parts[0].ids)
            while len(clients.answers.ids) < left or len(killed) < plan.kills:
                time.sleep(0.05)
    parts.append(clients.phase())
    drained = rig.drain(120)
    ids = [one for part in parts for one in part.ids]
    keys = parts[0].keys | parts[1].keys
    rows = rig.query("SELECT prediction_id::text, idempotency_key FROM predictions")
    logged = {row[0] for row in rows}
    with_key = [row[1] for row in rows if row[1]]
    return Found(
        answered=len(ids),
        missing=sum(one not in logged for one in ids),
        doubled=len(rows) - len(logged) + len(ids) - len(set(ids)),
        keys_doubled=len(with_key) - len(set(with_key)),
        repeated=len(keys),
        kills=len(killed),
        refused=sum(len(part.refused) for part in parts),
        broken=sum(part.broken for part in parts),
        most_waiting=waiting,
        caught_up_seconds=caught_up,
        p99_quiet=parts[0].p99(),
        p99_faults=parts[1].p99(),
        drained_seconds=drained,
        seconds=time.monotonic() - began,
    )


@contextmanager
def _killing(rig: Rig, plan: Plan) -> Iterator[list[str]]:
    """Kill one thing after the other, spread over the time that the predictions take."""
    killed: list[str] = []
    ended = threading.Event()
    pause = max(plan.predictions * 2 / 3 / plan.per_second, 2 * plan.away_seconds) / plan.kills

    def kill() -> None:
        for what in itertools.islice(itertools.cycle(VICTIMS), plan.kills):
            if ended.wait(pause):
                return
            rig.kill(what)
            killed.append(what)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()


def _away(rig: Rig, seconds: float) -> tuple[int, float]:
    """Let the database refuse, then fall silent, then return.

    The most records that waited, and the seconds until fewer than FEW did, while others came.
    """
    for mode in ("refusing", "silent"):
        rig.proxy.switch(mode)
        time.sleep(seconds)
    waiting, began = rig.waiting(), time.monotonic()
    rig.proxy.switch("open")
    while rig.waiting() >= FEW and time.monotonic() - began < 300:
        time.sleep(0.1)
    return waiting, time.monotonic() - began


def _until(clients: Clients, count: float) -> None:
    while len(clients.answers.ids) < count:
        time.sleep(0.05)
