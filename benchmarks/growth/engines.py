"""Engines: this process, or a Dask cluster on this machine. Each offers a `map`."""

import importlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from benchmarks.harness.own_process import peak_mb
from vehicle_price.model.valuation import MapFunction

GATHERED = 50  # results that are fetched from the workers at once


class Usage(NamedTuple):
    """Of one process since it was started: processor seconds, peak memory in MB."""

    cpu: float
    peak_mb: float


class Engine(NamedTuple):
    """map: calls a function for each item, in order. usage: of each process that works."""

    map: MapFunction
    usage: Callable[[], list[Usage]]


def own_usage() -> Usage:
    """Of the process that calls it."""
    return Usage(time.process_time(), peak_mb())


@contextmanager
def engine(workers: int, folder: str) -> Iterator[Engine]:
    """This process alone for 0 workers, else a Dask cluster with so many processes.

    folder: for files of the cluster.
    """
    if not workers:
        yield Engine(map, lambda: [own_usage()])
        return
    import dask
    from distributed import Client, LocalCluster

    logging.getLogger("distributed").setLevel(logging.WARNING)
    # Without a limit Dask neither moves results to disk nor stops workers: the peak is the need.
    options = {"threads_per_worker": 1, "memory_limit": None, "dashboard_address": None}
    with (
        dask.config.set({"temporary-directory": folder}),
        LocalCluster(n_workers=workers, host="127.0.0.1", **options) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(workers)
        client.run(warm_up)
        yield Engine(map_on(client), lambda: [own_usage(), *client.run(own_usage).values()])


def map_on(client: Any) -> MapFunction:
    """A `map` whose calls run on the workers of a Dask client."""

    def dask_map(function: Callable, items: Iterable) -> Iterator:
        futures = client.map(function, list(items), pure=False)
        while futures:  # a result leaves the workers' memory with its future
            some, futures = futures[:GATHERED], futures[GATHERED:]
            yield from client.gather(some)

    return dask_map


def warm_up() -> None:
    """Import what a step needs, which takes seconds, before the clock starts."""
    importlib.import_module("benchmarks.growth.steps")
