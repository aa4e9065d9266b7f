"""The thresholds stop an ingest whose listings differ too much from what is expected."""

from collections.abc import Sequence

import pandas as pd
import pytest

from unit_tests.helpers.reports import report_on
from vehicle_price.contract.check import check
from vehicle_price.contract.report_html import render_report
from vehicle_price.contract.thresholds import ContractBroken, judged
from vehicle_price.settings import Settings
from vehicle_price.sources.sample.source import generate

SETTINGS = Settings()


@pytest.fixture(scope="module", name="raw")
def fixture_raw() -> pd.DataFrame:
    """Listings of the sample in random order: their own order is that of states."""
    return generate(3_000, seed=5).sample(frac=1, random_state=1, ignore_index=True)


def broken(report: dict, earlier: Sequence[dict] = (), settings: Settings = SETTINGS) -> list[str]:
    """The thresholds that a report breaks."""
    return judged(report, earlier, settings)["broken"]


def on_days(raw: pd.DataFrame, first: str, last: str, rows: int | None = None) -> dict:
    """The report of an ingest that asked for these posting days, and got the first `rows` rows."""
    chosen = raw[raw["posting_date"].str[:10].between(first, last)]
    return report_on(chosen.head(rows or len(chosen)), since=first, until=last)


def test_an_ordinary_ingest_keeps_the_limits(raw):
    report = report_on(raw)
    assert not broken(report, [report, report])
    assert not broken(report_on(raw.head(1_000)), [report_on(raw.tail(2_000))])


def test_too_many_quarantined_rows_stop_the_first_ingest_and_say_why(raw):
    report = judged(report_on(raw.assign(fuel="automatic", transmission="gas")), [], SETTINGS)
    (message,) = report["broken"]
    assert "100.0% of 3,000 listings" in message and "MAX_QUARANTINED_SHARE=0.5" in message
    assert "fuel: not a known level (3,000 rows)" in message
    assert "Stopped" in render_report(report)


def test_a_handful_of_rows_may_be_bad_by_chance(raw):
    bad, good = raw.head(200).assign(price="0"), raw[raw["price"] != "0"]
    accepted = check(good).accepted["id"].to_pylist()
    good = good[good["id"].isin(accepted)]
    assert not broken(report_on(bad.head(5), good.head(4)))
    report, strict = report_on(bad.head(50), good.head(40)), Settings(max_quarantined_share=0.45)
    assert "55.6% of 90 listings" in broken(report, [], strict)[0]
    assert "100.0% of 9 listings" in broken(report_on(bad.head(9)))[0]


def with_quarantined(raw: pd.DataFrame, share: float) -> dict:
    """The report on rows of which about this share (or their own, if it is larger) is broken."""
    return report_on(raw.assign(price=raw["price"].where(raw.index >= share * len(raw), "-1")))


def test_the_usual_share_of_quarantined_rows_counts_and_not_the_fixed_limit(raw):
    usual, most = with_quarantined(raw, 0), with_quarantined(raw, 0.7)
    message, *_ = broken(with_quarantined(raw, 0.4), [usual])
    assert f"usually {usual['quarantined_share']:.1%}" in message
    assert "price: below 500 USD" in message and "MAX_FEED_SHIFT=1" in message
    assert not broken(with_quarantined(raw, 0.65), [most])  # more than half, as usual
    fewer = broken(usual, [most])  # its prices are others, but that it has fewer is no fault
    assert not any("break the contract" in message for message in fewer)


def test_a_column_that_used_to_be_filled_and_is_gone_stops_the_run(raw):
    (message,) = broken(report_on(raw.drop(columns="paint_color")), [report_on(raw)])
    assert "column paint_color is empty in all 3,000 rows" in message
    accepted = Settings(max_feed_shift=1)
    assert not broken(report_on(raw.drop(columns="paint_color")), [report_on(raw)], accepted)


def test_a_column_that_never_was_there_does_not(raw):
    report = report_on(raw.drop(columns="paint_color"))
    assert not broken(report, [report])
    assert not broken(report)


