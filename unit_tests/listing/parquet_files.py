"""Parquet files as a writer makes them, and their rows as the route reads them."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from vehicle_price.listing.parquet_file import PricedParquet

ADDED = {"predicted_price": int, "error": str}
MAX_BYTES = 100 * 2**20
CARS = {"year": [2014, 2015], "manufacturer": ["kia", "ford"], "odometer": [1, 2]}


def opened(content, max_bytes=MAX_BYTES):
    """The file as the route opens it."""
    return PricedParquet(io.BytesIO(content), ADDED, max_bytes)


def written(columns, **options):
    """A table as a file."""
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, **options)
    return sink.getvalue()


def listings(file, rows=5_000):
    """The rows of all chunks."""
    return [listing for chunk in file.chunks(rows) for listing in file.listings(chunk)]
