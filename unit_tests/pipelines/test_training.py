"""Ingest and training, run again: same dataset, same figures, a new version."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from unit_tests.helpers.main_job import ROWS, SEED
from vehicle_price.pipelines import ingestion, training
from vehicle_price.registry import runs
from vehicle_price.registry.names import MODEL_NAME, TRAINING_EXPERIMENT, TRAINING_KEY_TAG
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError
from vehicle_price.storage.dataset import read_listings
from vehicle_price.storage.errors import StorageError

GATE_TAGS = {"gate", "gate_reasons", "model_card", "promoted_by", "promotion_reason"}


def test_ingesting_accounts_for_every_row(main_job):
    dataset = main_job.dataset
    assert dataset["rows"] + dataset["quarantined"] == ROWS
    assert dataset["provenance"] | {"source": "sample", "rows": ROWS, "seed": SEED} == (
        dataset["provenance"]
    )
    assert dataset["batch"]["read"] == ROWS
    assert len(read_listings(dataset["uri"])) == dataset["rows"] > 0.7 * ROWS


def test_ingesting_again_gives_the_same_dataset(main_job, second_job):
    changed = {
        "batch": main_job.dataset["batch"] | {"new": 0},
        "report": second_job.dataset["report"],
    }
    assert second_job.dataset == main_job.dataset | changed


def test_training_again_gives_a_new_version_with_the_same_metrics(main_job, second_job):
    first, second = main_job.trained["xgboost"], second_job.trained["xgboost"]
    assert second["version"] == "3" != first["version"]
    assert second["metrics"] == first["metrics"]


class Killed(BaseException):
    """Simulates `kill -9`."""


def test_a_training_killed_after_it_has_registered_a_version_returns_it_when_it_is_repeated(
    main_job, settings, registry, monkeypatch
):
    def die(*_):
        raise Killed

    monkeypatch.setenv("AIRFLOW_CTX_DAG_RUN_ID", "manual__1")
    arguments = (settings, main_job.dataset["uri"], "xgboost", SEED)
    with monkeypatch.context() as patch:
        patch.setattr(runs, "_describe", die)
        with pytest.raises(Killed):
            training.train_family(*arguments)
    assert not registry.version_by_number("3").tags
    with monkeypatch.context() as patch:
        patch.setattr(training, "fit", lambda *_: pytest.fail("fitted a second time"))
        repeated = training.train_family(*arguments)
    first = main_job.trained["xgboost"]
    assert repeated["version"] == "3" and repeated["metrics"] == first["metrics"]
    version, of_first = registry.version_by_number("3"), registry.version_by_number("1")
    assert version.tags.keys() - {TRAINING_KEY_TAG} == of_first.tags.keys() - GATE_TAGS
    assert version.tags["started_by"] == "manual__1"
    assert "MAE" in registry.client.get_model_version(MODEL_NAME, "3").description
    assert len(registry.client.search_model_versions(f"name = '{MODEL_NAME}'")) == 3


def test_a_training_killed_before_it_has_registered_a_version_begins_again(registry):
    experiment = registry.client.get_experiment_by_name(TRAINING_EXPERIMENT).experiment_id
    run = registry.client.create_run(experiment, tags={TRAINING_KEY_TAG: "k"})
    assert runs.registered(registry, "k") is None
    assert registry.client.get_run(run.info.run_id).info.status == "KILLED"
    assert runs.registered(registry, "another") is None


def test_another_run_family_seed_shift_or_code_is_another_training(main_job, settings, monkeypatch):
    class Asked(Exception):
        """Carries the key that was asked for."""

    def ask(_, key):
        raise Asked(key)

    def key_of(run="manual__1", family="xgboost", seed=SEED, shift=0.0, **changed):
        monkeypatch.setenv("AIRFLOW_CTX_DAG_RUN_ID", run)
        with pytest.raises(Asked) as asked:
            training.train_family(
                replace(settings, **changed), main_job.dataset["uri"], family, seed, shift
            )
        return str(asked.value)

    monkeypatch.setattr(runs, "registered", ask)
    others = {
        key_of("manual__2"),
        key_of(family="random_forest"),
        key_of(seed=SEED + 1),
        key_of(shift=0.1),
        key_of(code_commit="abc"),
        key_of(train_threads=2),
    }
    assert len(others) == 6 and key_of() == key_of() and key_of() not in others


def test_what_the_steps_return_is_small_and_json(main_job, second_job):
    for job in (main_job, second_job):
        for result in (job.dataset, job.decision, *job.trained.values()):
            text = json.dumps(result, allow_nan=False)
            assert json.loads(text) == result and len(text) < 10_000


def test_a_file_that_is_not_there_is_named(tmp_path):
    settings = replace(Settings(), data_root=str(tmp_path))
    with pytest.raises(SourceError, match="absent.csv"):
        ingestion.ingest(settings, "file", str(tmp_path / "absent.csv"), 0, 0)


def test_a_dataset_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StorageError, match="nowhere.*vehicle-price ingest"):
        training.train_family(Settings(), str(tmp_path / "nowhere"), "xgboost", 1)


def test_the_commit_is_what_the_environment_says_and_else_what_git_says(monkeypatch, caplog):
    assert training.code_facts(replace(Settings(), code_commit="abc"))["code_commit"] == "abc"
    head = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    expected = head.stdout.strip() if head.returncode == 0 else "unknown"
    assert training.code_facts(Settings())["code_commit"] == expected
    monkeypatch.setenv("PATH", "")
    assert (
        training.code_facts(Settings())["code_commit"] == "unknown" and "CODE_COMMIT" in caplog.text
    )
