"""The built-in sample: fictional listings that look like Craigslist's, generated from a seed.

The same rows and seed give the same bytes. The sample is for trials and tests; a price model
trained on it knows nothing about the real market.
"""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from vehicle_price.contract.check import STORED_COLUMNS
from vehicle_price.schema import NAMES
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError, SourceQuery
from vehicle_price.sources.frames import BATCH_ROWS, frames, within
from vehicle_price.sources.sample.cars import draw_cars
from vehicle_price.sources.sample.descriptions import add_descriptions
from vehicle_price.sources.sample.listings import distinct_cars, make_listings
from vehicle_price.sources.sample.noise import add_noise

log = logging.getLogger(__name__)

MAX_ROWS = 5_000_000


def read(query: SourceQuery, settings: Settings) -> Iterator[pd.DataFrame]:
    """Raw frames of `query.rows` listings. Raises SourceError for an invalid number of rows."""
    del settings
    frames_of_columns = (frame[list(STORED_COLUMNS)] for frame in batches(query.rows, query.seed))
    yield from within(frames_of_columns, query)


def generate(
    rows: int = Settings.sample_rows, seed: int = 20, descriptions: bool = False
) -> pd.DataFrame:
    """All listings in one raw frame (26 text columns in schema order)."""
    return pd.concat(batches(rows, seed, descriptions), ignore_index=True)


def batches(rows: int, seed: int, descriptions: bool = False) -> Iterator[pd.DataFrame]:
    """The listings of `generate` in raw frames of at most 50,000 rows.

    descriptions: also generate the sellers' texts, about 3,000 characters each.
    """
    if not 1 <= rows <= MAX_ROWS:
        raise SourceError(f"{rows:,} rows: the sample has 1 to {MAX_ROWS:,}")
    rng = np.random.default_rng(seed)
    table = make_listings(add_noise(draw_cars(distinct_cars(rows), rng), rng), rows, rng)
    log.info("made up %d listings from seed %d", rows, seed)
    for batch in table.combine_chunks().to_batches(max_chunksize=BATCH_ROWS):
        yield from frames(add_descriptions(batch, rng) if descriptions else batch, NAMES)


def write_csv(
    path: str | Path,
    rows: int = Settings.sample_rows,
    seed: int = 20,
    descriptions: bool = False,
    progress: Callable[[int], None] = lambda written: None,
) -> int:
    """Write the sample as a CSV file like Kaggle's; returns its size in bytes.

    progress: called with the rows written so far. Raises OSError when the file cannot be written.
    """
    written = 0
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        for frame in batches(rows, seed, descriptions):
            frame.to_csv(file, index=False, header=written == 0, lineterminator="\n")
            written += len(frame)
            progress(written)
        return file.tell()
