"""Listings in a real server that speaks MongoDB's protocol.

Tests that kill the server or create users start one of their own, even if MONGODB_URL is set.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
import pymongo
import pytest
from bson import Decimal128
from pymongo.collection import Collection

from integration_tests.helpers.waiting import wait_until
from integration_tests.mongodb.mongodb_server import MongodbServer, running_server
from vehicle_price.contract.check import READER_FAULT, check
from vehicle_price.settings import Settings
from vehicle_price.sources import file
from vehicle_price.sources.base import SourceError, SourceQuery
from vehicle_price.sources.mongodb import source as mongodb
from vehicle_price.sources.mongodb.push import PushCounts, push
from vehicle_price.sources.sample.source import generate, write_csv

ROWS = 600
DAY = re.compile("^2021-04-15")
PASSWORD = "not-to-be-seen"


@pytest.fixture(scope="module", name="url")
def fixture_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that no test stops: MONGODB_URL, or one that is started here."""
    if address := os.environ.get("MONGODB_URL"):
        yield address
        return
    with running_server(tmp_path_factory.mktemp("mongodb")) as server:
        yield server.url


@pytest.fixture(name="server")
def fixture_server(tmp_path: Path) -> Iterator[MongodbServer]:
    """A server for one test, which may stop it."""
    with running_server(tmp_path) as server:
        yield server