def test_a_column_that_is_rarely_filled_may_be_empty_in_a_few_rows(raw):
    accepted = check(raw).accepted
    few = raw[raw["id"].isin(accepted["id"].to_pylist()) & raw["cylinders"].isna()].head(5)
    assert report_on(few)["columns"]["cylinders"]["share"] == 1
    assert not broken(report_on(few), [report_on(raw.head(100))], Settings(min_usual_rows_share=0))


def test_far_fewer_rows_than_usual_stop_the_run(raw):
    usual = [report_on(raw), report_on(raw), report_on(raw.head(2_000))]
    (message,) = broken(report_on(raw.tail(250)), usual)
    assert "250 listings came, 8.3% of the usual 3,000" in message
    assert "MIN_USUAL_ROWS_SHARE=0" in message
    assert not broken(report_on(raw.tail(310)), usual)
    assert not broken(report_on(raw.tail(250)), usual, Settings(min_usual_rows_share=0))


def test_what_is_usual_begins_anew_with_an_ingest_that_accepted_fewer_rows(raw):
    usual, few = [report_on(raw)] * 9, report_on(raw.tail(250))
    accepted = judged(few, usual, Settings(min_usual_rows_share=0))
    assert accepted["switched_off"] == ["MIN_USUAL_ROWS_SHARE"]
    assert not broken(few, [accepted, *usual])  # once is enough
    assert broken(report_on(raw.tail(20)), [accepted, *usual])


def test_what_is_usual_begins_anew_with_an_ingest_that_accepted_a_shift(raw):
    usual, dear = [report_on(raw)] * 9, report_on(raw.assign(price=raw["price"] + "0"))
    assert broken(dear, usual)
    accepted = judged(dear, usual, Settings(max_feed_shift=1))
    assert accepted["switched_off"] == ["MAX_FEED_SHIFT"] and not accepted["broken"]
    assert not broken(dear, [accepted, *usual])
    assert broken(report_on(raw), [accepted, *usual])


def test_a_day_is_compared_with_days_not_with_everything(raw):
    week = on_days(raw, "2021-04-20", "2021-04-26")
    day = on_days(raw, "2021-04-28", "2021-04-28")
    assert not broken(day, [report_on(raw), week])
    open_ended = report_on(raw.head(3), since="2021-04-20")
    assert "listings a posting day came" in broken(open_ended, [report_on(raw), week])[0]


def test_the_last_day_asked_for_may_be_partial_and_a_second_small_day_may_not(raw):
    usual = [on_days(raw, f"2021-04-{day}", f"2021-04-{day}") for day in (22, 21, 20)]
    partial = on_days(raw, "2021-04-28", "2021-04-28", rows=3)
    first = judged(partial, usual, SETTINGS)
    assert not first["broken"] and "3 listings a posting day came" in first["warnings"][0]
    assert "Unusual, and stored all the same" in render_report(first)
    assert not broken(partial, [first, *usual])  # the same day again
    second = on_days(raw, "2021-04-27", "2021-04-27", rows=4)
    assert "4 listings a posting day came" in broken(second, [first, *usual])[0]


def test_a_day_without_any_listing_is_no_partial_day(raw):
    usual = [on_days(raw, "2021-04-22", "2021-04-22")]
    nothing = report_on(since="2021-04-28", until="2021-04-28")
    assert "0 listings a posting day came" in broken(nothing, usual)[0]


def test_all_broken_thresholds_are_reported_at_once(raw):
    bad = raw.tail(100).assign(price="0").drop(columns="type")
    messages = broken(report_on(bad), [report_on(raw)])
    for part in ("100.0% of 100", "column type is empty", "column price", "100 listings came"):
        assert any(part in message for message in messages), part


def test_the_error_has_every_message_and_the_address():
    report = {"broken": ["too bad", "too few"]}
    error = ContractBroken(report, "here")
    assert str(error) == "too bad; too few. Nothing was stored; the report is in here"
