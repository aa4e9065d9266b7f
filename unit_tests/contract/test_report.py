"""The report of an ingest counts every row."""

import json

import pandas as pd
import pytest

from unit_tests.helpers.reports import report_on
from vehicle_price.contract.check import STORED_COLUMNS, check
from vehicle_price.contract.report_html import render_report
from vehicle_price.sources.sample.source import generate


@pytest.fixture(scope="module", name="raw")
def fixture_raw() -> pd.DataFrame:
    """Listings of the sample."""
    return generate(3_000, seed=5)


def test_every_count_adds_up_to_the_rows_read(raw):
    report = report_on(raw)
    assert report["read"] == report["accepted"] + report["quarantined"] == 3_000
    for kind in ("accepted", "quarantined"):
        assert sum(day[kind] for day in report["days"].values()) == report[kind]
    assert report["quarantined_share"] == report["quarantined"] / 3_000


def test_batches_do_not_matter(raw):
    assert report_on(raw) == report_on(raw.iloc[:1], raw.iloc[1:700], raw.iloc[700:])


def test_rules_are_counted_with_an_example_the_commonest_first(raw):
    report = report_on(raw)["rules"]
    reasons = [r for row in check(raw).quarantined["reasons"].to_pylist() for r in row]
    assert sum(rule["rows"] for rule in report) == len(reasons)
    assert [rule["rows"] for rule in report] == sorted((r["rows"] for r in report), reverse=True)
    for rule in report:
        assert rule["example"] in reasons and rule["example"].startswith(rule["rule"])


def test_the_share_without_a_value_is_that_of_all_rows_read(raw):
    report = report_on(raw.assign(drive=" ", fuel=""))["columns"]
    assert set(report) == set(STORED_COLUMNS)
    assert report["cylinders"]["share"] == raw["cylinders"].isna().mean()
    assert report["fuel"] == {"missing": 3_000, "share": 1.0}


def test_a_report_survives_json(raw):
    report = report_on(raw)
    assert json.loads(json.dumps(report)) == report


def test_nothing_read_is_reported_too():
    report = report_on()
    assert (report["read"], report["rules"], report["days"]) == (0, [], {})
    assert "0" in render_report(report)
