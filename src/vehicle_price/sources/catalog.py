"""All sources by name. To add a source, write its module or room and add one entry here."""

from vehicle_price.sources import file
from vehicle_price.sources.base import Source
from vehicle_price.sources.kaggle import source as kaggle
from vehicle_price.sources.mongodb import source as mongodb
from vehicle_price.sources.sample import source as sample

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source("sample", "Built-in generator of Craigslist-like listings.", sample.read),
        Source("file", "A CSV, zip, gzip or Parquet file (DATA=path).", file.read),
        Source("kaggle", "The public dataset on Kaggle (KAGGLE_DATASET).", kaggle.read),
        Source("mongodb", "A collection of listings (MONGODB_URL).", mongodb.read),
    )
}
