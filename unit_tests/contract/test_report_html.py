"""The page of a report needs nothing else, shows every figure and holds no markup of a seller."""

import re
from xml.etree import ElementTree

import pandas as pd
import pytest

from unit_tests.helpers.reports import PROVENANCE, report_on, statistics_of
from vehicle_price.contract.report import build_report
from vehicle_price.contract.report_html import render_report
from vehicle_price.sources.sample.source import generate


@pytest.fixture(scope="module", name="raw")
def fixture_raw() -> pd.DataFrame:
    """Listings of the sample."""
    return generate(3_000, seed=5)


def test_the_page_stands_alone_and_shows_counts_rules_and_plots(raw):
    report = build_report(statistics_of(raw), PROVENANCE, new=17)
    page = render_report(report)
    assert not re.search(r"<script|<link|<img|@import|(?:src|href)=\"(?!#)", page)
    for shown in (f"{report['accepted']:,}", f"{report['quarantined']:,}", "17", "listings.csv"):
        assert f">{shown}</td>" in page
    for rule in report["rules"]:
        assert rule["rule"] in page
    drawn = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawn) == 3
    for svg in drawn:
        ElementTree.fromstring(svg)


def test_the_same_figures_give_the_same_page(raw):
    assert render_report(report_on(raw)) == render_report(report_on(raw))


def test_what_a_listing_says_is_never_markup_on_the_page(raw):
    nasty = "<script>alert(1)</script>"
    page = render_report(report_on(raw.head(50).assign(price=nasty), data=nasty))
    assert "<script" not in page and "&lt;script&gt;" in page
