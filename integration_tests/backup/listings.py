"""A thousand cars, and what a platform answers to them."""

import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pandas as pd
import requests

from integration_tests.helpers.sql import rows
from setup.backup.runtimes.native import NativeInstallation
from setup.native.environment import ROOT, settings_from
from setup.rehearsal.listings import Day, cars_of
from vehicle_price.pipelines import ingestion
from vehicle_price.sources.base import SourceQuery

COUNT = 1_000
COMMAND_SECONDS = 900


def thousand_cars(environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Listings that the platform has not learnt from, as callers send them."""
    settings = settings_from(environ)
    frames = ingestion.read_raw(settings, "sample", SourceQuery("", 4 * COUNT, seed=77))
    cars = cars_of(Day("", pd.concat(list(frames))), COUNT).drop(columns="asked")
    cells = cars.astype(object).to_dict("records")
    listings = [{name: value for name, value in car.items() if pd.notna(value)} for car in cells]
    assert len(listings) == COUNT
    return listings


def answers_to(service_url: str, listings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The prediction of each listing."""
    answer = requests.post(f"{service_url}/predict", json=listings, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


def prices(predictions: list[dict[str, Any]]) -> list[tuple]:
    """What must be equal after a restore: price, interval and version of each prediction."""
    return [
        (p["price"], p["interval"]["low"], p["interval"]["high"], p["model"]["version"])
        for p in predictions
    ]


def log_ids(environ: Mapping[str, str]) -> set[str]:
    """The ids of all predictions in an installation's embedded PostgreSQL."""
    with closing(NativeInstallation(environ).connect("vehicle_price")) as connection:
        return {row[0] for row in rows(connection, "SELECT prediction_id::text FROM predictions")}


def command(environ: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """`python -m <words>` for an installation."""
    return subprocess.run(
        [sys.executable, "-m", *words],
        env=dict(environ),
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=COMMAND_SECONDS,
        check=False,
    )


def succeed(environ: Mapping[str, str], *words: str) -> str:
    """The output of `python -m <words>`, which must succeed."""
    completed = command(environ, *words)
    assert completed.returncode == 0, completed.stdout
    return completed.stdout
