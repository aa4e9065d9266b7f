"""The three steps of the main job, run again: same figures, nothing promoted."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from unit_tests.helpers.main_job import ROWS, SEED, copied
from vehicle_price.model import artifact
from vehicle_price.pipelines import training
from vehicle_price.registry import runs
from vehicle_price.registry.client import Registry
from vehicle_price.registry.names import PRODUCTION
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError
from vehicle_price.storage.dataset import StorageError, read_listings


@pytest.fixture(name="settings", scope="module")
def _settings(main_job, mlflow_folder):
    return copied(main_job, mlflow_folder)


@pytest.fixture(name="again", scope="module")
def _again(settings):
    """Everything once more: the dataset, XGBoost, and the gate's decision."""
    dataset = training.ingest(settings, "sample", "", ROWS, SEED)
    trained = training.train_family(settings, dataset["uri"], "xgboost", SEED)
    return dataset, trained, training.run_gate(settings, dataset["uri"], [trained["version"]])


def test_ingesting_accounts_for_every_row(main_job):
    dataset = main_job.dataset
    assert dataset["rows"] + dataset["quarantined"] == ROWS
    assert dataset["provenance"] | {"source": "sample", "rows": ROWS, "seed": SEED} == (
        dataset["provenance"]
    )
    assert dataset["batch"]["read"] == ROWS
    assert len(read_listings(dataset["uri"])) == dataset["rows"] > 0.7 * ROWS


def test_ingesting_again_gives_the_same_dataset(main_job, again):
    now = {"batch": main_job.dataset["batch"] | {"new": 0}, "report": again[0]["report"]}
    assert again[0] == main_job.dataset | now


def test_the_better_family_is_promoted_first(main_job):
    maes = {t["version"]: t["metrics"]["mae"] for t in main_job.trained.values()}
    assert main_job.decision["promoted"] and main_job.decision["production"] is None
    assert main_job.decision["version"] == min(maes, key=maes.get)


def test_the_gate_measures_what_training_reported(main_job):
    for answer in main_job.trained.values():
        measured = main_job.decision["measured"][answer["version"]]
        assert measured["mae"] == answer["metrics"]["mae"]
        assert measured["coverage"] == answer["metrics"]["interval_coverage"]
        assert answer["metrics"]["test_cars"] == main_job.decision["cars"]
    baseline = main_job.decision["measured"]["baseline"]["mae"]
    assert main_job.trained["xgboost"]["metrics"]["baseline_mae"] == baseline


def test_training_again_gives_a_new_version_with_the_same_metrics(main_job, again):
    first, second = main_job.trained["xgboost"], again[1]
    assert second["version"] == "3" != first["version"]
    assert second["metrics"] == first["metrics"]


def test_the_second_challenger_is_not_promoted(main_job, again, settings):
    decision = again[2]
    assert not decision["promoted"] and decision["production"] == main_job.decision["version"]
    assert decision["measured"]["3"] == decision["measured"]["production"]
    assert [r for r in decision["reasons"] if r.startswith("refused: MAE")]
    serving = Registry(settings.mlflow_tracking_uri).version(PRODUCTION)
    assert serving.version == main_job.decision["version"]


def test_a_gate_that_runs_again_after_promoting_decides_the_same(main_job, tmp_path, mlflow_folder):
    """Airflow retries a task whose answer was lost."""
    del mlflow_folder
    settings = copied(main_job, tmp_path)
    versions = [t["version"] for t in main_job.trained.values()]
    retried = training.run_gate(settings, main_job.dataset["uri"], versions)
    assert retried == main_job.decision
    promoted = Registry(settings.mlflow_tracking_uri).version(PRODUCTION)
    assert promoted.version == retried["version"] and promoted.tags["gate"] == "promoted"


def test_what_the_steps_return_is_small_and_json(main_job, again):
    for answer in (*again, main_job.decision, *main_job.trained.values()):
        text = json.dumps(answer, allow_nan=False)
        assert json.loads(text) == answer and len(text) < 10_000


def test_a_model_is_tried_in_a_child_before_it_is_loaded(main_job, settings, tmp_path, monkeypatch):
    def refuse(folder: Path, *_, **__) -> None:
        assert (folder / "price.ubj").is_file()
        raise artifact.ArtifactError("crashed")

    monkeypatch.setattr(artifact, "check_in_child", refuse)
    monkeypatch.setattr(artifact, "load", lambda *_: pytest.fail("loaded all the same"))
    registry = Registry(settings.mlflow_tracking_uri)
    version = registry.version_by_number(main_job.decision["version"])
    with pytest.raises(artifact.ArtifactError, match="crashed"):
        training.fetch_checked(registry, version, tmp_path)


def test_a_production_model_that_cannot_be_used_does_not_stop_the_gate(
    main_job, tmp_path, monkeypatch
):
    settings = copied(main_job, tmp_path)
    serving = main_job.decision["version"]
    other = next(t["version"] for t in main_job.trained.values() if t["version"] != serving)
    real = training.fetch_checked

    def fetch(registry, version, folder):
        if version.version == serving:
            raise artifact.ArtifactError("made for other inputs")
        return real(registry, version, folder)

    monkeypatch.setattr(training, "fetch_checked", fetch)
    # The copy of the registry shares its artifacts with other tests.
    monkeypatch.setattr(runs, "record_decision", lambda *_: None)
    decision = training.run_gate(settings, main_job.dataset["uri"], [other])
    assert decision["promoted"] and decision["version"] == other
    assert f"version {serving} cannot be used: made for other inputs" in decision["reasons"]
    broken = training.run_gate(settings, main_job.dataset["uri"], [serving])
    assert not broken["promoted"] and broken["version"] == serving
    assert broken["reasons"][-1] == "refused: there is no challenger to measure"


def test_a_file_that_is_not_there_is_named(tmp_path):
    settings = replace(Settings(), data_root=str(tmp_path))
    with pytest.raises(SourceError, match="absent.csv"):
        training.ingest(settings, "file", str(tmp_path / "absent.csv"), 0, 0)


def test_a_dataset_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StorageError, match="nowhere.*vehicle-price ingest"):
        training.train_family(Settings(), str(tmp_path / "nowhere"), "xgboost", 1)


def test_the_commit_is_what_the_environment_says_and_else_what_git_says(monkeypatch, caplog):
    assert training.code_commit(replace(Settings(), code_commit="abc")) == "abc"
    head = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    expected = head.stdout.strip() if head.returncode == 0 else "unknown"
    assert training.code_commit(Settings()) == expected
    monkeypatch.setenv("PATH", "")
    assert training.code_commit(Settings()) == "unknown" and "CODE_COMMIT" in caplog.text
