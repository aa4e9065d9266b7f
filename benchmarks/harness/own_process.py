"""Run each step of a benchmark in a process of its own, so that its peak memory is its own."""

import logging
import multiprocessing
import resource
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any


def in_own_process(step: Callable, *arguments: object) -> Any:
    """The result of `step(*arguments)`, which runs in a new process and logs its progress.

    A new process inherits the peak memory of the one that starts it. So the caller must not read
    data itself.
    """
    with own_process() as process:
        return process.submit(step, *arguments).result()


def own_process() -> Executor:
    """A new process for several steps, one after the other; it ends with the `with` block."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, spawn, initializer=_log_progress)


def peak_mb() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6  # KiB on Linux


def _log_progress() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
