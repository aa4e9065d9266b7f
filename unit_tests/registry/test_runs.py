"""What a training run keeps, and what the gate decided about it, in a real MLflow on SQLite."""

import json
from pathlib import Path

import mlflow
import pytest

from unit_tests.helpers.main_job import aliases
from vehicle_price.model import artifact
from vehicle_price.monitoring.profiles.profile import Profile
from vehicle_price.monitoring.skew import training_profile
from vehicle_price.registry import runs
from vehicle_price.registry.names import CHALLENGER, MODEL_NAME, PRODUCTION, TRAINING_PROFILE
from vehicle_price.storage.dataset import read_listings
from vehicle_price.training.split import split_by_time

DECISION = {
    "promoted": False,
    "harmless": True,
    "version": "2",
    "reasons": ["refused: worse", "ok: fast"],
    "measured": {"1": {}, "2": {}},
}


def files_of(client: mlflow.MlflowClient, run_id: str, folder: str = "") -> set[str]:
    """Names of a run's artifacts in a folder."""
    return {Path(file.path).name for file in client.list_artifacts(run_id, folder)}


def version_card(client: mlflow.MlflowClient, main_job) -> str:
    """The address of the best version's model card."""
    return client.get_model_version(MODEL_NAME, main_job.decision["version"]).tags["model_card"]


def test_a_run_holds_what_a_reader_needs(client, main_job):
    run_id = main_job.trained["random_forest"]["run_id"]
    run = client.get_run(run_id)
    assert {"slices.csv", "dataset.json", "gate.json", "plots", "model_card.html"} <= files_of(
        client, run_id
    )
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


def test_the_profile_of_the_training_rows_is_kept_with_a_version(registry, main_job, settings):
    version = registry.version_by_number("1")
    cars = split_by_time(read_listings(main_job.dataset["uri"])).all_cars
    kept = Profile.from_json(registry.json_of_run(version, TRAINING_PROFILE))
    assert kept == Profile.from_json(training_profile(cars).to_json()) and kept.rows == len(cars)
    assert registry.json_of_run(version, "absent.json") is None
    damaged = "half{"
    mlflow.MlflowClient(settings.mlflow_tracking_uri).log_text(
        version.run_id, damaged, TRAINING_PROFILE
    )
    with pytest.raises(json.JSONDecodeError):
        registry.json_of_run(version, TRAINING_PROFILE)


def test_the_gates_decision_and_reasons_are_with_every_version_it_judged(client, main_job):
    reasons = {}
    for answer in main_job.trained.values():
        stored = mlflow.artifacts.load_dict(
            f"{client.get_run(answer['run_id']).info.artifact_uri}/gate.json"
        )
        assert stored | {"card": version_card(client, main_job)} == main_job.decision
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


def test_other_tools_get_the_same_prices_through_pyfunc(registry, settings, main_job, tmp_path):
    valuation = artifact.load(registry.fetch(registry.version_by_number("1"), tmp_path / "1"))
    test = split_by_time(read_listings(main_job.dataset["uri"])).test.head(50)
    listings = test.astype({"year": float, "odometer": float})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", settings.mlflow_tracking_uri)
        patch.syspath_prepend(tmp_path)  # puts sys.path back afterwards
        mlflow.set_tracking_uri(settings.mlflow_tracking_uri)
        pyfunc_prices = mlflow.pyfunc.load_model(f"models:/{MODEL_NAME}/1").predict(listings)
    assert pyfunc_prices.to_numpy().tolist() == valuation.price_frame(test).to_numpy().tolist()


def test_a_refused_challenger_is_named_until_one_is_promoted(registry):
    runs.record_decision(registry, ["1", "2"], DECISION, {})
    assert aliases(registry) == {PRODUCTION: "1", CHALLENGER: "2"}
    refused = registry.version(CHALLENGER)
    assert refused.tags["gate"] == "refused"
    assert json.loads(refused.tags["gate_reasons"]) == DECISION["reasons"]
    runs.record_decision(registry, ["1", "2"], DECISION | {"promoted": True}, {})
    assert CHALLENGER not in aliases(registry)
    assert registry.version_by_number("2").tags["gate"] == "promoted"


def test_a_challenger_that_could_do_harm_challenges_nobody(registry):
    runs.record_decision(registry, ["1", "2"], DECISION, {})
    runs.record_decision(registry, ["1", "2"], DECISION | {"harmless": False}, {})
    assert aliases(registry) == {PRODUCTION: "1"}


def test_a_version_that_took_no_part_is_refused_and_not_called_worse(registry):
    excluded = DECISION | {"promoted": True, "measured": {"2": {}}}
    runs.record_decision(registry, ["1", "2"], excluded, {})
    gates = [registry.version_by_number(number).tags for number in ("1", "2")]
    assert [tags["gate"] for tags in gates] == ["refused", "promoted"]
    assert json.loads(gates[0]["gate_reasons"]) == DECISION["reasons"]
