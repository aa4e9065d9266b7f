"""Windows of feedback on the prices of a model of the first days, quiet, shifted and attacked.

Every key is a group of regions, since a dealer's cars are alike; the gate's days follow those that
the model was fitted on.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.drift.cars import EARLY_DAYS, Cars
from vehicle_price.monitoring.feedback import feedback_of
from vehicle_price.monitoring.performance import (
    Baseline,
    FigureRow,
    baseline_of,
    expected_error,
    judge_performance,
)
from vehicle_price.monitoring.statuses import Status

GATE_DAYS, KEYS = 4, 24
PRICES = ["price", "low", "high"]


class Reports(NamedTuple):
    """The windows' days, all prices with the asked one in the place of the reported, and what the
    gate measured on the days before."""

    days: list[str]
    prices: pd.DataFrame
    baseline: Baseline


def reports_of(cars: Cars) -> Reports:
    """The reports that there would be if every car's asked price were reported."""
    days = sorted(set(cars.day))
    regions = pd.factorize(cars.requests["quiet"]["region"])[0]
    prices = cars.early.assign(reported=cars.asked, key=regions % KEYS, day=cars.day)
    gate = prices[prices["day"].isin(days[EARLY_DAYS : EARLY_DAYS + GATE_DAYS])]
    baseline = baseline_of(*(gate[name] for name in PRICES), gate["reported"])
    return Reports(days[EARLY_DAYS + GATE_DAYS :], prices, baseline)


def window(reports: Reports, day: str, count: int, seed: int) -> pd.DataFrame:
    """`count` random reports on the prices of one day."""
    of_day = reports.prices[reports.prices["day"] == day]
    return of_day.sample(min(count, len(of_day)), random_state=seed)


def judged(rows: pd.DataFrame, baseline: Baseline, factor: float = 1.0) -> dict[str, FigureRow]:
    """Each figure if all reported prices were `factor` times as high."""
    reported = rows["reported"] * factor
    found, few = feedback_of(*(rows[n] for n in PRICES), reported, rows["key"], rows["day"])
    return {row.figure: row for row in judge_performance(found, few, baseline)}


def attacked(rows: pd.DataFrame, keys: int, factor: float | None) -> pd.DataFrame:
    """The same reports from `keys` keys, one of which reports `factor` times the model's prices.

    factor: None for the reports of the other keys alone.
    """
    key = np.arange(len(rows)) % keys
    if factor is None:
        return rows.assign(key=key)[key > 0]
    reported = rows["reported"].where(key > 0, rows["price"] * factor)
    return rows.assign(key=key, reported=reported)


def alarms(rows: dict[str, FigureRow], *figures: str) -> bool:
    """Whether one of these figures, or any without names, is beyond its limit."""
    chosen = figures or tuple(rows)
    return any(rows[name].verdict == Status.DRIFT for name in chosen)


def expected_beside_measured(reports: Reports) -> tuple[float, float]:
    """Mean |error| of the later days as expected from the widths, and as it was; US dollars."""
    later = reports.prices[reports.prices["day"].isin(reports.days)]
    measured = float((later["price"] - later["reported"]).abs().mean())
    return expected_error(later["low"], later["high"], reports.baseline), measured
