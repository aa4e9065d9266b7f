"""A real MLflow on an SQLite file: what is kept with a version, who serves, what is fetched."""

import json
from pathlib import Path

import mlflow
import pytest

from unit_tests.helpers.main_job import copied
from vehicle_price.evaluation.metrics import metrics
from vehicle_price.model import artifact
from vehicle_price.registry.client import (
    CHALLENGER,
    MANIFEST_TAG,
    MODEL_NAME,
    PREVIOUS,
    PRODUCTION,
    Registry,
    RegistryError,
)
from vehicle_price.storage.dataset import read_listings
from vehicle_price.training.fit import split

DECISION = {"promoted": False, "version": "2", "reasons": ["refused: worse", "ok: fast"]}


@pytest.fixture(name="settings")
def _settings(main_job, mlflow_folder, tmp_path):
    """Version 1 (XGBoost) serves, version 2 (forest) was not the best."""
    del mlflow_folder
    return copied(main_job, tmp_path)


@pytest.fixture(name="registry")
def _registry(settings):
    return Registry(settings.mlflow_tracking_uri)


@pytest.fixture(name="client")
def _client(settings):
    return mlflow.MlflowClient(settings.mlflow_tracking_uri)


def aliases(registry: Registry) -> dict[str, str]:
    """Alias → version, of those that are set."""
    found = {alias: registry.version(alias) for alias in (PRODUCTION, CHALLENGER, PREVIOUS)}
    return {alias: version.version for alias, version in found.items() if version}


def files_of(client: mlflow.MlflowClient, run_id: str, folder: str = "") -> set[str]:
    """Names of a run's artifacts in a folder."""
    return {Path(found.path).name for found in client.list_artifacts(run_id, folder)}


def test_a_version_knows_its_run_its_data_and_its_metrics(registry, main_job):
    version = registry.numbered("1")
    trained = main_job.trained["xgboost"]
    assert (version.name, version.version, version.run_id) == (MODEL_NAME, "1", trained["run_id"])
    assert version.metrics == trained["metrics"]
    assert version.tags["data_sha256"] == main_job.dataset["sha256"]
    assert version.tags["family"] == "xgboost" and len(version.tags[MANIFEST_TAG]) == 64
    assert {"git_commit", "data_span", "started_by"} <= version.tags.keys()
    assert PRODUCTION in version.aliases


def test_a_run_holds_what_a_reader_needs(client, main_job):
    run_id = main_job.trained["random_forest"]["run_id"]
    run = client.get_run(run_id)
    assert {"slices.csv", "dataset.json", "gate.json", "plots"} <= files_of(client, run_id)
    assert {"predicted_against_actual.png", "error_by_price_band.png", "importance.png"} <= (
        files_of(client, run_id, "plots")
    )
    assert run.data.params["family"] == "random_forest" and run.data.params["seed"] == "20"
    assert run.inputs.dataset_inputs[0].dataset.digest == main_job.dataset["sha256"][:36]
    assert "MAE" in client.get_model_version(MODEL_NAME, "2").description
    described = mlflow.models.get_model_info(f"models:/{MODEL_NAME}/2")
    assert {"year", "manufacturer", "odometer"} <= set(described.signature.inputs.input_names())
    assert described.signature.outputs.input_names() == ["price", "low", "high"]
    assert described.saved_input_example_info


def test_the_gates_decision_and_reasons_are_with_every_version_it_judged(client, main_job):
    reasons = {}
    for answer in main_job.trained.values():
        stored = mlflow.artifacts.load_dict(
            f"{client.get_run(answer['run_id']).info.artifact_uri}/gate.json"
        )
        assert stored == main_job.decision
        version = client.get_model_version(MODEL_NAME, answer["version"])
        assert (
            client.get_run(answer["run_id"]).data.tags.items()
            >= {
                "gate": version.tags["gate"],
                "gate_reasons": version.tags["gate_reasons"],
            }.items()
        )
        reasons[version.tags["gate"]] = version.tags["gate_reasons"]
    assert json.loads(reasons["promoted"]) == main_job.decision["reasons"]
    assert reasons["not the best"] == "version 1 of the same run is better"


def test_a_fetched_model_measures_what_was_registered(registry, main_job, tmp_path):
    version = registry.numbered("2")
    folder = registry.fetch(version, tmp_path / "versions" / "2")
    assert {p.name for p in folder.iterdir()} == {*artifact.FILES, artifact.MANIFEST}
    test = split(read_listings(main_job.dataset["uri"])).test
    prices = artifact.load(folder).price_frame(test)
    found = metrics(test["price"].to_numpy(), prices["price"].to_numpy())
    assert version.metrics.items() >= found.items()
    assert registry.fetch(version, folder) == folder  # again, into the same place


