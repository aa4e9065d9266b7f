"""The connection to a MongoDB collection: its address, timeouts and error messages.

No message contains a user's name or password.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bson.errors import BSONError
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    CursorNotFound,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.uri_parser import parse_uri

from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError, SourceUnavailable

MONGODB_ERRORS = (PyMongoError, BSONError)

# Error codes of MongoDB; Atlas uses 8000 instead of 18.
WRONG_PASSWORD = (18, 8000)
NOT_ALLOWED = 13

# Milliseconds; options in MONGODB_URL win. pymongo's defaults are half a minute and no limit.
TIMEOUTS = {
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
    "socketTimeoutMS": 120_000,
}

# An invalid character or a date after the year 9999 must not stop the reading.
LENIENT_DECODING = {
    "unicode_decode_error_handler": "replace",
    "datetime_conversion": "DATETIME_AUTO",
    "tz_aware": True,
}


@dataclass(frozen=True)
class CollectionAddress:
    """A collection: `hosts` as 'host:port, host:port', `options` as MONGODB_URL gives them."""

    hosts: str
    database: str
    collection: str
    options: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.database}.{self.collection} at {self.hosts}"


def collection_address(settings: Settings) -> CollectionAddress:
    """The collection that MONGODB_URL, MONGODB_DATABASE and MONGODB_COLLECTION name.

    A database named in the URL wins. Raises SourceError for an invalid URL.
    """
    try:
        parsed = parse_uri(settings.mongodb_url)
    except (ValueError, PyMongoError):
        # The library's message may contain a part of the password.
        raise SourceError(
            "MONGODB_URL is not an address of MongoDB: expected mongodb://host:port/database or "
            "mongodb://user:password@host:port/database, with @ : / % in user and password "
            "written as %40 %3A %2F %25"
        ) from None
    return CollectionAddress(
        ", ".join(f"{host}:{port}" for host, port in parsed["nodelist"]),
        parsed["database"] or settings.mongodb_database,
        parsed["collection"] or settings.mongodb_collection,
        tuple(name.lower() for name in parsed["options"]),
    )


@contextmanager
def connected(settings: Settings, address: CollectionAddress) -> Iterator[Collection]:
    """The collection, connected until the block ends. Nothing is sent before its first use."""
    defaults = {name: ms for name, ms in TIMEOUTS.items() if name.lower() not in address.options}
    with MongoClient(
        settings.mongodb_url, appname="vehicle-price", **defaults, **LENIENT_DECODING
    ) as client:
        yield client[address.database][address.collection]


def source_error(error: Exception, address: CollectionAddress, progress: str) -> SourceError:
    """The error with what to do; SourceUnavailable where it passes by itself.

    progress: what was done before it, such as 'after 5 listings'.
    """
    code = error.code if isinstance(error, OperationFailure) else None
    if isinstance(error, ServerSelectionTimeoutError):
        return SourceUnavailable(
            f"no MongoDB answers at {address.hosts} ({_reason(error)}); start it, or set "
            "MONGODB_URL to mongodb://host:port/database, then repeat this"
        )
    if isinstance(error, AutoReconnect | CursorNotFound):  # a server that restarted has no cursor
        return SourceUnavailable(
            f"the connection to MongoDB at {address.hosts} broke {progress} ({_reason(error)}); "
            "see that the server runs, then repeat this: nothing is lost or doubled by it"
        )
    if code in WRONG_PASSWORD:
        return SourceError(
            f"MongoDB at {address.hosts} does not know the user and password in MONGODB_URL; "
            "correct them, and if the user belongs to another database than the one in the "
            "address, add ?authSource=admin (or its name)"
        )
    if code == NOT_ALLOWED:
        return SourceError(
            f"MongoDB does not allow this user to work on {address}; put a user into MONGODB_URL "
            "(mongodb://user:password@host:port/database) who may read there, and write to push"
        )
    return SourceError(f"MongoDB refused {progress}, {address}: {_reason(error)}")


def _reason(error: Exception) -> str:
    if isinstance(error, BulkWriteError):
        failures = error.details["writeErrors"] or error.details["writeConcernErrors"]
        return f"{len(failures)} rows, the first with: {failures[0].get('errmsg', '')[:300]}"
    message = str(error)
    # After these words the driver describes all servers, or repeats the whole response.
    for details in (" (configured timeouts:", ", Timeout:", ", full error:"):
        message = message.split(details, 1)[0]
    return (message.splitlines() or [type(error).__name__])[0][:300]
