"""Listings of cars: when, where and how often. One car is often listed many times."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from vehicle_price.schema import NAMES
from vehicle_price.sources.sample.tables import states

FIRST_DAY = np.datetime64("2021-04-04T00:00:00")
DAYS = 31
FIRST_ID = 7_301_583_321

# Share of listings that repeat a car listed before.
REPEATED_SHARE = 0.44
# Listings at the top of the file that are nearly empty: they mislead a reader that infers types
# from the first rows.
BLANK_ROWS = 27
BLANK_ROW_COLUMNS = ("id", "url", "region", "region_url", "price", "state")


def distinct_cars(rows: int) -> int:
    """Number of distinct cars in `rows` listings."""
    return max(1, round(rows * (1 - REPEATED_SHARE)))


def make_listings(cars: pd.DataFrame, rows: int, rng: np.random.Generator) -> pa.Table:
    """`rows` listings of `cars` (with noise): text columns in schema order.

    Sorted by state and region, newest first, as Craigslist shows them.
    """
    car, repeat = _draw_cars_of_listings(len(cars), rows, rng)
    state, region = _draw_locations(car, repeat, len(cars), rng)
    seconds = _draw_seconds(car, repeat, len(cars), rng)
    order = np.lexsort((-seconds, region, state))
    car, state, region, seconds = car[order], state[order], region[order], seconds[order]
    columns = {name: _text(cars[name]).take(pa.array(car)) for name in cars.columns}
    columns |= _location_columns(state, region, rng)
    columns["posting_date"] = _posting_date(seconds, state)
    columns["id"] = _ids(seconds)
    columns |= _addresses(columns, rng)
    # Without values: the description, the county, and a column that joined the schema later.
    empty = pa.nulls(rows, pa.string())
    return _blank_head(pa.table({name: columns.get(name, empty) for name in NAMES}))


def _draw_cars_of_listings(
    cars: int, rows: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The car (index) of each listing, and whether an earlier listing has the same car."""
    weights = rng.pareto(1.1, cars) + 0.05  # a few dealers repeat one car hundreds of times
    weights = np.minimum(weights, weights.sum() * 0.002)
    again = rng.choice(cars, size=rows - cars, p=weights / weights.sum())
    return np.concatenate([np.arange(cars), again]), np.arange(rows) >= cars


def _draw_locations(
    car: np.ndarray, repeat: np.ndarray, cars: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """State and region (indexes): those of the car, for repeats often others."""
    weights = np.array([entry.weight for entry in states()])
    weights /= weights.sum()
    home = rng.choice(len(weights), size=cars, p=weights)
    anywhere = rng.choice(len(weights), size=len(car), p=weights)
    state = np.where(repeat & (rng.random(len(car)) < 0.35), anywhere, home[car])
    regions = np.array([len(entry.regions) for entry in states()])[state]
    return state, (rng.random(len(car)) * regions).astype(int)


def _draw_seconds(
    car: np.ndarray, repeat: np.ndarray, cars: int, rng: np.random.Generator
) -> np.ndarray:
    """Seconds after FIRST_DAY, local time. More at the end; repeats follow within days."""
    busy = np.linspace(1, 2.2, DAYS)
    first = rng.choice(DAYS, size=cars, p=busy / busy.sum()) + rng.beta(3, 2.4, cars)
    days = first[car] + np.where(repeat, rng.exponential(2.0, len(car)), 0.0)
    # After the last day: move to a random day since the first listing.
    span = DAYS - first[car] - 0.01
    late = days >= DAYS
    days[late] = (first[car] + rng.random(len(car)) * span)[late]
    return (days * 86_400).astype(int)


def _text(column: pd.Series) -> pa.Array:
    """Whole numbers and text as text; None stays missing."""
    return pa.array([None if v is None else str(v) for v in column.tolist()], pa.string())


def _location_columns(
    state: np.ndarray, region: np.ndarray, rng: np.random.Generator
) -> dict[str, pa.Array]:
    table, count = states(), len(state)
    first = np.cumsum([0] + [len(entry.regions) for entry in table])[:-1]
    names = pa.array([name for entry in table for name in entry.regions])
    lat = np.array([entry.lat for entry in table])[state] + rng.normal(0, 0.7, count)
    long = np.array([entry.long for entry in table])[state] + rng.normal(0, 0.9, count)
    abroad = rng.random(count) < 0.003
    lat[abroad], long[abroad] = rng.uniform(-60, 70, abroad.sum()), rng.uniform(
        0, 179, abroad.sum()
    )
    missing = pa.array(rng.random(count) < 0.015)
    return {
        "state": pa.array([entry.state for entry in table]).take(pa.array(state)),
        "region": names.take(pa.array(first[state] + region)),
        "lat": pc.if_else(missing, None, _decimals(lat)),
        "long": pc.if_else(missing, None, _decimals(long)),
    }


def _decimals(values: np.ndarray) -> pa.Array:
    return pa.array(np.round(values, 4)).cast(pa.string())


def _posting_date(seconds: np.ndarray, state: np.ndarray) -> pa.Array:
    moments = np.datetime_as_string(FIRST_DAY + seconds.astype("timedelta64[s]"), unit="s")
    offsets = pa.array([f"-{-entry.offset:02d}00" for entry in states()]).take(pa.array(state))
    return pc.binary_join_element_wise(pa.array(moments.tolist()), offsets, "")


def _ids(seconds: np.ndarray) -> pa.Array:
    """Unique, and higher for what was posted later."""
    rank = np.empty(len(seconds), int)
    rank[np.argsort(seconds, kind="stable")] = np.arange(len(seconds))
    return pa.array(FIRST_ID + 31 * rank).cast(pa.string())


def _addresses(columns: dict[str, pa.Array], rng: np.random.Generator) -> dict[str, pa.Array]:
    site = pc.replace_substring_regex(pc.utf8_lower(columns["region"]), "[^a-z]", "")
    host = pc.binary_join_element_wise("https://", site, ".craigslist.org", "")
    title = pc.fill_null(pc.replace_substring_regex(columns["model"], "[^A-Za-z0-9]+", "-"), "car")
    picture = pa.array(rng.integers(10**10, 10**11, len(site))).cast(pa.string())
    return {
        "region_url": host,
        "url": pc.binary_join_element_wise(host, "/ctd/d/", title, "/", columns["id"], ".html", ""),
        "image_url": pc.binary_join_element_wise(
            "https://images.craigslist.org/00", picture, "_600x450.jpg", ""
        ),
    }


def _blank_head(table: pa.Table) -> pa.Table:
    blank = min(BLANK_ROWS, len(table) // 100)
    head = pa.table(
        {
            name: (
                table[name].slice(0, blank)
                if name in BLANK_ROW_COLUMNS
                else pa.nulls(blank, pa.string())
            )
            for name in table.column_names
        }
    )
    return pa.concat_tables([head, table.slice(blank)])
