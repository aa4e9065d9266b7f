"""The report of an ingest counts every row, and its limits stop what is too unlike."""

import json
import re
from xml.etree import ElementTree

import pandas as pd
import pytest

from vehicle_price.contract import report, report_html
from vehicle_price.contract.batch_statistics import Tally
from vehicle_price.contract.check import ACCEPTED, Checked, check
from vehicle_price.contract.thresholds import ContractBroken, enforce, guarded
from vehicle_price.settings import Settings
from vehicle_price.sources.sample.source import batches, generate

SETTINGS = Settings()
PROVENANCE = {"source": "file", "data": "listings.csv"}


@pytest.fixture(scope="module", name="raw")
def fixture_raw() -> pd.DataFrame:
    """Listings of the sample."""
    return generate(3_000, seed=5)


def tallied(*frames: pd.DataFrame) -> Tally:
    """The counts of raw frames."""
    tally = Tally()
    for frame in frames:
        tally.add(check(frame))
    return tally


def built(*frames: pd.DataFrame, **provenance: str) -> dict:
    """The report on raw frames."""
    return report.build(tallied(*frames), PROVENANCE | provenance)


def test_every_count_adds_up_to_the_rows_read(raw):
    found = built(raw)
    assert found["read"] == found["accepted"] + found["quarantined"] == 3_000
    for kind in ("accepted", "quarantined"):
        assert sum(day[kind] for day in found["days"].values()) == found[kind]
    assert found["quarantined_share"] == found["quarantined"] / 3_000


def test_batches_do_not_matter(raw):
    assert built(raw) == built(raw.iloc[:1], raw.iloc[1:700], raw.iloc[700:])


def test_rules_are_counted_with_an_example_the_commonest_first(raw):
    found = built(raw)["rules"]
    reasons = [r for row in check(raw).quarantined["reasons"].to_pylist() for r in row]
    assert sum(rule["rows"] for rule in found) == len(reasons)
    assert [rule["rows"] for rule in found] == sorted((r["rows"] for r in found), reverse=True)
    for rule in found:
        assert rule["example"] in reasons and rule["example"].startswith(rule["rule"])


def test_the_share_without_a_value_is_that_of_all_rows_read(raw):
    found = built(raw.assign(drive=" ", fuel=""))["columns"]
    assert set(found) == set(ACCEPTED)
    assert found["cylinders"]["share"] == raw["cylinders"].isna().mean()
    assert found["fuel"] == {"missing": 3_000, "share": 1.0}


def test_a_report_survives_json(raw):
    found = built(raw)
    assert json.loads(json.dumps(found)) == found


def test_nothing_read_is_reported_too():
    found = built()
    assert (found["read"], found["rules"], found["days"]) == (0, [], {})
    assert "0" in report_html.html(found)


def test_the_page_stands_alone_and_shows_counts_rules_and_plots(raw):
    found = report.build(tallied(raw), PROVENANCE, new=17)
    page = report_html.html(found)
    assert not re.search(r"<script|<link|<img|@import|(?:src|href)=\"(?!#)", page)
    for shown in (f"{found['accepted']:,}", f"{found['quarantined']:,}", "17", "listings.csv"):
        assert f">{shown}</td>" in page
    for rule in found["rules"]:
        assert rule["rule"] in page
    drawn = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawn) == 3
    for svg in drawn:
        ElementTree.fromstring(svg)


def test_the_same_figures_give_the_same_page(raw):
    assert report_html.html(built(raw)) == report_html.html(built(raw))


def test_what_a_listing_says_is_never_markup_on_the_page(raw):
    nasty = "<script>alert(1)</script>"
    page = report_html.html(built(raw.head(50).assign(price=nasty), data=nasty))
    assert "<script" not in page and "&lt;script&gt;" in page


def test_an_ordinary_ingest_keeps_the_limits(raw):
    found = built(raw)
    assert enforce(found, [found, found], SETTINGS) is found


