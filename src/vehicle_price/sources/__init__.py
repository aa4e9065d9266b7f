"""Where listings come from: one module and one entry in SOURCES each."""

from vehicle_price.sources import file, sample
from vehicle_price.sources.errors import SourceError
from vehicle_price.sources.query import Source, SourceQuery

__all__ = ["SOURCES", "Source", "SourceError", "SourceQuery"]

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source("sample", "Built-in generator of Craigslist-like listings.", sample.read),
        Source("file", "A CSV, zip, gzip or Parquet file (DATA=path).", file.read),
    )
}
