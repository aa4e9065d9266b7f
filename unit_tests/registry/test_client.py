"""A real MLflow on an SQLite file: who serves, what is fetched, what is refused."""

from pathlib import Path

import mlflow
import pytest

from unit_tests.helpers.main_job import aliases, copy_mlflow
from vehicle_price.evaluation.metrics import metrics
from vehicle_price.features.deduplication import is_seen
from vehicle_price.model import artifact
from vehicle_price.registry.client import (
    SERVING,
    TWIN,
    Registry,
    RegistryError,
    RegistryUnavailable,
)
from vehicle_price.registry.names import (
    DATA_HASH_TAG,
    MANIFEST_TAG,
    MODEL_NAME,
    PREVIOUS,
    PRODUCTION,
)
from vehicle_price.storage.dataset import read_listings
from vehicle_price.training.split import split_by_time


def test_a_version_knows_its_run_its_data_and_its_metrics(registry, main_job):
    version = registry.version_by_number("1")
    trained = main_job.trained["xgboost"]
    assert (version.name, version.version, version.run_id) == (MODEL_NAME, "1", trained["run_id"])
    assert version.metrics == trained["metrics"]
    assert version.tags["data_sha256"] == main_job.dataset["sha256"]
    assert version.tags["family"] == "xgboost" and len(version.tags[MANIFEST_TAG]) == 64
    assert {"git_commit", "data_span", "started_by"} <= version.tags.keys()
    assert PRODUCTION in version.aliases


def test_the_data_of_every_version_is_known(registry, client, main_job, monkeypatch):
    monkeypatch.setattr("vehicle_price.registry.client.PAGE_VERSIONS", 1)
    assert registry.data_hashes() == {main_job.dataset["sha256"]}
    client.set_model_version_tag(MODEL_NAME, "1", DATA_HASH_TAG, "0" * 64)
    assert registry.data_hashes() == {main_job.dataset["sha256"], "0" * 64}


def test_a_fetched_twin_measures_what_was_registered(registry, main_job, tmp_path):
    version = registry.version_by_number("2")
    folder = registry.fetch(version, tmp_path / "versions" / "2", TWIN)
    assert {p.name for p in folder.iterdir()} == {*artifact.FILES, artifact.MANIFEST}
    test = split_by_time(read_listings(main_job.dataset["uri"])).test
    prices = artifact.load(folder).price_frame(test)
    measured = metrics(test["price"].to_numpy(), prices["price"].to_numpy())
    assert version.metrics.items() >= measured.items()
    assert registry.fetch(version, folder, TWIN) == folder  # again, into the same place


def test_what_serves_has_learnt_from_every_car_by_the_twins_recipe(registry, main_job, tmp_path):
    version = registry.version_by_number("2")
    cars = split_by_time(read_listings(main_job.dataset["uri"]))
    serving, twin = (
        artifact.load(registry.fetch(version, tmp_path / part.folder, part))
        for part in (SERVING, TWIN)
    )
    assert is_seen(cars.all_cars, serving.seen_cars).all()
    assert not is_seen(cars.test, twin.seen_cars).any()
    for name in ("family", "parameters", "seed", "data", "metrics", "twin", "code_commit"):
        assert serving.facts[name] == twin.facts[name]
    assert serving.facts["twin"]["last_day"] == twin.facts["last_day"] < cars.first_test_day
    assert serving.facts["last_day"] == cars.test["posting_day"].max()


def test_a_model_that_is_not_the_registered_one_is_not_fetched(registry, client, tmp_path):
    client.set_model_version_tag(MODEL_NAME, "1", MANIFEST_TAG, "0" * 64)
    with pytest.raises(artifact.ArtifactError, match="not the manifest that was registered"):
        registry.fetch(registry.version_by_number("1"), tmp_path / "1")
    client.delete_model_version_tag(MODEL_NAME, "1", MANIFEST_TAG)
    with pytest.raises(artifact.ArtifactError, match="not registered by this project"):
        registry.fetch(registry.version_by_number("1"), tmp_path / "1")


def test_a_file_changed_in_the_store_is_noticed(registry, tmp_path, monkeypatch):
    download = mlflow.artifacts.download_artifacts

    def damaged(**where) -> str:
        downloaded = Path(download(**where))
        (downloaded / "tables.json").write_text("{}")
        return str(downloaded)

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", damaged)
    with pytest.raises(artifact.ArtifactError, match="tables.json"):
        registry.fetch(registry.version_by_number("1"), tmp_path / "1")


def test_nothing_serves_at_first(main_job, mlflow_folder, tmp_path):
    del mlflow_folder
    empty = Registry(copy_mlflow(main_job, tmp_path, "empty.db").mlflow_tracking_uri)
    assert aliases(empty) == {}
    with pytest.raises(RegistryError, match="no previous version"):
        empty.rollback("a test", "to test")
    with pytest.raises(RegistryError, match="'?1'?"):
        empty.version_by_number("1")


def test_promoting_keeps_what_served_and_rolling_back_returns_to_it(registry):
    assert aliases(registry) == {PRODUCTION: "1"}
    registry.promote("2", "a test", "to test")
    assert aliases(registry) == {PRODUCTION: "2", PREVIOUS: "1"}
    registry.promote("2", "a test", "to test")  # again changes nothing
    assert aliases(registry) == {PRODUCTION: "2", PREVIOUS: "1"}
    assert registry.rollback("anna", "too dear") == "1"
    assert aliases(registry) == {PRODUCTION: "1", PREVIOUS: "2"}
    tags = registry.version_by_number("1").tags
    assert (tags["promoted_by"], tags["promotion_reason"]) == ("anna", "rollback: too dear")


@pytest.mark.parametrize("version", ["99", "abc", ""])
def test_a_version_that_is_not_there_cannot_be_promoted(registry, version):
    with pytest.raises(RegistryError) as caught:
        registry.promote(version, "a test", "to test")
    assert not isinstance(caught.value, RegistryUnavailable)
    assert aliases(registry) == {PRODUCTION: "1"}


def test_the_only_version_cannot_be_rolled_back(registry):
    with pytest.raises(RegistryError, match="no previous version"):
        registry.rollback("a test", "to test")


@pytest.mark.enable_socket
def test_a_server_that_is_away_is_said_to_be_away(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    unreachable = Registry("http://127.0.0.1:9")
    for call in (
        lambda: unreachable.version(PRODUCTION),
        lambda: unreachable.promote("1", "a test", "to test"),
        lambda: unreachable.rollback("a test", "to test"),
        unreachable.data_hashes,
    ):
        with pytest.raises(RegistryUnavailable, match=r"127.0.0.1:9.*Is it running"):
            call()


def test_an_address_of_no_known_kind_is_named():
    with pytest.raises(RegistryError, match="nowhere://here"):
        Registry("nowhere://here")
