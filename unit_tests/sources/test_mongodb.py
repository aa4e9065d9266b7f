"""MongoDB without a server: values become text, days a filter, faults advice without a password."""

import re
from datetime import datetime, timedelta, timezone

import pytest
from bson import Binary, DatetimeMS, Decimal128, Int64, ObjectId
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    CursorNotFound,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from vehicle_price.contract.check import READER_FAULT, STORED_COLUMNS, check
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError, SourceQuery, SourceUnavailable
from vehicle_price.sources.frames import frames
from vehicle_price.sources.mongodb.client import CollectionAddress, collection_address, source_error
from vehicle_price.sources.mongodb.source import posting_date_filters
from vehicle_price.sources.mongodb.values import to_batch, to_text

AS_TEXT = {
    "id": "7316356412",
    "price": "15990",
    "year": "2014",
    "manufacturer": "honda",
    "model": "1500",
    "odometer": "88000",
    "posting_date": "2021-04-28T17:00:00Z",
}
WHERE = CollectionAddress("db:27017", "vehicle_price", "listings", ())


def checked(*documents: dict):
    """What the contract makes of documents."""
    (frame,) = frames(to_batch(documents))
    return check(frame)


def fits(limits: dict[str, str], value: str) -> bool:
    """Whether MongoDB would find the text between these limits."""
    return limits["$gte"] <= value and ("$lt" not in limits or value < limits["$lt"])


def test_listings_stored_as_numbers_and_dates_are_accepted_as_those_stored_as_text():
    typed = {
        "id": Int64(7316356412),
        "price": Decimal128("15990.00"),
        "year": 2014.0,
        "manufacturer": "honda",
        "model": 1500,
        "odometer": 8.8e4,
        "posting_date": datetime(2021, 4, 28, 17, tzinfo=timezone.utc),
        "VIN": float("nan"),
    }
    expected = checked(AS_TEXT).accepted
    assert len(expected) == 1
    assert checked(typed).accepted.equals(expected)


