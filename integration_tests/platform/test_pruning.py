"""What nobody needs is removed from the store by the platform's real Airflow."""

import os

from setup.native.environment import settings_from
from vehicle_price.storage.dataset import open_dataset, read_listings
from vehicle_price.storage.store import Store

PRUNE = "prune_listings"
ABANDONED = "posting_day=2021-04-05/0123-abcd.parquet"  # no version names it


def test_airflow_removes_what_killed_ingests_left_and_no_dataset_of_a_model(platform, airflow):
    settings = settings_from(platform.environ)
    root = f"{settings.data_root}/samples/{settings.sample_rows}-{settings.seed}"
    store = Store(root)
    dataset = open_dataset(store.address(store.content().version))
    file, work = store.accepted.folder.path / ABANDONED, store.folder.path / ".scratch" / "dead"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"x")
    os.utime(file, (0, 0))
    work.mkdir()

    told = airflow.result(PRUNE, airflow.run(PRUNE, {"dry_run": True}), "prune")
    assert told[root] == {"kept": store.content().version + 1, "removed": 0, "files": 1}
    assert file.exists() and work.exists()
    assert airflow.result(PRUNE, airflow.run(PRUNE, {}), "prune") == told
    assert not file.exists() and not work.exists()
    assert len(read_listings(dataset.uri)) == dataset.rows
