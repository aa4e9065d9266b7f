"""The pages as a visitor sees them: headless Chromium against the running service and Streamlit.

SCREENSHOT_DIR=imgs saves pictures there (imgs/frontend.png, in the README, is one of them).
"""

import re

import pytest
from playwright.sync_api import expect

from integration_tests.helpers.browser import PATIENCE, save_screenshot

PRICE = re.compile(r"^\$[\d,]{3,}$")


def fill_in_streamlit(page):
    """The example car."""
    page.get_by_label("Manufacturer *", exact=True).click()
    page.get_by_label("Manufacturer *", exact=True).fill("honda")  # only visible options exist
    page.get_by_role("option", name="honda", exact=True).click()
    page.get_by_label("Year *", exact=True).fill("2014")
    page.get_by_label("Odometer (miles) *", exact=True).fill("88000")
    page.get_by_label("Odometer (miles) *", exact=True).press("Enter")


def test_streamlit_shows_a_price_for_a_filled_in_form(platform, open_page):
    page = open_page(platform.streamlit_url)
    fill_in_streamlit(page)
    # The box is replaced when the make changes; until then the previous one may be there, too.
    model = page.get_by_placeholder("Choose or type")
    model.click()
    model.fill("civic ex-l sedan")
    model.press("Enter")
    page.get_by_role("button", name="Value this car").click()
    expect(page.get_by_test_id("stMetricValue")).to_have_text(PRICE, timeout=PATIENCE)
    expect(page.get_by_text("of comparable cars are listed between")).to_be_visible()
    chart = page.get_by_test_id("stVegaLiteChart").locator("canvas,svg").first
    expect(chart).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    save_screenshot(page, "frontend.png")


def test_streamlit_names_missing_fields_and_keeps_what_was_typed(platform, open_page):
    page = open_page(platform.streamlit_url)
    page.get_by_label("Year *", exact=True).fill("2014")
    page.get_by_label("Year *", exact=True).press("Enter")
    page.get_by_role("button", name="Value this car").click()
    expect(page.get_by_test_id("stAlert").filter(has_text="Please correct")).to_be_visible()
    expect(page.get_by_label("Year *", exact=True)).to_have_value("2014")
    fill_in_streamlit(page)
    page.get_by_role("button", name="Value this car").click()
    expect(page.get_by_test_id("stMetricValue")).to_have_text(PRICE, timeout=PATIENCE)


def test_the_page_monitoring_is_there_before_a_window_has_closed(platform, open_page):
    address = f"{platform.streamlit_url}/Monitoring"
    assert address in platform.build_output
    page = open_page(address)
    expect(page.get_by_text("No window has closed yet").first).to_be_visible(timeout=PATIENCE)
    page.get_by_role("link", name="Home").click()
    expect(page.get_by_role("button", name="Value this car")).to_be_visible(timeout=PATIENCE)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_the_form_of_the_service_shows_a_price(platform, open_page, scripts):
    page = open_page(platform.service_url, java_script_enabled=scripts)
    page.locator("#year").fill("1800")
    page.locator("#manufacturer").select_option("honda")
    page.locator("#odometer").fill("88,000")
    page.get_by_role("button", name="Value this car").click()
    expect(page.locator("#year-help")).to_contain_text("1800 is below 1970")
    expect(page.locator("#odometer")).to_have_value("88,000")
    page.locator("#year").fill("2014")
    page.get_by_role("button", name="Value this car").click()
    expect(page.locator("#price")).to_have_text(PRICE)
    save_screenshot(page, "form.png")


def test_the_form_suggests_the_models_of_the_chosen_make(platform, open_page):
    page = open_page(platform.service_url)
    with page.expect_response(lambda answer: "/suggestions" in answer.url):
        page.locator("#manufacturer").select_option("honda")
    expect(page.locator("#models option").first).to_be_attached()
