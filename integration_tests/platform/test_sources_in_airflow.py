"""Listings of every source go through the DAGs, and each run leads to the data it read."""

from integration_tests.platform.airflow_runs import INGEST, TRAIN, AirflowRuns
from integration_tests.platform.feeds import ROWS, Feeds, contract_report
from setup.native.environment import settings_from
from vehicle_price.pipelines import ingestion
from vehicle_price.sources.sample.source import generate


def test_kaggle_starts_a_training_on_the_same_listings(platform, airflow, feeds):
    """test_recovery.py has the same of MongoDB, and of a file on S3."""
    ingest = ingested(platform, airflow, feeds, "kaggle")
    training = airflow.training_after(ingest)
    (dataset,) = airflow.dataset_events(training)
    assert dataset["sha256"] == feeds.expected["sha256"]
    # test_sources_on_airflows_page.py waits for the end of such a training.
    airflow.cancel(TRAIN, training)


def test_a_feed_that_breaks_a_limit_changes_nothing_and_says_why(platform, airflow, feeds):
    before, good = airflow.asset_triggered(), feeds.csv.read_bytes()
    generate(ROWS, seed=9).assign(price="0").to_csv(feeds.csv, index=False)
    run_id = airflow.run(INGEST, feeds.form("file"), "failed")
    page = contract_report(platform, airflow, INGEST, run_id)
    assert "Stopped: nothing was stored" in page and "listings break the contract" in page
    assert airflow.asset_triggered() == before
    feeds.csv.write_bytes(good)
    settings = settings_from(platform.environ)
    assert ingestion.ingest(settings, "file", str(feeds.csv), 0, 0)["batch"]["new"] == 0


def ingested(platform, airflow: AirflowRuns, feeds: Feeds, source: str) -> str:
    """Run the ingest DAG on a source and check its contract report; the run's id."""
    ingest = airflow.start(INGEST, feeds.form(source))
    assert airflow.final_state(INGEST, ingest) == "success"
    page = contract_report(platform, airflow, INGEST, ingest)
    assert f"Contract report: {source}" in page and f"{ROWS:,}" in page
    return ingest
