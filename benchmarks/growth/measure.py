"""Measure each step for each size and engine, and keep the figures."""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.growth.engines import engine, own_usage
from benchmarks.growth.steps import STEPS, fit_model
from benchmarks.growth.table import PART_LISTINGS, add_part
from benchmarks.harness.own_process import in_own_process
from vehicle_price.storage.dataset import open_dataset

INGEST = "ingest of one month more"
FIGURES = "figures.jsonl"


class Figure(NamedTuple):
    """A measured step. listings: in the table, in millions. workers: 0 for one process.

    seconds: elapsed. cpu: processor seconds and peak_mb: memory of all processes together.
    rows, digest: of the result.
    """

    step: str
    listings: float
    workers: int
    seconds: float
    cpu: float
    peak_mb: float
    rows: int
    digest: str


def measure_all(
    folder: Path, sizes: Sequence[int], steps: Sequence[str], workers: Sequence[int]
) -> None:
    """Measure what `folder` has no figures of yet, the smallest size first.

    folder: keeps the table, the model and the figures.
    """
    known = {(figure.step, figure.listings, figure.workers) for figure in figures(folder)}
    for size in sizes:
        uri = grown(folder, size)
        if not (folder / "model").exists():
            in_own_process(fit_model, uri, folder)
        for step, count in product(steps, workers):
            if (step, size / 1e6, count) not in known:
                keep(folder, in_own_process(measure, step, uri, size, count, folder))


def grown(folder: Path, size: int) -> str:
    """The address of the dataset of so many listings; months are added that it lacks."""
    parts = round(size / PART_LISTINGS)
    address = f"{folder}/listings/accepted@v{parts - 1}"
    for number in range(_months(folder), parts):
        figure = in_own_process(ingest, str(folder), number)
        if number == parts - 1:
            keep(folder, figure)
    return address


def _months(folder: Path) -> int:
    """The months in the table: each is a commit."""
    return len(list((folder / "listings/accepted/_delta_log").glob("*.json")))


def ingest(folder: str, number: int) -> Figure:
    """Add a month."""
    started = time.perf_counter(), time.process_time()
    dataset = add_part(folder, number)
    seconds, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    listings = (number + 1) * PART_LISTINGS / 1e6
    peak = own_usage().peak_mb
    return Figure(INGEST, listings, 0, seconds, cpu, peak, dataset.rows, dataset.sha256)


def measure(step: str, uri: str, size: int, workers: int, folder: Path) -> Figure:
    """Run a step with an engine that has started and imported what it needs."""
    listings = open_dataset(uri).rows
    with engine(workers, str(folder)) as running:
        before, started = running.usage(), time.perf_counter()
        rows, digest = STEPS[step](uri, running, folder)
        seconds, after = time.perf_counter() - started, running.usage()
    cpu = sum(now.cpu for now in after) - sum(then.cpu for then in before)
    peak = sum(process.peak_mb for process in after)
    logging.info("%s of %d, %d workers: %.1f s, %.0f MB", step, listings, workers, seconds, peak)
    return Figure(step, size / 1e6, workers, seconds, cpu, peak, rows, digest)


def keep(folder: Path, figure: Figure) -> None:
    """Add a figure to those of the folder."""
    with (folder / FIGURES).open("a", encoding="utf-8") as file:
        file.write(json.dumps(figure._asdict()) + "\n")


def figures(folder: Path) -> list[Figure]:
    """All figures of the folder, in the order in which they were measured."""
    return list(_lines(folder / FIGURES))


def _lines(path: Path) -> Iterator[Any]:
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            yield Figure(**json.loads(line))