def test_too_many_quarantined_rows_stop_the_run_and_say_why(raw):
    with pytest.raises(ContractBroken) as stopped:
        enforce(built(raw.assign(fuel="automatic", transmission="gas")), [], SETTINGS)
    said = str(stopped.value)
    assert "100.0% of 3,000 listings" in said and "MAX_QUARANTINED_SHARE=0.5" in said
    assert "fuel: not a known level (3,000 rows)" in said
    assert "Stopped" in report_html.html(stopped.value.report)


def test_a_handful_of_rows_may_be_bad_by_chance(raw):
    bad, good = raw.head(200).assign(price="0"), raw[raw["price"] != "0"]
    accepted = check(good).accepted["id"].to_pylist()
    good = good[good["id"].isin(accepted)]
    assert enforce(built(bad.head(5), good.head(4)), [], SETTINGS)
    with pytest.raises(ContractBroken, match="55.6% of 90 listings"):
        enforce(built(bad.head(50), good.head(40)), [], Settings(max_quarantined_share=0.45))
    with pytest.raises(ContractBroken, match="100.0% of 9 listings"):
        enforce(built(bad.head(9)), [], SETTINGS)


def test_a_column_that_used_to_be_filled_and_is_gone_stops_the_run(raw):
    with pytest.raises(ContractBroken, match="column paint_color is empty in all 3,000 rows"):
        enforce(built(raw.drop(columns="paint_color")), [built(raw)], SETTINGS)


def test_a_column_that_never_was_there_does_not(raw):
    found = built(raw.drop(columns="paint_color"))
    assert enforce(found, [found], SETTINGS)
    assert enforce(found, [], SETTINGS)


def test_a_column_that_is_rarely_filled_may_be_empty_in_a_few_rows(raw):
    accepted = check(raw).accepted
    few = raw[raw["id"].isin(accepted["id"].to_pylist()) & raw["cylinders"].isna()].head(5)
    assert built(few)["columns"]["cylinders"]["share"] == 1
    assert enforce(built(few), [built(raw.head(100))], Settings(min_usual_rows_share=0))


def test_far_fewer_rows_than_usual_stop_the_run(raw):
    usual = [built(raw), built(raw), built(raw.head(2_000))]
    with pytest.raises(ContractBroken, match=r"250 listings came, 8\.3% of the usual 3,000"):
        enforce(built(raw.tail(250)), usual, SETTINGS)
    assert enforce(built(raw.tail(310)), usual, SETTINGS)
    assert enforce(built(raw.tail(250)), usual, Settings(min_usual_rows_share=0))


def test_a_day_is_compared_with_days_not_with_everything(raw):
    day = raw[raw["posting_date"].str.startswith("2021-04-28", na=False)]
    span = {"since": "2021-04-28", "until": "2021-04-28"}
    week = raw[raw["posting_date"].str[:10].between("2021-04-20", "2021-04-26")]
    weeks = [built(week, since="2021-04-20", until="2021-04-26")]
    assert enforce(built(day, **span), [built(raw), *weeks], SETTINGS)
    with pytest.raises(ContractBroken, match="listings a posting day came"):
        enforce(built(day.head(3), **span), [built(raw), *weeks], SETTINGS)


def test_all_broken_limits_are_told_at_once(raw):
    bad = raw.tail(100).assign(price="0").drop(columns="type")
    with pytest.raises(ContractBroken) as stopped:
        enforce(built(bad), [built(raw)], SETTINGS)
    assert len(stopped.value.report["broken"]) == 3


def test_the_limits_are_judged_after_the_last_batch_and_before_the_end():
    seen: list[Checked] = []
    tally = Tally()

    def judge(tally: Tally) -> None:
        enforce(report.build(tally, PROVENANCE), [], Settings(max_quarantined_share=0.01))

    with pytest.raises(ContractBroken):
        for batch in guarded(map(check, batches(60_000, 1)), tally, judge):
            seen.append(batch)
    assert (len(seen), tally.read) == (2, 60_000)
