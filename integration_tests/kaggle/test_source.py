"""Listings from Kaggle: its real client, the command line, and every failing answer."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from integration_tests.kaggle.archives import NO_PAUSES, SMALL, downloaded, read, zip_archive
from integration_tests.kaggle.fake_kaggle import DATASET
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError, SourceQuery
from vehicle_price.sources.catalog import SOURCES
from vehicle_price.sources.kaggle.client import fetch
from vehicle_price.sources.sample.source import write_csv

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(name="listings", scope="module")
def _listings(tmp_path_factory) -> bytes:
    """The real zip archive, or one of the sample where it is absent."""
    folder = os.environ.get("REAL_DATA_DIR") or ROOT.parent / "shared" / "data"
    real = Path(folder) / "craigslist-carstrucks-data.zip"
    if real.is_file():
        return real.read_bytes()
    csv = tmp_path_factory.mktemp("sample") / "vehicles.csv"
    write_csv(csv, 30_000)
    return zip_archive(csv.read_bytes())


def test_the_listings_are_those_of_the_zip(kaggle, listings, tmp_path):
    kaggle.content = listings
    (tmp_path / "as.zip").write_bytes(listings)
    settings = Settings(download_dir=str(tmp_path / "downloads"))
    query = SourceQuery(data=str(tmp_path / "as.zip"))
    from_kaggle = SOURCES["kaggle"].read(SourceQuery(), settings)
    from_file = SOURCES["file"].read(query, settings)
    for frame, expected in zip(from_kaggle, from_file, strict=True):
        pd.testing.assert_frame_equal(frame, expected)


def test_the_command_line_gives_the_dataset_of_the_zip(kaggle, tmp_path):
    write_csv(tmp_path / "vehicles.csv", 2_000)
    kaggle.content = zip_archive((tmp_path / "vehicles.csv").read_bytes())
    by_kaggle = command(tmp_path / "kaggle", "ingest", "--source", "kaggle")
    by_file = command(tmp_path / "file", "ingest", "--data", str(tmp_path / "vehicles.csv"))
    assert by_kaggle.returncode == by_file.returncode == 0, by_kaggle.stderr
    assert json.loads(by_kaggle.stdout)["sha256"] == json.loads(by_file.stdout)["sha256"]
    assert len(kaggle.downloads) == 1


def test_the_command_line_answers_without_credentials_with_advice(signed_out_kaggle, tmp_path):
    answer = command(tmp_path, "ingest", "--source", "kaggle")
    assert answer.returncode == 1 and answer.stdout == ""
    assert answer.stderr.startswith("vehicle-price: Kaggle: no credentials found")
    assert not signed_out_kaggle.requests


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`vehicle-price …` with everything it writes in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "vehicle_price.cli.main", *arguments],
        env=os.environ | {"LOCAL_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    "status, advice",
    [
        (403, "private, removed or has terms to accept.*kaggle.com/datasets/" + DATASET),
        (404, "no dataset.*KAGGLE_DATASET"),
        (410, "no dataset.*KAGGLE_DATASET"),
        (400, "answered 400: as it is"),
    ],
)
def test_a_refusal_is_final_and_says_what_to_do(kaggle, tmp_path, status, advice):
    kaggle.refusals = [(status, "as it is")]
    with pytest.raises(SourceError, match=f"(?s){advice}.*setup/setup_kaggle.md") as caught:
        read(tmp_path)
    assert "as it is" in str(caught.value)
    assert len(kaggle.downloads) == 1


def test_a_dataset_that_is_gone_is_named(kaggle, tmp_path):
    with pytest.raises(SourceError, match="no dataset someone/else"):
        fetch("someone/else", tmp_path)
    assert kaggle.downloads


def test_trouble_that_passes_is_waited_for(kaggle, tmp_path):
    kaggle.refusals = [(503, "busy"), (500, "oh"), (429, "slowly")]
    assert downloaded(tmp_path / "downloads") == SMALL
    assert [request.status for request in kaggle.downloads] == [503, 500, 429, 200]


def test_the_pause_is_the_one_the_server_asks_for(kaggle, tmp_path):
    kaggle.refusals, kaggle.retry_after = [(429, "slowly")], "1"
    started = time.monotonic()
    assert downloaded(tmp_path / "downloads") == SMALL
    assert time.monotonic() - started >= 1


def test_trouble_that_stays_ends_with_advice(kaggle, tmp_path):
    kaggle.refusals = [(503, "busy")] * 20
    with pytest.raises(SourceError, match="503: busy.*network.*SOURCE=file"):
        fetch(DATASET, tmp_path, NO_PAUSES)
    assert len(kaggle.downloads) == 1 + len(NO_PAUSES)


def test_a_redirect_is_followed_without_the_credentials(kaggle, tmp_path):
    kaggle.redirects, kaggle.breaks = True, [100_000]
    assert downloaded(tmp_path / "downloads") == SMALL
    storage = [request for request in kaggle.downloads if "storage" in request.path]
    assert [request.authorization for request in storage] == ["", ""]
    assert [request.status for request in storage] == [200, 206]


def test_a_storage_that_refuses_an_old_address_is_asked_with_a_new_one(kaggle, tmp_path):
    kaggle.redirects, kaggle.storage_refusals = True, [403]
    assert downloaded(tmp_path / "downloads") == SMALL
    assert [request.status for request in kaggle.downloads] == [302, 403, 302, 200]


@pytest.mark.parametrize("environment", ["LOCALHOST", "TEST"])
def test_the_environments_of_the_client_are_honoured(kaggle, tmp_path, monkeypatch, environment):
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", environment)
    assert downloaded(tmp_path / "downloads") == SMALL
    assert kaggle.requests
