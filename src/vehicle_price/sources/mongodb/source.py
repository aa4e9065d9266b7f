"""Listings from a MongoDB collection: one document each, with Craigslist's names.

`vehicle-price mongodb push FILE` or another tool fills the collection.
"""

import logging
from collections.abc import Iterator
from datetime import date, datetime, time, timezone
from itertools import chain, islice
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from vehicle_price.contract.check import READER_FAULT, STORED_COLUMNS
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError, SourceQuery
from vehicle_price.sources.file import REQUIRED_COLUMNS
from vehicle_price.sources.frames import BATCH_ROWS, frames, within

if TYPE_CHECKING:
    from pymongo.collection import Collection

    from vehicle_price.sources.mongodb.client import CollectionAddress

log = logging.getLogger(__name__)

# Documents in one response of the server; BATCH_ROWS is a multiple.
FETCH_ROWS = 5_000

PROJECTION = {"_id": 0, READER_FAULT: 1} | {name: 1 for name in STORED_COLUMNS}
EMPTY_TABLE = pa.table({name: pa.nulls(0, pa.string()) for name in STORED_COLUMNS})
LAST_CHARACTER = "\U0010ffff"
SORT_ORDER = (("posting_date", 1), ("id", 1))


def read(query: SourceQuery, settings: Settings) -> Iterator[pd.DataFrame]:
    """Raw frames of the documents posted on the days in the query, oldest first.

    One batch of documents is in memory at a time. A document without an id becomes a row without
    an id, which the contract quarantines. Raises SourceError when the server is unavailable or
    refuses, the collection is empty, or no document has one of the required fields.
    """
    # pymongo takes most of a second to import, and the other sources do not need it.
    from vehicle_price.sources.mongodb import client

    address = client.collection_address(settings)
    rows = 0
    try:
        with client.connected(settings, address) as collection:
            for frame in within(_frames(collection, address, query), query):
                rows += len(frame)
                yield frame
    except client.MONGODB_ERRORS as error:
        raise client.source_error(error, address, f"after {rows:,} listings") from error
    log.info("read %d listings from %s", rows, address)


def posting_date_filters(query: SourceQuery) -> list[dict]:
    """Filters, to be used one after another, that select all documents `within` would keep.

    A text is posted on the day it begins with (the seller's day), a date on its day in UTC. Texts
    that do not begin with a digit are fetched too: the contract ignores a space before the day.
    With `query.since` open everything is fetched, because rows without a valid day belong to it.

    >>> posting_date_filters(SourceQuery(until="2021-04-28"))
    [{}]
    """
    if not query.since:
        return [{}]
    texts: dict[str, str] = {"$gte": query.since}
    moments = {"$gte": _moment(query.since, time.min)}
    if query.until:
        texts["$lt"] = query.until + LAST_CHARACTER
        moments["$lte"] = _moment(query.until, time.max)
    # Separate filters, since each is one range of the index; not every server merges an $or.
    ranges = ({"$gte": "", "$lt": "0"}, texts, {"$gte": ":"}, moments)
    return [{"posting_date": limits} for limits in ranges]


def _moment(day: str, clock: time) -> datetime:
    return datetime.combine(date.fromisoformat(day), clock, timezone.utc)


def _frames(
    collection: "Collection", address: "CollectionAddress", query: SourceQuery
) -> Iterator[pd.DataFrame]:
    tables = _tables(_documents(collection, posting_date_filters(query)))
    first = next(tables, EMPTY_TABLE)
    # Only with a reason: a search for a field that no document has reads the whole collection.
    if any(first[name].null_count == len(first) for name in REQUIRED_COLUMNS):
        _check_fields(collection, address)
    for table in chain([first], tables):
        yield from frames(table)


def _tables(documents: Iterator[dict]) -> Iterator[pa.Table]:
    """The documents in tables of BATCH_ROWS; at most FETCH_ROWS are Python objects at a time."""
    from vehicle_price.sources.mongodb.values import to_batch

    chunks = iter(lambda: list(islice(documents, FETCH_ROWS)), [])
    while batches := [to_batch(chunk) for chunk in islice(chunks, BATCH_ROWS // FETCH_ROWS)]:
        yield pa.Table.from_batches(batches)


def _documents(collection: "Collection", filters: list[dict]) -> Iterator[dict]:
    for posting_date_filter in filters:
        with collection.find(
            posting_date_filter,
            PROJECTION,
            sort=SORT_ORDER,
            batch_size=FETCH_ROWS,
            allow_disk_use=True,
        ) as cursor:
            yield from cursor


def _check_fields(collection: "Collection", address: "CollectionAddress") -> None:
    example = collection.find_one()
    if example is None:
        others = ", ".join(sorted(collection.database.list_collection_names())[:10])
        raise SourceError(
            f"{address} is empty: fill it with `vehicle-price mongodb push FILE`, or name "
            "another with MONGODB_DATABASE and MONGODB_COLLECTION (in this database: "
            f"{others or 'none'})"
        )
    missing = [
        name
        for name in REQUIRED_COLUMNS
        if not collection.find_one({name: {"$exists": True}}, {"_id": 1})
    ]
    if missing:
        fields = ", ".join(sorted(example)[:30])[:300]
        raise SourceError(
            f"{address}: no document has the field {', '.join(missing)}; documents must use "
            f"Craigslist's names (the first one has: {fields})"
        )
