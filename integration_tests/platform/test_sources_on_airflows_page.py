"""All of a model's life on Airflow's page: ingest, train, backfill, promote, roll back.

SCREENSHOT_DIR=setup/images saves pictures of the forms there.
"""

import pytest
from playwright.sync_api import expect

from integration_tests.helpers.browser import save_screenshot
from integration_tests.helpers.waiting import wait_until
from integration_tests.platform.airflow_page import PATIENCE
from integration_tests.platform.airflow_runs import INGEST, TRAIN
from integration_tests.platform.feeds import assert_names_its_data, contract_report
from vehicle_price.registry.client import Registry
from vehicle_price.registry.names import PRODUCTION

PROMOTE, ROLL_BACK = "promote_version", "roll_back_production"


@pytest.fixture(name="registry")
def _registry(platform):
    return Registry(platform.mlflow_url)


def test_an_ingest_of_another_source_and_days_trains_on_what_it_stored(
    platform, airflow, feeds, page
):
    before = airflow.ids(INGEST)
    page.open_form(INGEST)
    assert page.value("source") == "sample"
    page.choose("source", "file")
    page.fill_in(data=str(feeds.csv), since=feeds.expected["first_day"], until="2031-01-01")
    save_screenshot(page.page, "airflow_ingest.png")
    page.trigger()
    ingest = airflow.new_run(INGEST, before)
    assert airflow.final_state(INGEST, ingest) == "success"
    training = airflow.training_after(ingest)
    assert airflow.final_state(TRAIN, training) == "success"
    assert_names_its_data(platform, airflow, training, feeds)


def test_training_with_other_families_and_another_source(platform, airflow, feeds, page):
    before = airflow.ids(TRAIN)
    page.open_form(TRAIN)
    page.choose("source", "mongodb")
    page.keep_only("families", ["xgboost"])
    save_screenshot(page.page, "airflow_train.png")
    page.trigger()
    run_id = airflow.new_run(TRAIN, before)
    assert airflow.final_state(TRAIN, run_id) == "success"
    assert "Contract report: mongodb" in contract_report(platform, airflow, TRAIN, run_id)
    assert_names_its_data(platform, airflow, run_id, feeds)


def test_a_click_with_the_sample_never_replaces_a_model_of_real_listings(
    platform, airflow, page, registry
):
    """The feeds' models have learnt from a file, so one of them is in production by now."""
    serving = registry.version(PRODUCTION)
    assert serving.tags["market"] == "real"
    before = airflow.ids(TRAIN)
    page.open_form(TRAIN)  # with its defaults: the installation's source is the sample
    page.trigger()
    run_id = airflow.new_run(TRAIN, before)
    assert airflow.final_state(TRAIN, run_id) == "success"
    assert registry.version(PRODUCTION).version == serving.version
    reason = "has not learnt from real listings"
    assert reason in airflow.result(TRAIN, run_id, "gate")["reasons"][0]
    links = airflow.get(TRAIN, run_id, "/taskInstances/gate/links")["extra_links"]
    assert links["Model card"].endswith("/artifacts/model_card.html")
    assert reason in platform.run("status").stdout


def test_a_backfill_that_is_started_on_the_page(airflow, feeds, page):
    day = feeds.expected["first_day"]
    before = airflow.ids(INGEST)
    page.start_backfill(INGEST, day, day)
    run_id = airflow.new_run(INGEST, before, "backfill")
    assert airflow.final_state(INGEST, run_id) == "success"
    assert airflow.get(INGEST, run_id)["run_type"] == "backfill"
    # The sample's other days are not read; its store has them from other runs.
    assert airflow.result(INGEST, run_id, "ingest")["batch"]["read"] < 3_000


def test_a_version_is_promoted_and_rolled_back_on_record(airflow, page, registry):
    serving = registry.version(PRODUCTION)
    page.open_form(PROMOTE)
    expect(page.trigger_button).to_be_disabled(timeout=PATIENCE)
    before = airflow.ids(PROMOTE)
    page.fill_in_number("Version", 1)
    page.fill_in(reason="to see it")
    save_screenshot(page.page, "airflow_promote.png")
    page.trigger()
    assert airflow.final_state(PROMOTE, airflow.new_run(PROMOTE, before)) == "success"
    promoted = registry.version(PRODUCTION)
    assert promoted.version == "1" and promoted.tags["promotion_reason"] == "to see it"
    assert promoted.tags["promoted_by"].startswith("admin (Airflow run ")
    before = airflow.ids(ROLL_BACK)
    page.open_form(ROLL_BACK)
    page.fill_in(reason="it was better")
    page.trigger()
    assert airflow.final_state(ROLL_BACK, airflow.new_run(ROLL_BACK, before)) == "success"
    wait_until(lambda: registry.version(PRODUCTION).version == serving.version)
    tags = registry.version(PRODUCTION).tags
    assert tags["promotion_reason"] == "rollback: it was better"
