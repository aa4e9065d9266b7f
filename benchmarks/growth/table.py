"""A table that grows: months of made-up listings, one after the other, in one store."""

from collections.abc import Iterator
from datetime import date, timedelta

import pandas as pd

from vehicle_price.contract.check import check
from vehicle_price.sources.sample.listings import DAYS
from vehicle_price.sources.sample.source import batches
from vehicle_price.storage.dataset import Dataset
from vehicle_price.storage.staging import stage

PART_LISTINGS = 200_000  # of a month: as many as Kaggle's file has, once it is checked
RAW_ROWS = 236_000  # of which at least so many are accepted


def add_part(root: str, number: int, rows: int = RAW_ROWS) -> Dataset:
    """Check the listings of a month and store them below `root`; the dataset of all months."""
    with stage(root, map(check, raw_part(number, rows))) as staged:
        return staged.publish({"source": "sample", "seed": number})


def raw_part(number: int, rows: int) -> Iterator[pd.DataFrame]:
    """The raw listings of a month, 0 for the first: the sample of that seed, posted then."""
    for frame in batches(rows, number):
        yield frame.assign(posting_date=later(frame["posting_date"], number * DAYS))


def later(posting_date: pd.Series, days: int) -> pd.Series:
    """The same times of day, so many days later; missing values stay missing.

    >>> later(pd.Series(["2021-04-30T23:59:00-0700"]), 31)[0]
    '2021-05-31T23:59:00-0700'
    """
    day = posting_date.str[:10]
    moved = {text: _later_day(text, days) for text in day.dropna().unique()}
    return day.map(moved) + posting_date.str[10:]


def _later_day(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
