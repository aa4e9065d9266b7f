"""Fill a MongoDB collection from a file of listings; safe to repeat and to interrupt.

A listing is one document, identified by its id: pushing a listing twice updates its document.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import pandas as pd
import pyarrow as pa
from pymongo import ASCENDING, IndexModel, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import OperationFailure
from pymongo.write_concern import WriteConcern

from vehicle_price.contract.check import READER_FAULT
from vehicle_price.settings import Settings
from vehicle_price.sources import file
from vehicle_price.sources.base import SourceError, SourceQuery
from vehicle_price.sources.mongodb.client import (
    MONGODB_ERRORS,
    CollectionAddress,
    collection_address,
    connected,
    source_error,
)

# Listings in one bulk write.
BULK_ROWS = 2_000

INDEXES = (
    # Sparse: rows without an id are stored too; the contract will quarantine them.
    IndexModel([("id", ASCENDING)], unique=True, sparse=True),
    IndexModel([("posting_date", ASCENDING), ("id", ASCENDING)]),
)
DUPLICATE_KEY = 11_000  # error code of MongoDB

# Rows that are counted as stored survive a kill of the server.
ON_DISK = WriteConcern("majority", j=True)


@dataclass(frozen=True)
class PushCounts:
    """Counts of rows. read: from the file; new: inserted; known: existed; changed: of these."""

    read: int = 0
    new: int = 0
    known: int = 0
    changed: int = 0

    def __str__(self) -> str:
        repeated = self.read - self.new - self.known
        return (
            f"{self.read:,} listings: {self.new:,} new, {self.known:,} known "
            f"({self.changed:,} of them changed)" + f", {repeated:,} repeated" * bool(repeated)
        )


def push(
    settings: Settings, path: str, progress: Callable[[PushCounts], None] = lambda counts: None
) -> PushCounts:
    """Store every listing of a CSV, zip, gzip or Parquet file as a document.

    Fields that other tools added to a document stay. progress: called after every BULK_ROWS rows.
    Raises SourceError when the file or the server fails; rows pushed until then stay.
    """
    address = collection_address(settings)
    # The file first, so that an unreadable file creates no empty collection.
    frames = iter(file.read(SourceQuery(data=path), settings))
    first = next(frames)
    pushed = PushCounts()
    try:
        with connected(settings, address) as opened:
            collection = opened.with_options(write_concern=ON_DISK)
            _create_indexes(collection, address)
            for rows in _chunks(chain([first], frames)):
                pushed = _write(collection, rows, pushed)
                progress(pushed)
    except MONGODB_ERRORS as error:
        raise source_error(error, address, f"after {pushed.read:,} listings") from error
    return pushed


def _create_indexes(collection: Collection, address: CollectionAddress) -> None:
    try:
        collection.create_indexes(list(INDEXES))
    except OperationFailure as error:
        if error.code != DUPLICATE_KEY:
            raise
        raise SourceError(
            f"{address} holds several documents with the same id, so that none could be found "
            "again by it; remove the surplus, or push to another MONGODB_COLLECTION"
        ) from error


def _chunks(frames: Iterator[pd.DataFrame]) -> Iterator[list[dict[str, str | None]]]:
    for frame in frames:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        for start in range(0, len(table), BULK_ROWS):
            yield table.slice(start, BULK_ROWS).to_pylist()


def _write(
    collection: Collection, rows: list[dict[str, str | None]], before: PushCounts
) -> PushCounts:
    # Of several rows with one id the last wins; in an unordered write any of them could.
    documents = {_key(row): row for row in rows}
    result = collection.bulk_write(
        [_upsert(key, row) for key, row in documents.items()], ordered=False
    )
    return PushCounts(
        before.read + len(rows),
        before.new + result.upserted_count,
        before.known + result.matched_count,
        before.changed + result.modified_count,
    )


def _key(row: Mapping[str, str | None]) -> tuple[str, str]:
    """The field and value that identify a row: its id, or a hash of the whole row.

    The hash is used for a row that could not be parsed, since its id may be another row's.
    """
    if row["id"] is not None and row.get(READER_FAULT) is None:
        return "id", row["id"]
    content = json.dumps(row, sort_keys=True).encode()
    return "_id", f"unreadable-{hashlib.sha256(content).hexdigest()}"


def _upsert(key: tuple[str, str], row: Mapping[str, str | None]) -> UpdateOne:
    present = {name: text for name, text in row.items() if text is not None and name != "id"}
    absent = {name: "" for name, text in row.items() if text is None}
    return UpdateOne(dict([key]), {"$set": present, "$unset": absent}, upsert=True)
