"""Listings from a MongoDB collection: one document each, with Craigslist's names.

`vehicle-price mongodb push FILE` fills it; so may any other tool.
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
from vehicle_price.sources.file import NEEDED
from vehicle_price.sources.frames import BATCH_ROWS, frames, within

if TYPE_CHECKING:
    from pymongo.collection import Collection

    from vehicle_price.sources.mongodb.client import Place

log = logging.getLogger(__name__)

# Documents the server sends at once; BATCH_ROWS is a multiple.
FETCHED = 5_000

WANTED = {"_id": 0, READER_FAULT: 1} | {name: 1 for name in STORED_COLUMNS}
EMPTY = pa.table({name: pa.nulls(0, pa.string()) for name in STORED_COLUMNS})
LAST_CHARACTER = "\U0010ffff"
IN_ORDER = (("posting_date", 1), ("id", 1))


def read(query: SourceQuery, settings: Settings) -> Iterator[pd.DataFrame]:
    """Raw frames of the documents posted on the days asked for, oldest first.

    One batch of documents is held at a time. A document without an id becomes a row without
    one, for the contract to quarantine. Raises SourceError when the server is away or refuses,
    the collection is empty, or none of its documents has a field that training needs.
    """
    # pymongo takes most of a second to import; who reads a file need not wait for it.
    from vehicle_price.sources.mongodb import client

    where = client.place(settings)
    rows = 0
    try:
        with client.connected(settings, where) as collection:
            for frame in within(_frames(collection, where, query), query):
                rows += len(frame)
                yield frame
    except client.FAULTS as error:
        raise client.explained(error, where, f"after {rows:,} listings") from error
    log.info("read %d listings from %s", rows, where)


def windows(query: SourceQuery) -> list[dict]:
    """Filters, one after another, by which the server leaves out what `within` would.

    A text belongs to the day it begins with, which is the seller's, a date to its day in UTC.
    Texts that begin with no digit are fetched too: a space before the day does not count. With
    `query.since` open everything is fetched, since rows without a readable day are wanted then.

    >>> windows(SourceQuery(until="2021-04-28"))
    [{}]
    """
    if not query.since:
        return [{}]
    texts: dict[str, str] = {"$gte": query.since}
    moments = {"$gte": _moment(query.since, time.min)}
    if query.until:
        texts["$lt"] = query.until + LAST_CHARACTER
        moments["$lte"] = _moment(query.until, time.max)
    # One by one, since each is a single stretch of the index; not every server merges an $or.
    stretches = ({"$gte": "", "$lt": "0"}, texts, {"$gte": ":"}, moments)
    return [{"posting_date": limits} for limits in stretches]


def _moment(day: str, clock: time) -> datetime:
    return datetime.combine(date.fromisoformat(day), clock, timezone.utc)


def _frames(collection: "Collection", where: "Place", query: SourceQuery) -> Iterator[pd.DataFrame]:
    tables = _tables(_documents(collection, windows(query)))
    first = next(tables, EMPTY)
    # Only when there is a reason: a search for what is not there reads the whole collection.
    if any(first[name].null_count == len(first) for name in NEEDED):
        _refuse_useless(collection, where)
    for table in chain([first], tables):
        yield from frames(table)


def _tables(documents: Iterator[dict]) -> Iterator[pa.Table]:
    """The documents in tables of BATCH_ROWS; only FETCHED of them are Python objects at a time."""
    from vehicle_price.sources.mongodb.values import batch

    parts = iter(lambda: list(islice(documents, FETCHED)), [])
    while batches := [batch(part) for part in islice(parts, BATCH_ROWS // FETCHED)]:
        yield pa.Table.from_batches(batches)


def _documents(collection: "Collection", filters: list[dict]) -> Iterator[dict]:
    for posted in filters:
        with collection.find(
            posted, WANTED, sort=IN_ORDER, batch_size=FETCHED, allow_disk_use=True
        ) as cursor:
            yield from cursor


def _refuse_useless(collection: "Collection", where: "Place") -> None:
    example = collection.find_one()
    if example is None:
        others = ", ".join(sorted(collection.database.list_collection_names())[:10])
        raise SourceError(
            f"{where} is empty: fill it with `vehicle-price mongodb push FILE`, or name another "
            f"with MONGODB_DATABASE and MONGODB_COLLECTION (in this database: {others or 'none'})"
        )
    missing = [
        name for name in NEEDED if not collection.find_one({name: {"$exists": True}}, {"_id": 1})
    ]
    if missing:
        found = ", ".join(sorted(example)[:30])[:300]
        raise SourceError(
            f"{where}: no document has the field {', '.join(missing)}; documents must use "
            f"Craigslist's names (the first one has: {found})"
        )
