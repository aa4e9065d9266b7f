"""The way to MongoDB: where it is, the connection, and what its errors mean.

No message here holds a user's name or password.
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
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.uri_parser import parse_uri

from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError

FAULTS = (PyMongoError, BSONError)

# MongoDB's error codes; 8000 is what Atlas answers instead of 18.
WRONG_PASSWORD = (18, 8000)
NOT_ALLOWED = 13

# Milliseconds; what MONGODB_URL says wins. pymongo's own are half a minute and for ever.
TIMEOUTS = {
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
    "socketTimeoutMS": 120_000,
}

# One broken character or a date after the year 9999 must not stop the reading.
LENIENT = {
    "unicode_decode_error_handler": "replace",
    "datetime_conversion": "DATETIME_AUTO",
    "tz_aware": True,
}


@dataclass(frozen=True)
class Place:
    """A collection: `hosts` as 'host:port, host:port', `options` as MONGODB_URL gives them."""

    hosts: str
    database: str
    collection: str
    options: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.database}.{self.collection} at {self.hosts}"


def place(settings: Settings) -> Place:
    """Where MONGODB_URL, MONGODB_DATABASE and MONGODB_COLLECTION point.

    A database named in the URL wins. Raises SourceError for an address that is none.
    """
    try:
        parsed = parse_uri(settings.mongodb_url)
    except (ValueError, PyMongoError):
        # The library's own words can hold a piece of the password.
        raise SourceError(
            "MONGODB_URL is not an address of MongoDB: expected mongodb://host:port/database or "
            "mongodb://user:password@host:port/database, with @ : / % in user and password "
            "written as %40 %3A %2F %25"
        ) from None
    return Place(
        ", ".join(f"{host}:{port}" for host, port in parsed["nodelist"]),
        parsed["database"] or settings.mongodb_database,
        parsed["collection"] or settings.mongodb_collection,
        tuple(name.lower() for name in parsed["options"]),
    )


@contextmanager
def connected(settings: Settings, where: Place) -> Iterator[Collection]:
    """The collection, while the connection is open. Nothing is sent before its first use."""
    own = {name: ms for name, ms in TIMEOUTS.items() if name.lower() not in where.options}
    with MongoClient(settings.mongodb_url, appname="vehicle-price", **own, **LENIENT) as client:
        yield client[where.database][where.collection]


def explained(error: Exception, where: Place, done: str) -> SourceError:
    """What went wrong and what to do. done: how far it had come, such as 'after 5 listings'."""
    code = error.code if isinstance(error, OperationFailure) else None
    if isinstance(error, ServerSelectionTimeoutError):
        return SourceError(
            f"no MongoDB answers at {where.hosts} ({_reason(error)}); start it, or set "
            "MONGODB_URL to mongodb://host:port/database, then repeat this"
        )
    if isinstance(error, AutoReconnect):
        return SourceError(
            f"the connection to MongoDB at {where.hosts} broke {done} ({_reason(error)}); "
            "see that the server runs, then repeat this: nothing is lost or doubled by it"
        )
    if code in WRONG_PASSWORD:
        return SourceError(
            f"MongoDB at {where.hosts} does not know the user and password in MONGODB_URL; correct "
            "them, and if the user belongs to another database than the one in the address, add "
            "?authSource=admin (or its name)"
        )
    if code == NOT_ALLOWED:
        return SourceError(
            f"MongoDB does not allow this user to work on {where}; put a user into MONGODB_URL "
            "(mongodb://user:password@host:port/database) who may read there, and write to push"
        )
    return SourceError(f"MongoDB refused {done}, {where}: {_reason(error)}")


def _reason(error: Exception) -> str:
    if isinstance(error, BulkWriteError):
        faults = error.details["writeErrors"] or error.details["writeConcernErrors"]
        return f"{len(faults)} rows, the first with: {faults[0].get('errmsg', '')[:300]}"
    brief = str(error)
    # What follows is the driver's picture of the servers, or the whole answer.
    for rest in (" (configured timeouts:", ", Timeout:", ", full error:"):
        brief = brief.split(rest, 1)[0]
    return (brief.splitlines() or [type(error).__name__])[0][:300]