@pytest.mark.parametrize(
    "value, expected",
    [
        (None, None),
        ("", ""),
        ("2013.0", "2013.0"),
        (True, "true"),
        (Int64(3736928711), "3736928711"),
        (-0.0, "0"),
        (36.302267, "36.302267"),
        (1e-7, "0.0000001"),
        (1e300, "1E+300"),
        (float("inf"), "Infinity"),
        (Decimal128("NaN"), None),
        (Decimal128("1E+6000"), "1E+6000"),
        (Decimal128("0.10"), "0.1"),
        (ObjectId("0123456789abcdef01234567"), "0123456789abcdef01234567"),
        (Binary(b"civic \xff"), "civic \N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_value_becomes_the_text_a_csv_would_hold(value, expected):
    assert to_text(value) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_number_is_that_number(value):
    assert float(to_text(value)) == value


@pytest.mark.parametrize("value", [["ford"], {"make": "ford"}, [], DatetimeMS(2**60)])
@pytest.mark.parametrize("name", STORED_COLUMNS)
def test_what_is_no_single_value_is_quarantined_in_any_column(name, value):
    split = checked(AS_TEXT | {name: value})
    assert len(split.accepted) == 0
    assert any(reason.startswith(f"{name}: ") for reason in split.quarantined["reasons"][0].as_py())


def test_a_document_without_an_id_is_quarantined_with_that_reason():
    split = checked({k: v for k, v in AS_TEXT.items() if k != "id"}, AS_TEXT)
    assert len(split.accepted) == 1
    assert split.quarantined["reasons"].to_pylist() == [["id: missing"]]


def test_a_fault_that_the_reader_of_the_file_found_stays_the_reason():
    split = checked(AS_TEXT, AS_TEXT | {READER_FAULT: "row: not 26 fields, got 3"})
    assert len(split.accepted) == 1
    assert split.quarantined["reasons"].to_pylist() == [["row: not 26 fields, got 3"]]


def test_the_server_gives_texts_and_dates_of_the_days_asked_for():
    asked = posting_date_filters(SourceQuery(since="2021-04-27", until="2021-04-28"))
    _, texts, _, moments = (limits["posting_date"] for limits in asked)
    assert texts["$gte"] <= "2021-04-27T00:00:00-0500" <= "2021-04-28T23:59:59Z" < texts["$lt"]
    first = datetime(2021, 4, 27, tzinfo=timezone.utc)
    second = timedelta(seconds=1)
    assert moments["$gte"] == first
    assert first + timedelta(days=2) - second < moments["$lte"] < first + timedelta(days=2)


@given(st.text(), st.dates(), st.dates())
def test_every_text_that_may_be_of_these_days_is_fetched_once(value, one, other):
    since, until = sorted((f"{one}", f"{other}"))
    asked = posting_date_filters(SourceQuery(since=since, until=until))
    for text_found in (value, since + value, until + value):
        fetching = [w for w in asked[:3] if fits(w["posting_date"], text_found)]
        between = since <= text_found and text_found[:10] <= until
        assert len(fetching) == (between or not "0" <= text_found < ":")


def test_the_database_in_the_address_wins_over_the_setting():
    named = Settings(mongodb_url="mongodb://db:27017/market", mongodb_database="other")
    assert str(collection_address(named)) == "market.listings at db:27017"
    plain = Settings(mongodb_url="mongodb://db", mongodb_collection="cars")
    assert str(collection_address(plain)) == "vehicle_price.cars at db:27017"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@db/x",
        "mongodb://me:s3cret",
        "mongodb://me:s3/cret@db:27017/x",
        "mongodb://me:s3cret@s3cret@db/x",
        "mongodb://me:s3cret@db:port/x",
        "mongodb://",
        "db:27017",
    ],
)
def test_an_address_that_is_none_is_explained_without_repeating_it(url):
    with pytest.raises(SourceError, match="expected mongodb://host:port/database") as caught:
        collection_address(Settings(mongodb_url=url))
    assert "s3" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_settings_and_places_do_not_show_the_password():
    settings = Settings(mongodb_url="mongodb://me:s3cret@db/x")
    assert (
        "s3cret"
        not in f"{settings!r} {collection_address(settings)!r} {collection_address(settings)}"
    )


@pytest.mark.parametrize(
    "error, advice",
    [
        (ServerSelectionTimeoutError("db:27017: refused, Timeout: 5s, Topology…"), "start it"),
        (AutoReconnect("connection closed"), "broke after 5 listings.*repeat this"),
        (OperationFailure("Authentication failed.", 18), "does not know the user.*authSource"),
        (OperationFailure("bad auth", 8000), "does not know the user"),
        (OperationFailure("not authorized on x", 13), "does not allow this user"),
        (OperationFailure("no space, full error: {…}", 14031), "after 5 listings.*: no space$"),
        (PyMongoError(), "PyMongoError"),
    ],
)
def test_a_fault_comes_with_advice(error, advice):
    message = str(source_error(error, WHERE, "after 5 listings"))
    assert re.search(advice, message)
    assert "Topology" not in message and "db:27017" in message


@pytest.mark.parametrize(
    "error, passes",
    [
        (ServerSelectionTimeoutError("refused"), True),
        (AutoReconnect("connection closed"), True),
        (NetworkTimeout("timed out"), True),
        (CursorNotFound("cursor id 7 not found", 43), True),  # the server has restarted
        (OperationFailure("Authentication failed.", 18), False),
        (OperationFailure("not authorized on x", 13), False),
        (OperationFailure("no space", 14031), False),
        (PyMongoError(), False),
    ],
)
def test_a_fault_that_passes_by_itself_has_a_type_of_its_own(error, passes):
    raised = source_error(error, WHERE, "after 5 listings")
    assert isinstance(raised, SourceUnavailable) is passes


def test_of_many_rows_refused_the_first_is_shown():
    errors = [{"errmsg": "too long"}, {"errmsg": "too long as well"}]
    details = {"writeErrors": errors, "writeConcernErrors": []}
    message = str(source_error(BulkWriteError(details), WHERE, "after 5 listings"))
    assert message.endswith("2 rows, the first with: too long")