@pytest.fixture(name="settings")
def fixture_settings(url: str, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Settings with a collection for one test, dropped afterwards."""
    name = f"{request.node.name[:40]}-{os.getpid()}-{time.monotonic_ns()}"
    settings = Settings(mongodb_url=url, mongodb_collection=name)
    yield settings
    with pymongo.MongoClient(url) as client:
        client.get_default_database("vehicle_price").drop_collection(name)


@pytest.fixture(name="collection")
def fixture_collection(settings: Settings) -> Iterator[Collection]:
    """The collection of the test, accessed without the project's code."""
    with pymongo.MongoClient(settings.mongodb_url) as client:
        yield client.get_default_database("vehicle_price")[settings.mongodb_collection]


@pytest.fixture(scope="module", name="listings")
def fixture_listings() -> pd.DataFrame:
    """The listings in the file that the tests push."""
    return generate(ROWS, seed=5)


@pytest.fixture(scope="module", name="csv")
def fixture_csv(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of the file that the tests push."""
    path = tmp_path_factory.mktemp("files") / "vehicles.csv"
    write_csv(path, ROWS, seed=5)
    return str(path)


def read(settings: Settings, source: str = "mongodb", **query: str) -> pd.DataFrame:
    """All rows of a source."""
    reader = {"mongodb": mongodb, "file": file}[source]
    return pd.concat(reader.read(SourceQuery(**query), settings), ignore_index=True)


def accepted(raw: pd.DataFrame) -> pd.DataFrame:
    """The listings that the contract accepts, in an order that does not depend on the source."""
    return check(raw).accepted.to_pandas().sort_values("id", ignore_index=True)


def content(collection: Collection) -> list[dict]:
    """Every document without the `_id` that the server gave it."""
    return list(collection.find({}, {"_id": 0}, sort=[("id", 1)]))


def command(settings: Settings, *arguments: str, level: str = "INFO") -> subprocess.Popen:
    """`vehicle-price …` in a new process."""
    environ = os.environ | {
        "MONGODB_URL": settings.mongodb_url,
        "MONGODB_COLLECTION": settings.mongodb_collection,
        "LOG_LEVEL": level,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "vehicle_price.cli.main", *arguments],
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_pushed_listings_read_back_as_they_stand_in_the_file(settings, csv):
    assert push(settings, csv) == PushCounts(read=ROWS, new=ROWS)
    from_mongodb = read(settings).sort_values("id", ignore_index=True)
    from_file = read(settings, "file", data=csv).sort_values("id", ignore_index=True)
    pd.testing.assert_frame_equal(from_mongodb.drop(columns=READER_FAULT), from_file)
    pd.testing.assert_frame_equal(accepted(from_mongodb), accepted(from_file))


def test_pushing_again_changes_nothing(settings, collection, csv):
    push(settings, csv)
    before = list(collection.find())
    assert push(settings, csv) == PushCounts(read=ROWS, known=ROWS)
    assert list(collection.find()) == before


def test_a_changed_listing_is_updated_and_foreign_fields_stay(settings, collection, tmp_path):
    path = tmp_path / "one.parquet"
    listing = generate(1, seed=1).assign(VIN="1FTEW1EP5GFA12345")
    listing.to_parquet(path)
    push(settings, str(path))
    collection.update_one({}, {"$set": {"seen_by": "another tool"}})
    listing.assign(price="4321", VIN=None).to_parquet(path)
    assert push(settings, str(path)) == PushCounts(read=1, known=1, changed=1)
    (document,) = content(collection)
    assert (document["price"], document["seen_by"]) == ("4321", "another tool")
    assert "VIN" not in document


def test_rows_without_an_id_are_kept_once_for_the_quarantine(settings, tmp_path):
    path = tmp_path / "some.parquet"
    listings = generate(20, seed=1)
    listings.loc[[3, 7], "id"] = None
    listings.to_parquet(path)
    push(settings, str(path))
    assert push(settings, str(path)).new == 0
    frame = read(settings)
    assert len(frame) == 20
    reasons = check(frame).quarantined.filter(pc.field("id").is_null())["reasons"].to_pylist()
    assert len(reasons) == 2 and all("id: missing" in row for row in reasons)


def test_of_rows_with_the_same_id_the_last_stays(settings, collection, tmp_path):
    path = tmp_path / "twice.parquet"
    listing = generate(1, seed=1)
    pd.concat([listing.assign(price=str(p)) for p in (1000, 3000, 2000)]).to_parquet(path)
    pushed = push(settings, str(path))
    assert str(pushed).endswith("2 repeated")
    assert [d["price"] for d in content(collection)] == ["2000"]


def test_the_indexes_are_there(settings, collection, csv):
    push(settings, csv)
    indexes = {tuple(i["key"]): i.get("unique", False) for i in collection.list_indexes()}
    assert indexes == {("_id",): False, ("id",): True, ("posting_date", "id"): False}


@pytest.mark.parametrize("sides", ["both", "since", "until"])
def test_a_window_of_days_is_the_same_as_in_the_file(settings, collection, csv, sides):
    push(settings, csv)
    collection.update_one({"posting_date": DAY}, {"$set": {"posting_date": " 2021-04-15 "}})
    everything = read(settings)
    days = everything["posting_date"].str.strip().str.slice(0, 10)
    query = {"since": "2021-04-12", "until": "2021-04-18"}
    query = query if sides == "both" else {sides: query[sides]}
    frame = read(settings, **query)
    inside = days.between(query.get("since", "0"), query.get("until", "9"))
    # Without a first day, rows without a posting day are read, too.
    expected = inside | (days.isna() & ("since" not in query))
    assert set(frame["id"]) == set(everything["id"][expected])
    assert 50 < len(frame) < ROWS


def test_listings_come_oldest_first(settings, csv):
    push(settings, csv)
    dates = read(settings, since="2021-01-01")["posting_date"].tolist()
    assert dates == sorted(dates)


def test_from_the_watermark_only_new_listings_are_read(settings, csv, tmp_path):
    push(settings, csv)
    newest = read(settings)["posting_date"].max()[:10]
    following = str(pd.Timestamp(newest).date() + pd.Timedelta(days=1))
    assert not list(mongodb.read(SourceQuery(since=following), settings))
    path = tmp_path / "next.parquet"
    new = generate(3, seed=9).assign(id=["1", "2", "3"], posting_date=f"{following}T09:00:00-0500")
    new.to_parquet(path)
    push(settings, str(path))
    assert read(settings, since=following)["id"].tolist() == ["1", "2", "3"]


def test_numbers_and_dates_of_another_tool_give_the_same_accepted_rows(
    settings, collection, listings
):
    good = check(listings).accepted.to_pandas()
    typed = listings[listings["id"].isin(good["id"])].to_dict("records")
    for number, row in enumerate(typed):
        as_number = (int, float, Decimal128)[number % 3]
        for name in ("price", "year", "odometer"):
            row[name] = as_number(row[name])
        row["posting_date"] = datetime.fromisoformat(row["posting_date"])
    collection.insert_many({k: v for k, v in row.items() if pd.notna(v)} for row in typed)
    # A BSON date has no offset, so that the day is the one in UTC.
    expected = good.assign(posting_day=good["posting_date"].dt.strftime("%Y-%m-%d"))
    expected = expected.sort_values("id", ignore_index=True)
    pd.testing.assert_frame_equal(accepted(read(settings)), expected)
    day = expected["posting_day"].mode()[0]
    of_day = read(settings, since=day, until=day)
    assert len(of_day) == (expected["posting_day"] == day).sum() > 0


def test_listings_come_in_bounded_batches(settings, csv, monkeypatch):
    push(settings, csv)
    monkeypatch.setattr(mongodb, "BATCH_ROWS", 250)
    monkeypatch.setattr(mongodb, "FETCH_ROWS", 50)
    sizes = [len(frame) for frame in mongodb.read(SourceQuery(), settings)]
    assert sizes == [250, 250, 100]


def test_an_empty_collection_says_how_to_fill_it(settings):
    with pytest.raises(SourceError, match="is empty: fill it with `vehicle-price mongodb push"):
        read(settings)


def test_a_collection_of_something_else_is_refused(settings, collection):
    collection.insert_many([{"id": 1, "price": 3, "cost": 5}, {"id": 2, "year": 2003}])
    with pytest.raises(
        SourceError, match="field manufacturer, odometer, posting_date.*cost, id, price"
    ):
        read(settings)


def test_a_collection_with_an_id_twice_is_not_pushed_to(settings, collection, csv):
    collection.insert_many([{"id": "1"}, {"id": "1"}])
    with pytest.raises(SourceError, match="several documents with the same id"):
        push(settings, csv)
    assert collection.count_documents({}) == 2


def test_a_file_that_cannot_be_read_leaves_the_database_alone(settings, collection):
    with pytest.raises(SourceError, match="no such file"):
        push(settings, "/nowhere.csv")
    assert collection.name not in collection.database.list_collection_names()


def test_a_killed_push_is_completed_by_the_next(settings, collection, tmp_path):
    path, rows = tmp_path / "vehicles.csv", 6_000
    write_csv(path, rows, seed=6)
    pushing = command(settings, "mongodb", "push", str(path))
    wait_until(lambda: collection.estimated_document_count() > 500, pause=0.05)
    pushing.kill()
    pushing.wait()
    half = collection.count_documents({})
    assert 500 < half < rows
    finishing = command(settings, "mongodb", "push", str(path))
    output, _ = finishing.communicate(timeout=300)
    assert finishing.returncode == 0, output
    assert "pushed 6,000 listings" in output and f"done: {rows:,} listings" in output
    from_file = read(settings, "file", data=str(path)).sort_values("id")
    assert [d["id"] for d in content(collection)] == from_file["id"].tolist()
    pd.testing.assert_frame_equal(accepted(read(settings)), accepted(from_file))


def test_a_server_killed_while_reading_is_a_clear_error_and_reading_again_works(
    server, csv, monkeypatch
):
    settings = Settings(mongodb_url=server.url)
    push(settings, csv)
    monkeypatch.setattr(mongodb, "BATCH_ROWS", 200)
    monkeypatch.setattr(mongodb, "FETCH_ROWS", 100)
    reading = mongodb.read(SourceQuery(), settings)
    assert len(next(reading)) == 200
    server.kill()
    with pytest.raises(SourceError, match=rf"127.0.0.1:{server.port}.*repeat this"):
        list(reading)
    server.start()
    assert read(settings)["id"].nunique() == ROWS


def test_a_server_killed_while_pushing_loses_nothing(server, csv):
    settings = Settings(mongodb_url=server.url)
    with pytest.raises(SourceError, match="repeat this"):
        push(settings, csv, lambda pushed: server.kill())
        push(settings, csv)
    server.start()
    push(settings, csv)
    frame = read(settings)
    assert len(frame) == frame["id"].nunique() == ROWS


def test_an_unreachable_server_is_named(server, csv):
    server.kill()
    message = f"no MongoDB answers at 127.0.0.1:{server.port}"
    with pytest.raises(SourceError, match=message):
        read(Settings(mongodb_url=server.url))
    impatient = Settings(mongodb_url=f"{server.url}?serverSelectionTimeoutMS=100")
    with pytest.raises(SourceError, match=message):
        push(impatient, csv)


def test_users_are_checked_and_their_passwords_never_shown(server, csv):
    with pymongo.MongoClient(server.url) as client:
        client.vehicle_price.command(
            "createUser",
            "tester",
            pwd=PASSWORD,
            roles=[{"role": "readWrite", "db": "vehicle_price"}],
        )
    server.kill()
    server.start("--auth")
    rights = Settings(mongodb_url=server.url.replace("//", f"//tester:{PASSWORD}@"))
    wrong = replace(rights, mongodb_url=rights.mongodb_url.replace("//tester", "//other"))
    for settings, level, status, words in (
        (rights, "DEBUG", 0, f"done: {ROWS} listings"),
        (wrong, "INFO", 1, "does not know the user and password"),
        (wrong, "DEBUG", 1, "does not know the user and password"),
        (Settings(mongodb_url=server.url), "INFO", 1, "does not allow this user"),
    ):
        process = command(settings, "mongodb", "push", csv, level=level)
        output, _ = process.communicate(timeout=120)
        assert (process.returncode, words in output, PASSWORD in output) == (status, True, False)
