"""Ingest and training, run again: same dataset, same figures, a new version."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from unit_tests.helpers.main_job import ROWS, SEED
from vehicle_price.pipelines import ingestion, training
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError
from vehicle_price.storage.dataset import read_listings
from vehicle_price.storage.errors import StorageError


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
