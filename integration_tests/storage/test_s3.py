"""The store on a real S3 server: the same datasets as in a folder, and concurrent ingests."""

import gzip
import http.server
import os
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from integration_tests.helpers.http_server import serving
from integration_tests.storage.s3_server import BUCKET, s3_server
from unit_tests.helpers.added_column import with_seats
from unit_tests.helpers.store import DAYS, RAW, data_files, named_files, one_row, stored
from vehicle_price.pipelines import ingestion, pruning
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError
from vehicle_price.storage.dataset import open_dataset, read_listings, read_quarantine, watermark_of
from vehicle_price.storage.delta_table import DayTable
from vehicle_price.storage.errors import StorageError, StorageUnavailable
from vehicle_price.storage.s3 import S3Folder
from vehicle_price.storage.store import Store

LATE = one_row(id="late", posting_date=DAYS[2])


@pytest.fixture(name="s3", scope="module")
def _s3():
    with pytest.MonkeyPatch.context() as patch, s3_server() as environ:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        for name, value in environ.items():
            patch.setenv(name, value)
        yield f"s3://{BUCKET}"


def test_a_dataset_is_the_same_in_a_bucket_and_in_a_folder(s3, tmp_path):
    local, remote = stored(tmp_path, RAW), stored(f"{s3}/same", RAW)
    assert remote.uri.startswith(f"{s3}/same/listings/accepted@v")
    assert (remote.sha256, remote.rows, remote.quarantined) == (
        local.sha256, local.rows, local.quarantined,
    )  # fmt: skip
    assert open_dataset(remote.uri) == remote
    pd.testing.assert_frame_equal(read_listings(remote.uri), read_listings(local.uri))
    assert len(read_quarantine(remote.uri)) == remote.quarantined


def test_a_bucket_without_a_prefix_is_fine_too(s3):
    dataset = stored(s3, RAW.head(50))
    assert dataset.uri.startswith(f"{s3}/listings/accepted@v")
    assert len(read_listings(dataset.uri)) == dataset.rows


def test_ingesting_again_writes_nothing(s3):
    first = stored(f"{s3}/twice", RAW)
    before = sorted(name for name, _ in S3Folder(f"{s3}/twice").names(""))
    assert stored(f"{s3}/twice", RAW) == first
    assert sorted(name for name, _ in S3Folder(f"{s3}/twice").names("")) == before
    assert watermark_of(f"{s3}/twice", "test") == first.last_day


def test_a_late_listing_makes_a_new_dataset_and_the_old_one_stays(s3):
    first = stored(f"{s3}/late", RAW)
    before = read_listings(first.uri)
    second = stored(f"{s3}/late", LATE)
    assert second.batch["new"] == 1 and second.sha256 != first.sha256
    pd.testing.assert_frame_equal(read_listings(first.uri), before)


