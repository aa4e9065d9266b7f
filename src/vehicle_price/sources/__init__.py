"""Where listings come from: one module and one entry in SOURCES each."""

from vehicle_price.sources import file, kaggle_source, mongodb, sample
from vehicle_price.sources.errors import SourceError
from vehicle_price.sources.query import Source, SourceQuery

__all__ = ["SOURCES", "Source", "SourceError", "SourceQuery"]

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source("sample", "Built-in generator of Craigslist-like listings.", sample.read),
        Source("file", "A CSV, zip, gzip or Parquet file (DATA=path).", file.read),
        Source("kaggle", "The public dataset on Kaggle (KAGGLE_DATASET).", kaggle_source.read),
        Source("mongodb", "A collection of listings (MONGODB_URL).", mongodb.read),
    )
}
