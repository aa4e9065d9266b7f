"""Pruning removes datasets that nobody needs, and nothing that a model or a reader may need."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable

from unit_tests.helpers.store import DAYS, RAW, data_files, files_of, one_row, stored
from vehicle_price.pipelines import ingestion, pruning
from vehicle_price.pipelines.pruning import Pruned, prune
from vehicle_price.registry.client import RegistryError
from vehicle_price.registry.names import DATA_HASH_TAG, MODEL_NAME
from vehicle_price.storage.dataset import Dataset, open_dataset, read_listings, read_quarantine
from vehicle_price.storage.errors import StorageError
from vehicle_price.storage.store import Store

DAY = 86_400
MOMENT = 1e-9  # days


@pytest.fixture(name="datasets")
def fixture_datasets(tmp_path) -> list[Dataset]:
    """Datasets made 40, 30, 20 and 10 days ago, each with a row more, and a refused row more."""
    datasets = []
    for number in range(4):
        good = one_row(id=f"{number}", posting_date=DAYS[1])
        bad = one_row(id=f"bad {number}", posting_date=DAYS[1], price="1")
        datasets.append(stored(tmp_path, pd.concat([good, bad])))
    make_older(tmp_path)
    return datasets


def make_older(root: Path) -> None:
    """Give the commits of a store, and its files, the ages of the fixture."""
    for table in ("accepted", "quarantine"):
        for log in (root / "listings" / table / "_delta_log").glob("*.json"):
            actions = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
            for action in actions:
                if "commitInfo" in action:
                    age = max(40 - 10 * int(log.stem), 5) * DAY
                    action["commitInfo"]["timestamp"] = int((time.time() - age) * 1000)
            log.write_text("\n".join(map(json.dumps, actions)), "utf-8")
    old = time.time() - 50 * DAY
    for path in (root / "listings").rglob("*.parquet"):
        os.utime(path, (old, old))


def is_readable(dataset: Dataset) -> bool:
    """Whether all rows of a dataset can be read, the refused ones too."""
    assert open_dataset(dataset.uri) == dataset
    try:
        rows, refused = read_listings(dataset.uri), read_quarantine(dataset.uri)
    except StorageError as error:
        assert "data prune" in str(error)
        return False
    assert (len(rows), len(refused)) == (dataset.rows, dataset.quarantined)
    return True


@pytest.mark.parametrize(
    ("days", "named", "kept"),
    [
        (1, [], [3]),
        (1, [0], [0, 3]),
        (1, [1, 3], [1, 3]),
        (15, [], [2, 3]),  # the third one was the newest until ten days ago
        (25, [], [1, 2, 3]),
        (60, [], [0, 1, 2, 3]),
    ],
)
def test_what_a_model_names_or_was_the_newest_lately_stays(tmp_path, datasets, days, named, kept):
    hashes = [datasets[number].sha256 for number in named]
    pruned = prune(str(tmp_path), hashes, days, dry_run=False)
    assert [n for n in range(4) if is_readable(datasets[n])] == kept
    removed = 4 - len(kept)
    assert pruned == Pruned(len(kept), removed, 2 * removed)
    after = files_of(tmp_path)
    assert prune(str(tmp_path), hashes, days, dry_run=False).files == 0
    assert files_of(tmp_path) == after
    assert stored(tmp_path, one_row(id="late")).rows == 5


def test_a_commit_of_another_program_does_not_replace_the_newest_dataset(tmp_path, datasets):
    table = DeltaTable(str(tmp_path / "listings" / "accepted"))
    table.alter.set_table_properties({"delta.checkpointInterval": "20"})
    make_older(tmp_path)
    assert prune(str(tmp_path), [], 1, dry_run=False).kept == 1
    assert is_readable(datasets[-1])


def test_a_dry_run_removes_nothing(tmp_path, datasets):
    before = files_of(tmp_path)
    assert prune(str(tmp_path), [], 1, dry_run=True) == Pruned(1, 3, 6)
    assert files_of(tmp_path) == before
    assert all(is_readable(dataset) for dataset in datasets)


def test_what_a_running_ingest_may_have_written_stays_for_a_day(tmp_path, datasets):
    del datasets
    table = Store(str(tmp_path)).accepted
    table.folder.write("posting_day=2021-04-05/0123-abcd.parquet", b"x")
    old = table.folder.path / "posting_day=2021-04-05/4567-abcd.parquet"
    old.write_bytes(b"x")
    os.utime(old, (0, 0))
    assert prune(str(tmp_path), [], 60, dry_run=False).files == 1
    assert "posting_day=2021-04-05/0123-abcd.parquet" in data_files(table)


def test_what_killed_ingests_left_is_removed(tmp_path, datasets):
    del datasets
    (tmp_path / "listings/.scratch/dead").mkdir()
    draft = tmp_path / "listings/accepted/.drafts/.x.parquet.0123"
    draft.write_bytes(b"x")
    os.utime(draft, (0, 0))
    prune(str(tmp_path), [], 60, dry_run=False)
    assert not draft.exists() and not (tmp_path / "listings/.scratch/dead").exists()


def test_an_empty_store_has_nothing_to_prune(tmp_path):
    assert prune(str(tmp_path), [], 1, dry_run=False) == Pruned(0, 0, 0)
    assert not files_of(tmp_path)


@pytest.fixture(name="pruned_settings")
def _pruned_settings(settings, tmp_path, monkeypatch):
    """A data root of its own, where files count as old at once."""
    monkeypatch.setattr(pruning, "ABANDONED_SECONDS", -1)
    return replace(settings, data_root=str(tmp_path / "data"), retention_datasets_days=MOMENT)


def test_a_dataset_that_a_model_names_stays_readable(pruned_settings, registry):
    rows = (one_row(id=f"{number}", posting_date=DAYS[1]) for number in range(3))
    first, second, third = (stored(pruned_settings.data_root, row) for row in rows)
    registry.client.set_model_version_tag(MODEL_NAME, "2", DATA_HASH_TAG, first.sha256)
    assert pruning.prune_all(pruned_settings, dry_run=True)[pruned_settings.data_root].removed == 1
    assert len(read_listings(second.uri)) == 2
    pruning.prune_all(pruned_settings, dry_run=False)
    assert len(read_listings(first.uri)) == 1 and len(read_listings(third.uri)) == 3
    with pytest.raises(StorageError, match="data prune"):
        read_listings(second.uri)


def test_the_stores_of_samples_are_pruned_too(pruned_settings):
    stored(pruned_settings.data_root, RAW.head(50))
    ingestion.ingest(pruned_settings, "sample", "", 60, 1)
    pruned = pruning.prune_all(pruned_settings, dry_run=True)
    assert list(pruned) == [pruned_settings.data_root, f"{pruned_settings.data_root}/samples/60-1"]
    assert all(counts.kept == 1 for counts in pruned.values())


@pytest.mark.enable_socket
def test_nothing_is_removed_while_mlflow_does_not_answer(pruned_settings, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    for number in range(2):
        stored(pruned_settings.data_root, one_row(id=f"{number}", posting_date=DAYS[1]))
    before = files_of(tmp_path)
    away = replace(pruned_settings, mlflow_tracking_uri="http://127.0.0.1:9")
    with pytest.raises(RegistryError, match="127.0.0.1:9"):
        pruning.prune_all(away, dry_run=False)
    assert files_of(tmp_path) == before


def test_zero_days_keep_everything(pruned_settings):
    kept = replace(pruned_settings, retention_datasets_days=0)
    assert pruning.prune_all(kept, dry_run=False) == {}
