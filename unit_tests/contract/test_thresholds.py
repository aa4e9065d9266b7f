"""The thresholds stop an ingest whose listings differ too much from what is expected."""

from collections.abc import Sequence

import pandas as pd
import pytest

from unit_tests.helpers.reports import report_on
from vehicle_price.contract.check import check
from vehicle_price.contract.report_html import render_report
from vehicle_price.contract.thresholds import ContractBroken, broken_thresholds, enforce
from vehicle_price.settings import Settings
from vehicle_price.sources.sample.source import generate

SETTINGS = Settings()


@pytest.fixture(scope="module", name="raw")
def fixture_raw() -> pd.DataFrame:
    """Listings of the sample."""
    return generate(3_000, seed=5)


def enforced(report: dict, earlier: Sequence[dict], settings: Settings) -> None:
    """Raise ContractBroken if the report breaks a threshold."""
    enforce(report | {"broken": broken_thresholds(report, earlier, settings)})


def test_an_ordinary_ingest_keeps_the_limits(raw):
    report = report_on(raw)
    assert broken_thresholds(report, [report, report], SETTINGS) == []


def test_too_many_quarantined_rows_stop_the_run_and_say_why(raw):
    with pytest.raises(ContractBroken) as stopped:
        enforced(report_on(raw.assign(fuel="automatic", transmission="gas")), [], SETTINGS)
    message = str(stopped.value)
    assert "100.0% of 3,000 listings" in message and "MAX_QUARANTINED_SHARE=0.5" in message
    assert "fuel: not a known level (3,000 rows)" in message
    assert "Stopped" in render_report(stopped.value.report)


def test_a_handful_of_rows_may_be_bad_by_chance(raw):
    bad, good = raw.head(200).assign(price="0"), raw[raw["price"] != "0"]
    accepted = check(good).accepted["id"].to_pylist()
    good = good[good["id"].isin(accepted)]
    assert not broken_thresholds(report_on(bad.head(5), good.head(4)), [], SETTINGS)
    with pytest.raises(ContractBroken, match="55.6% of 90 listings"):
        enforced(report_on(bad.head(50), good.head(40)), [], Settings(max_quarantined_share=0.45))
    with pytest.raises(ContractBroken, match="100.0% of 9 listings"):
        enforced(report_on(bad.head(9)), [], SETTINGS)


def test_a_column_that_used_to_be_filled_and_is_gone_stops_the_run(raw):
    with pytest.raises(ContractBroken, match="column paint_color is empty in all 3,000 rows"):
        enforced(report_on(raw.drop(columns="paint_color")), [report_on(raw)], SETTINGS)


def test_a_column_that_never_was_there_does_not(raw):
    report = report_on(raw.drop(columns="paint_color"))
    assert not broken_thresholds(report, [report], SETTINGS)
    assert not broken_thresholds(report, [], SETTINGS)


def test_a_column_that_is_rarely_filled_may_be_empty_in_a_few_rows(raw):
    accepted = check(raw).accepted
    few = raw[raw["id"].isin(accepted["id"].to_pylist()) & raw["cylinders"].isna()].head(5)
    assert report_on(few)["columns"]["cylinders"]["share"] == 1
    assert not broken_thresholds(
        report_on(few), [report_on(raw.head(100))], Settings(min_usual_rows_share=0)
    )


def test_far_fewer_rows_than_usual_stop_the_run(raw):
    usual = [report_on(raw), report_on(raw), report_on(raw.head(2_000))]
    with pytest.raises(ContractBroken, match=r"250 listings came, 8\.3% of the usual 3,000"):
        enforced(report_on(raw.tail(250)), usual, SETTINGS)
    assert not broken_thresholds(report_on(raw.tail(310)), usual, SETTINGS)
    assert not broken_thresholds(report_on(raw.tail(250)), usual, Settings(min_usual_rows_share=0))


def test_a_day_is_compared_with_days_not_with_everything(raw):
    day = raw[raw["posting_date"].str.startswith("2021-04-28", na=False)]
    span = {"since": "2021-04-28", "until": "2021-04-28"}
    week = raw[raw["posting_date"].str[:10].between("2021-04-20", "2021-04-26")]
    weeks = [report_on(week, since="2021-04-20", until="2021-04-26")]
    assert not broken_thresholds(report_on(day, **span), [report_on(raw), *weeks], SETTINGS)
    with pytest.raises(ContractBroken, match="listings a posting day came"):
        enforced(report_on(day.head(3), **span), [report_on(raw), *weeks], SETTINGS)


def test_all_broken_thresholds_are_reported_at_once(raw):
    bad = raw.tail(100).assign(price="0").drop(columns="type")
    with pytest.raises(ContractBroken) as stopped:
        enforced(report_on(bad), [report_on(raw)], SETTINGS)
    assert len(stopped.value.report["broken"]) == 3


def test_a_report_without_a_broken_threshold_passes_and_another_names_its_address(raw):
    report = report_on(raw.head(50))
    enforce(report, "somewhere")
    with pytest.raises(ContractBroken, match="too bad. Nothing was stored; the report is in here"):
        enforce(report | {"broken": ["too bad"]}, "here")
