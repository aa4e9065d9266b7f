"""Fill a MongoDB collection from a file of listings; safe to repeat and to interrupt.

A listing is one document, found again by its id: pushing it twice leaves one, the newer.
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
from vehicle_price.sources.mongodb.client import FAULTS, Place, connected, explained, place

# Listings sent at once.
SENT = 2_000

INDEXES = (
    # Sparse: rows without an id are kept too, for the contract to quarantine.
    IndexModel([("id", ASCENDING)], unique=True, sparse=True),
    IndexModel([("posting_date", ASCENDING), ("id", ASCENDING)]),
)
DUPLICATES = 11_000


# What is counted as stored is still there after the server was killed.
ON_DISK = WriteConcern("majority", j=True)


@dataclass(frozen=True)
class Pushed:
    """Counts of rows. read: from the file; new: added; known: were there; changed: of these."""

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
    settings: Settings, path: str, progress: Callable[[Pushed], None] = lambda pushed: None
) -> Pushed:
    """Store every listing of a CSV, zip, gzip or Parquet file as a document.

    Fields that other tools added to a document stay. progress: called after every SENT rows.
    Raises SourceError when the file or the server fails; what was pushed until then stays.
    """
    where = place(settings)
    # The file first: one that cannot be read leaves no empty collection.
    frames = iter(file.read(SourceQuery(data=path), settings))
    first = next(frames)
    pushed = Pushed()
    try:
        with connected(settings, where) as reached:
            collection = reached.with_options(write_concern=ON_DISK)
            _make_indexes(collection, where)
            for rows in _parts(chain([first], frames)):
                pushed = _sent(collection, rows, pushed)
                progress(pushed)
    except FAULTS as error:
        raise explained(error, where, f"after {pushed.read:,} listings") from error
    return pushed


def _make_indexes(collection: Collection, where: Place) -> None:
    try:
        collection.create_indexes(list(INDEXES))
    except OperationFailure as error:
        if error.code != DUPLICATES:
            raise
        raise SourceError(
            f"{where} holds several documents with the same id, so that none could be found again "
            "by it; remove the surplus, or push to another MONGODB_COLLECTION"
        ) from error


def _parts(frames: Iterator[pd.DataFrame]) -> Iterator[list[dict[str, str | None]]]:
    for frame in frames:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        for start in range(0, len(table), SENT):
            yield table.slice(start, SENT).to_pylist()


def _sent(collection: Collection, rows: list[dict[str, str | None]], before: Pushed) -> Pushed:
    # Of rows with one id the last wins; an unordered write would leave it to chance.
    documents = {_key(row): row for row in rows}
    done = collection.bulk_write(
        [_upsert(key, row) for key, row in documents.items()], ordered=False
    )
    return Pushed(
        before.read + len(rows),
        before.new + done.upserted_count,
        before.known + done.matched_count,
        before.changed + done.modified_count,
    )


def _key(row: Mapping[str, str | None]) -> tuple[str, str]:
    """The field and value that identify a row: its id, or a hash of all it holds.

    The id of a row that could not be taken apart may be another row's.
    """
    if row["id"] is not None and row.get(READER_FAULT) is None:
        return "id", row["id"]
    content = json.dumps(row, sort_keys=True).encode()
    return "_id", f"unreadable-{hashlib.sha256(content).hexdigest()}"


def _upsert(key: tuple[str, str], row: Mapping[str, str | None]) -> UpdateOne:
    given = {name: text for name, text in row.items() if text is not None and name != "id"}
    absent = {name: "" for name, text in row.items() if text is None}
    return UpdateOne(dict([key]), {"$set": given, "$unset": absent}, upsert=True)
