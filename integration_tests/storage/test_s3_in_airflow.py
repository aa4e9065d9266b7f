"""A store on an S3 that refuses in the middle of a real run of the DAG `ingest_listings`."""

from integration_tests.helpers.failure_logs import keep_logs
from integration_tests.storage.airflow_run import RETRIES, airflow_run
from integration_tests.storage.s3_server import BUCKET
from unit_tests.helpers.store import data_files, named_files, stored
from vehicle_price.pipelines import pruning
from vehicle_price.sources.sample.source import generate
from vehicle_price.storage.store import Store

WRITTEN = 5  # days, before S3 refuses everything


def test_an_ingest_outlives_an_s3_that_refuses_while_the_store_is_written(
    s3, tmp_path, monkeypatch
):
    raw = generate(2_000, seed=9)
    raw.to_csv(tmp_path / "vehicles.csv", index=False)
    expected = stored(tmp_path / "undisturbed", raw)
    root = f"s3://{BUCKET}/airflow"
    written = []

    def refuses_after_some_days(request):
        if len(written) < WRITTEN and request.path.endswith(".parquet"):
            written.append(request)
            return 0
        return 503 * (len(written) >= WRITTEN)

    s3.refusal = refuses_after_some_days
    form = {"source": "file", "data": str(tmp_path / "vehicles.csv")}
    with (
        keep_logs(tmp_path),
        airflow_run(
            tmp_path, "ingest_listings", form, DATA_ROOT=root, TASK_RETRY_SECONDS="1"
        ) as run,
    ):
        run.wait_for_retry()
        assert s3.refused
        s3.forward_all()
        assert run.succeeds()
    assert len([line for line in run.lines if RETRIES in line]) == 1
    store = Store(root)
    assert store.content().version == 0
    assert store.content().facts.sha256 == expected.sha256
    assert_only_files_of_the_first_attempt_are_left_over(store, root, monkeypatch)


def assert_only_files_of_the_first_attempt_are_left_over(store, root, monkeypatch):
    """What the refused attempt had written belongs to no version, and is pruned."""
    left = data_files(store.accepted) - named_files(store.accepted)
    assert left
    monkeypatch.setattr(pruning, "ABANDONED_SECONDS", -1)
    assert pruning.prune(root, [], 1, dry_run=False).files == len(left)
    assert data_files(store.accepted) == named_files(store.accepted)