def test_other_tools_get_the_same_prices_through_pyfunc(registry, settings, main_job, tmp_path):
    ours = artifact.load(registry.fetch(registry.numbered("1"), tmp_path / "1"))
    test = split(read_listings(main_job.dataset["uri"])).test.head(50)
    asked = test.astype({"year": float, "odometer": float})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", settings.mlflow_tracking_uri)
        patch.syspath_prepend(tmp_path)  # puts sys.path back afterwards
        mlflow.set_tracking_uri(settings.mlflow_tracking_uri)
        theirs = mlflow.pyfunc.load_model(f"models:/{MODEL_NAME}/1").predict(asked)
    assert theirs.to_numpy().tolist() == ours.price_frame(test).to_numpy().tolist()


def test_a_model_that_is_not_the_registered_one_is_not_fetched(registry, client, tmp_path):
    client.set_model_version_tag(MODEL_NAME, "1", MANIFEST_TAG, "0" * 64)
    with pytest.raises(artifact.ArtifactError, match="not the manifest that was registered"):
        registry.fetch(registry.numbered("1"), tmp_path / "1")
    client.delete_model_version_tag(MODEL_NAME, "1", MANIFEST_TAG)
    with pytest.raises(artifact.ArtifactError, match="not registered by this project"):
        registry.fetch(registry.numbered("1"), tmp_path / "1")


def test_a_file_changed_in_the_store_is_noticed(registry, tmp_path, monkeypatch):
    download = mlflow.artifacts.download_artifacts

    def damaged(**where) -> str:
        found = Path(download(**where))
        (found / "tables.json").write_text("{}")
        return str(found)

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", damaged)
    with pytest.raises(artifact.ArtifactError, match="tables.json"):
        registry.fetch(registry.numbered("1"), tmp_path / "1")


def test_nothing_serves_at_first(main_job, mlflow_folder, tmp_path):
    del mlflow_folder
    empty = Registry(copied(main_job, tmp_path, "empty.db").mlflow_tracking_uri)
    assert aliases(empty) == {}
    with pytest.raises(RegistryError, match="no previous version"):
        empty.rollback()
    with pytest.raises(RegistryError, match="'?1'?"):
        empty.numbered("1")


def test_promoting_keeps_what_served_and_rolling_back_returns_to_it(registry):
    assert aliases(registry) == {PRODUCTION: "1"}
    registry.promote("2")
    assert aliases(registry) == {PRODUCTION: "2", PREVIOUS: "1"}
    registry.promote("2")  # again changes nothing
    assert aliases(registry) == {PRODUCTION: "2", PREVIOUS: "1"}
    assert registry.rollback() == "1"
    assert aliases(registry) == {PRODUCTION: "1", PREVIOUS: "2"}


@pytest.mark.parametrize("version", ["99", "abc", ""])
def test_a_version_that_is_not_there_cannot_be_promoted(registry, version):
    with pytest.raises(RegistryError):
        registry.promote(version)
    assert aliases(registry) == {PRODUCTION: "1"}


def test_the_only_version_cannot_be_rolled_back(registry):
    with pytest.raises(RegistryError, match="no previous version"):
        registry.rollback()


def test_a_refused_challenger_is_named_until_one_is_promoted(registry):
    registry.record_decision(["1", "2"], DECISION)
    assert aliases(registry) == {PRODUCTION: "1", CHALLENGER: "2"}
    refused = registry.version(CHALLENGER)
    assert refused.tags["gate"] == "refused"
    assert json.loads(refused.tags["gate_reasons"]) == DECISION["reasons"]
    registry.record_decision(["1", "2"], DECISION | {"promoted": True})
    assert CHALLENGER not in aliases(registry)
    assert registry.numbered("2").tags["gate"] == "promoted"


@pytest.mark.enable_socket
def test_a_server_that_is_away_is_said_to_be_away(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    away = Registry("http://127.0.0.1:9")
    for ask in (lambda: away.version(PRODUCTION), lambda: away.promote("1"), away.rollback):
        with pytest.raises(RegistryError, match=r"127.0.0.1:9.*Is it running"):
            ask()


def test_an_address_of_no_known_kind_is_named():
    with pytest.raises(RegistryError, match="nowhere://here"):
        Registry("nowhere://here")