def test_concurrent_ingests_are_all_stored(s3):
    root = f"{s3}/together"
    chunks = [RAW.iloc[start : start + 100] for start in range(0, 400, 100)]
    threads = [threading.Thread(target=stored, args=(root, chunk)) for chunk in chunks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = Store(root)
    last = store.content()
    assert last.facts.sha256 == stored(f"{s3}/alone", RAW).sha256
    assert last.version == len(chunks) - 1
    for table in (store.accepted, store.quarantined):
        assert data_files(table) <= named_files(table)


class Killed(BaseException):
    """Simulates `kill -9`."""


def test_files_of_a_killed_run_are_invisible_and_pruned_when_they_are_a_day_old(s3, monkeypatch):
    root = f"{s3}/killed"
    first = stored(root, RAW.head(200))

    def die(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(DayTable, "commit", die)
        with pytest.raises(Killed):
            stored(root, RAW)
    store = Store(root)
    assert store.content().facts.sha256 == first.sha256
    leftover = data_files(store.accepted) - named_files(store.accepted)
    last = stored(root, RAW)
    assert last.sha256 == stored(f"{s3}/whole", RAW).sha256
    assert pruning.prune(root, [], 1, dry_run=False).files == 0  # that run may still work
    monkeypatch.setattr(pruning, "ABANDONED_SECONDS", -1)
    assert pruning.prune(root, [], 1, dry_run=False).files >= len(leftover) > 0
    assert data_files(store.accepted) == named_files(store.accepted)
    assert len(read_listings(last.uri)) == last.rows
    assert len(read_listings(first.uri)) == first.rows


def test_a_column_is_added_in_a_bucket_too(s3, tmp_path):
    root, few = f"{s3}/column", RAW.head(120)
    before = stored(root, few)
    more = pd.concat([few, one_row(id="late", posting_date=DAYS[2]).assign(seats="7")])
    more.to_csv(tmp_path / "more.csv", index=False)
    after = with_seats(tmp_path, root, before.uri, tmp_path / "more.csv")
    assert after["seats"] == ["7"] and after["batch"]["new"] == 1
    assert open_dataset(before.uri) == before
    assert len(read_listings(before.uri)) == before.rows
    assert len(read_listings(after["uri"])) == before.rows + 1


def test_the_credentials_of_a_profile_reach_the_log(s3, monkeypatch, tmp_path):
    """deltalake itself reads the environment only."""
    dataset = stored(f"{s3}/profile", RAW.head(50))
    lines = ["[listings]", "aws_access_key_id = testing", "aws_secret_access_key = testing"]
    (tmp_path / "credentials").write_text("\n".join(lines), "utf-8")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "listings")
    assert open_dataset(dataset.uri) == dataset
    assert stored(f"{s3}/profile", LATE).rows == dataset.rows + 1


def test_the_endpoint_of_s3_alone_works_too(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", os.environ["AWS_ENDPOINT_URL"])
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    dataset = stored(f"{s3}/endpoint", RAW.head(50))
    assert len(read_listings(dataset.uri)) == dataset.rows


def test_every_file_format_gives_the_same_dataset(s3, tmp_path):
    """CSV, zip, gzip and Parquet; a local store and one on S3."""
    facts = set()
    for number, file in enumerate(written(tmp_path)):
        for root in (str(tmp_path / f"root{number}"), f"{s3}/ways/{number}"):
            settings = replace(Settings(), data_root=root, local_dir=str(tmp_path))
            dataset = ingestion.ingest(settings, "file", str(file), 0, 0)
            facts.add((dataset["sha256"], dataset["rows"], dataset["quarantined"]))
    assert len(facts) == 1


def test_a_parquet_file_on_s3_is_read_like_a_local_one(s3, tmp_path):
    parquet = written(tmp_path)[-1]
    folder = S3Folder(f"{s3}/incoming")
    folder.write("vehicles.parquet", parquet.read_bytes())
    results = []
    for number, data in enumerate((str(parquet), f"{s3}/incoming/vehicles.parquet")):
        root = str(tmp_path / f"data{number}")
        settings = replace(Settings(), data_root=root, local_dir=str(tmp_path))
        results.append(ingestion.ingest(settings, "file", data, 0, 0)["sha256"])
    assert results[0] == results[1]


def test_a_file_that_is_not_on_s3_is_named(s3, tmp_path):
    settings = replace(Settings(), data_root=str(tmp_path), local_dir=str(tmp_path))
    with pytest.raises(SourceError, match="absent.csv: no such file"):
        ingestion.ingest(settings, "file", f"{s3}/absent.csv", 0, 0)


def test_a_missing_bucket_is_named_with_what_to_do(s3):
    del s3
    with pytest.raises(
        StorageError, match="no-such-bucket.*make the bucket or correct the address"
    ):
        stored("s3://no-such-bucket/x", RAW.head(50))


def test_without_credentials_the_message_says_where_they_come_from(s3, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StorageError, match="credentials.*AWS_ENDPOINT_URL"):
        stored(f"{s3}/x", RAW.head(50))


def test_an_unreachable_server_is_named(monkeypatch, s3):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StorageError, match="127.0.0.1:9.*AWS_ENDPOINT_URL"):
        stored(f"{s3}/x", RAW.head(50))


class Faulty(http.server.BaseHTTPRequestHandler):
    """Answers every request with the status in its path's first part."""

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        """Answer."""
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:  # pylint: disable=arguments-differ
        """Write nothing."""


@pytest.mark.parametrize(
    ("status", "passes", "message"),
    [
        ("503", True, "503 Service Unavailable.*try again later"),
        ("403", False, "S3 refuses .*403 Forbidden.*permissions"),
    ],
)
def test_a_fault_while_the_log_is_read_says_what_to_do(s3, monkeypatch, status, passes, message):
    del s3
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Faulty)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(DayTable, "__contains__", lambda *_: True)  # asks through boto3
        with pytest.raises(StorageError, match=message) as raised:
            stored(f"s3://{status}", RAW.head(50))
        assert isinstance(raised.value, StorageUnavailable) == passes


def written(folder: Path) -> list[Path]:
    """Paths of RAW as CSV, zip, gzip and Parquet."""
    csv, parquet = folder / "vehicles.csv", folder / "vehicles.parquet"
    RAW.to_csv(csv, index=False)
    RAW.to_parquet(parquet, index=False)
    with zipfile.ZipFile(folder / "vehicles.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(csv, "vehicles.csv")
    with gzip.open(folder / "vehicles.csv.gz", "wb") as out:
        out.write(csv.read_bytes())
    return [csv, folder / "vehicles.zip", folder / "vehicles.csv.gz", parquet]
