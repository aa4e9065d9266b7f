"""Work on a dataset day by day: in bounded memory, and shared out by any engine.

A function of a day takes an address and returns a table, both of which can be sent to another
process or machine. `first_cars` takes the `map` that calls such functions: Python's own, or an
engine's. setup/scale.md shows one for Dask.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from vehicle_price.contract.check import LISTING_SCHEMA
from vehicle_price.features.deduplication import car_hashes, is_first
from vehicle_price.model import artifact
from vehicle_price.model.valuation import MapFunction, Valuation
from vehicle_price.storage.dataset import TIME_ORDER, DatasetDay, read_day

HASHES = ("description", "vin")  # the columns of `car_hashes`


def first_cars(days: Sequence[DatasetDay], map_days: MapFunction = map) -> pd.DataFrame:
    """The first posting of each car: equal to `first_postings(read_listings(uri))`.

    It takes half the memory, because reposts are left out before the days are put together.
    """
    if not days:  # a store of quarantined rows alone
        return LISTING_SCHEMA.empty_table().to_pandas()
    first, order = first_of_days(list(map_days(identities_of_day, days)))
    tables = map_days(listings_at, zip(days, first, strict=True))
    cars = pd.concat([table.to_pandas() for table in tables], ignore_index=True)
    return cars.take(order).reset_index(drop=True)


def identities_of_day(day: DatasetDay) -> pa.Table:
    """Of each listing of a day: posting_date, id and HASHES."""
    listings = read_day(day)
    table = listings.select([name for name, _ in TIME_ORDER])
    for name, hashes in zip(HASHES, car_hashes(listings.to_pandas()).T, strict=True):
        table = table.append_column(name, pa.array(hashes))
    return table


def first_of_days(identities: Sequence[pa.Table]) -> tuple[list[np.ndarray], np.ndarray]:
    """Which listings are the first posting of their car, bool (rows,) of each day, and the row
    numbers, among those, that put them in the order of time.

    All days at once, since a repost may come on any later day; some 50 bytes a listing.
    """
    every = pa.concat_tables(identities)
    order = pc.sort_indices(every, sort_keys=TIME_ORDER).to_numpy()
    hashes = np.column_stack([every[name].to_numpy() for name in HASHES])
    first = np.empty(len(every), bool)
    first[order] = is_first(hashes[order])
    row = np.cumsum(first) - 1
    ends = np.cumsum([len(day) for day in identities])[:-1]
    return np.split(first, ends), row[order[first[order]]]


def listings_at(day_and_rows: tuple[DatasetDay, np.ndarray]) -> pa.Table:
    """The listings of a day at these rows, bool (rows of the day,)."""
    day, rows = day_and_rows
    return read_day(day).filter(pa.array(rows))


def price_day(valuation: Valuation, day: DatasetDay) -> pd.DataFrame:
    """The prices of a day's listings: columns id, price, low, high."""
    listings = read_day(day).to_pandas()
    return pd.concat([listings["id"], valuation.price_frame(listings)], axis=1)


@lru_cache(maxsize=1)
def saved_model(folder: str) -> Valuation:
    """A saved model, loaded once for all days that a process prices. Raises ArtifactError."""
    return artifact.load(Path(folder))
