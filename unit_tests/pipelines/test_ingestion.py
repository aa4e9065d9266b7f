"""Every ingest leaves a report, and one that breaks a limit leaves nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from vehicle_price.cli import main
from vehicle_price.contract.check import check
from vehicle_price.contract.thresholds import ContractBroken
from vehicle_price.pipelines import contract_reports, ingestion
from vehicle_price.registry.names import REPORT_EXPERIMENT
from vehicle_price.settings import Settings
from vehicle_price.sources.sample.source import generate
from vehicle_price.storage.dataset import open_dataset, watermark_of
from vehicle_price.storage.errors import StorageError

# In random order: the sample's own order is that of states.
RAW = generate(1_000, seed=3).sample(frac=1, random_state=1, ignore_index=True)


@pytest.fixture(name="settings")
def _settings(tmp_path):
    return replace(Settings(), data_root=str(tmp_path / "data"), local_dir=str(tmp_path))


@pytest.fixture(name="feed")
def _feed(settings, tmp_path):
    """Ingests a frame as the one file of a feed."""
    csv = tmp_path / "cars.csv"

    def ingest(frame, **limits):
        frame.to_csv(csv, index=False)
        return ingestion.ingest(replace(settings, **limits), "file", str(csv), 0, 0)

    return ingest


def test_the_report_tells_what_was_read_and_the_dataset_leads_to_it(feed):
    dataset = feed(RAW)
    report = contract_reports.read(dataset["report"])
    assert {name: report[name] for name in dataset["batch"]} == dataset["batch"]
    assert report["read"] == len(RAW) == report["accepted"] + report["quarantined"]
    opened = open_dataset(dataset["uri"])
    assert opened.provenance["report"] == dataset["report"]


def test_a_dataset_in_a_store_that_was_moved_leads_to_its_report(feed, settings, tmp_path):
    """As after a restore into another folder."""
    dataset = feed(RAW)
    moved = str(Path(settings.data_root).rename(tmp_path / "elsewhere"))
    uri = dataset["uri"].replace(settings.data_root, moved)
    report = contract_reports.read(open_dataset(uri).provenance["report"])
    assert report["read"] == len(RAW)


def test_an_ingest_that_breaks_a_limit_leaves_its_report_and_nothing_else(feed, settings):
    before = feed(RAW)
    with pytest.raises(ContractBroken, match="Nothing was stored; the report is in") as stopped:
        feed(RAW.assign(price="0", id=RAW["id"] + "0"))
    report = contract_reports.read(stopped.value.uri)
    assert report["broken"] and report["quarantined"] == len(RAW) and report["new"] is None
    assert feed(RAW)["uri"] == before["uri"]
    assert watermark_of(settings.data_root, "file") == before["last_day"]


def test_the_thresholds_are_enforced_after_the_last_batch_and_before_anything_is_published(
    settings, monkeypatch
):
    batches_checked = []

    def count(frame):
        batches_checked.append(len(frame))
        return check(frame)

    monkeypatch.setattr(ingestion, "check", count)
    strict = replace(settings, max_quarantined_share=0.01)
    with pytest.raises(ContractBroken) as stopped:
        ingestion.ingest(strict, "sample", "", 60_000, 1)
    assert len(batches_checked) == 2 and sum(batches_checked) == 60_000
    assert stopped.value.report["read"] == 60_000
    listings = Path(stopped.value.uri).parents[2]
    assert sorted(path.name for path in listings.iterdir()) == [".scratch", "reports"]


def test_the_usual_is_what_the_same_feed_used_to_give(feed, settings, tmp_path):
    feed(RAW)
    few = RAW.tail(50)
    with pytest.raises(ContractBroken, match="50 listings came, 5.0% of the usual 1,000"):
        feed(few)
    with pytest.raises(ContractBroken):  # what was stopped is not usual now
        feed(few)
    second_feed = tmp_path / "other.csv"
    few.to_csv(second_feed, index=False)
    assert ingestion.ingest(settings, "file", str(second_feed), 0, 0)["batch"]["read"] == 50
    assert feed(few, min_usual_rows_share=0.0)["batch"]["read"] == 50


def test_a_feed_in_kilometres_is_stopped_and_named_and_can_be_accepted_once(feed):
    feed(RAW)
    miles = pd.to_numeric(RAW["odometer"], errors="coerce")
    kilometres = RAW.assign(odometer=(miles * 1.609344).round())
    with pytest.raises(ContractBroken, match="kilometres for miles\\?") as stopped:
        feed(kilometres)
    assert stopped.value.uri.endswith("-stopped.json")
    assert contract_reports.read(stopped.value.uri)["provenance"]["report"] == stopped.value.uri
    assert feed(kilometres, max_feed_shift=1.0)["batch"]["read"] == len(RAW)
    assert feed(kilometres)["batch"]["read"] == len(RAW)  # the usual now


def test_thirty_stopped_ingests_do_not_erase_what_is_usual(feed, monkeypatch):
    feed(RAW)
    for _ in range(30):
        with pytest.raises(ContractBroken):
            feed(RAW.tail(50))
    reads = []
    read = contract_reports.read
    monkeypatch.setattr(contract_reports, "read", lambda uri: reads.append(uri) or read(uri))
    with pytest.raises(ContractBroken, match="50 listings came, 5.0% of the usual 1,000"):
        feed(RAW.tail(50))
    assert len(reads) == 1


def test_a_backfill_does_not_hide_what_a_whole_reading_usually_gives(feed, settings, tmp_path):
    feed(RAW)
    for day in range(4, 20):
        day = f"2021-04-{day:02}"
        ingestion.ingest(settings, "file", str(tmp_path / "cars.csv"), 0, 0, since=day, until=day)
    with pytest.raises(ContractBroken, match="usual 1,000"):
        feed(RAW.tail(50))


def test_a_partial_last_day_is_a_warning_in_log_and_report(settings, tmp_path, caplog):
    days = RAW["posting_date"].str[:10]
    short = RAW[(days < "2021-04-27") | (RAW.index == RAW.index[days == "2021-04-27"][0])]
    short.to_csv(tmp_path / "cars.csv", index=False)
    warnings = []
    for day in ("2021-04-24", "2021-04-25", "2021-04-26", "2021-04-27"):
        csv = str(tmp_path / "cars.csv")
        dataset = ingestion.ingest(settings, "file", csv, 0, 0, since=day, until=day)
        warnings.append(contract_reports.read(dataset["report"])["warnings"])
    *whole, partial = warnings
    assert not any(whole) and "1 listings a posting day came" in partial[0]
    assert partial[0] in caplog.text


def test_a_report_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StorageError, match="absent.json: no contract report here"):
        contract_reports.read(str(tmp_path / "absent.json"))


def test_a_report_is_one_run_in_mlflow_however_often_it_is_published(feed, settings, tmp_path):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(tmp_path)
        there = replace(settings, mlflow_tracking_uri=f"sqlite:///{tmp_path}/x.db")
        dataset = feed(RAW)
        address = contract_reports.publish(there, dataset["report"])
        assert contract_reports.publish(there, dataset["report"]) == address
        client = MlflowClient(there.mlflow_tracking_uri)
        (run,) = client.search_runs(
            [client.get_experiment_by_name(REPORT_EXPERIMENT).experiment_id]
        )
        assert run.info.run_id in address and address.endswith("/contract_report.html")
        assert run.data.metrics["read"] == 1_000 and run.data.params["source"] == "file"
        files = {file.path for file in client.list_artifacts(run.info.run_id)}
        assert files == {"contract_report.html", "contract_report.json"}


def test_a_training_run_leads_to_its_data_and_their_report(main_job):
    client = MlflowClient(main_job.settings.mlflow_tracking_uri)
    for trained in main_job.trained.values():
        run = client.get_run(trained["run_id"])
        assert run.data.tags["contract_report"] == main_job.dataset["report"]
        assert run.data.tags["data_sha256"] == main_job.dataset["sha256"]
        first, last = main_job.dataset["first_day"], main_job.dataset["last_day"]
        assert run.data.tags["data_span"] == f"{first} to {last}"
        files = {file.path for file in client.list_artifacts(run.info.run_id)}
        assert files >= {"dataset.json", "contract_report.json"}
        assert "contract_report.html" not in files  # the run of the ingest has it
        (used,) = run.inputs.dataset_inputs
        assert main_job.dataset["uri"] in json.loads(used.dataset.source)["uri"]


def test_the_command_writes_the_page(feed, tmp_path):
    page = tmp_path / "report.html"
    assert main.main(["report", feed(RAW)["report"], str(page)]) == 0
    assert "Contract report: file" in page.read_text("utf-8")
