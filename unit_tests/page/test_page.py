"""The Streamlit page: its logic alone, and the page drawn against the real Flask application."""

# pylint: disable=wrong-import-position,wrong-import-order
import sys
from pathlib import Path

import flask
import pytest
import requests

from unit_tests.helpers.service_fakes import FakeValuation, app_with
from unit_tests.page.in_process import InProcessAdapter
from vehicle_price.schema import FEATURES

HOME = Path(__file__).parents[2] / "streamlit" / "Home.py"
sys.path.insert(0, str(HOME.parent))  # as `streamlit run` does
pytest.importorskip("streamlit.testing.v1")

from streamlit.testing.v1 import AppTest  # noqa: E402

from page import form, result  # noqa: E402
from page.client import Client, ServiceUnavailable  # noqa: E402

PREDICTION = {
    "prediction_id": "1",
    "price": 15990,
    "interval": {"low": 13200, "high": 18900, "coverage": 0.9},
    "model": {"name": "vehicle-price", "version": "7"},
    "warnings": [],
}


@pytest.fixture(name="page")
def _page(monkeypatch):
    """A function that opens the page against an application; None is a service that is down."""

    def start(app):
        monkeypatch.setattr(
            requests.Session, "get_adapter", lambda self, url: InProcessAdapter(app)
        )
        page = AppTest.from_file(str(HOME), default_timeout=30).run()
        assert not page.exception
        return page

    return start


def press(page):
    """The page after the button was pressed."""
    page.button[0].click().run()
    assert not page.exception
    return page


def fill_in(page):
    """The required fields."""
    page.selectbox(key="listing.manufacturer").select("honda").run()
    page.number_input(key="listing.year").set_value(2014)
    page.number_input(key="listing.odometer").set_value(88_000)
    return page


def test_the_page_has_an_input_for_every_feature(page, tmp_path):
    drawn = page(app_with(tmp_path))
    inputs = [*drawn.selectbox, *drawn.number_input, *drawn.text_input]
    assert {i.key.split(".")[1] for i in inputs} == {column.name for column in FEATURES}


def test_a_filled_in_form_shows_the_price_and_its_range(page, tmp_path):
    drawn = press(fill_in(page(app_with(tmp_path))))
    assert drawn.metric[0].value == "$20,140"
    assert any("90% of comparable cars" in m.value for m in drawn.markdown)
    assert not drawn.error


def test_the_models_offered_are_those_of_the_make(page, tmp_path):
    drawn = fill_in(page(app_with(tmp_path))).run()
    assert drawn.selectbox(key="listing.model.honda").options == ["civic", "accord"]


def test_no_select_box_grows_beyond_forty_suggestions(page, tmp_path):
    valuation = FakeValuation()
    valuation.facts["suggestions"] = {"honda": [f"model {n}" for n in range(5000)]}
    drawn = fill_in(page(app_with(tmp_path, valuation=valuation))).run()
    assert len(drawn.selectbox(key="listing.model.honda").options) == 40


def test_a_missing_field_is_named_and_what_was_filled_in_stays(page, tmp_path):
    drawn = page(app_with(tmp_path))
    drawn.number_input(key="listing.year").set_value(2014)
    press(drawn)
    assert "odometer" in drawn.error[0].value and "is required" in drawn.error[0].value
    assert drawn.number_input(key="listing.year").value == 2014
    assert any("is required" in m.value and ":red[" in m.value for m in drawn.markdown)
    assert press(fill_in(drawn)).metric[0].value == "$20,140" and not drawn.error


def test_a_changed_form_says_that_its_price_is_an_old_one(page, tmp_path):
    drawn = press(fill_in(page(app_with(tmp_path))))
    assert not drawn.info
    drawn.number_input(key="listing.year").set_value(2015).run()
    assert "press the button again" in drawn.info[0].value


def test_warnings_of_the_model_are_shown(page, tmp_path):
    drawn = fill_in(page(app_with(tmp_path)))
    drawn.text_input(key="listing.region").set_value("unheard of")
    assert press(drawn).warning[0].value == "model: never seen"


def test_the_sidebar_names_the_serving_version(page, tmp_path):
    assert "version **7**" in page(app_with(tmp_path)).sidebar.markdown[0].value


def test_a_service_that_is_down_is_named_with_what_to_do(page):
    drawn = press(page(None))
    assert "make status" in drawn.error[0].value and "127.0.0.1:5000" in drawn.error[0].value


def test_a_service_without_a_model_says_what_to_do(page, tmp_path):
    drawn = press(fill_in(page(app_with(tmp_path, served=False))))
    assert "make retrain" in drawn.error[0].value


def test_an_answer_that_is_not_json_is_not_believed(monkeypatch):
    class Proxy(InProcessAdapter):
        """A page of some proxy."""

        def send(self, request, **_):
            """A response that is not JSON."""
            del request
            response = requests.Response()
            response.status_code, response._content = 502, b"<html>Bad gateway</html>"
            return response

    monkeypatch.setattr(requests.Session, "get_adapter", lambda self, url: Proxy(None))
    with pytest.raises(ServiceUnavailable, match="make status"):
        Client("http://service").model()


def test_every_feature_is_on_the_page_once():
    shown = [column.name for column in form.main_columns() + form.other_columns()]
    assert sorted(shown) == sorted(column.name for column in FEATURES)


def test_a_model_typed_for_one_make_is_not_sent_with_another():
    session = {"listing.manufacturer": "ford", "listing.model.honda": "civic"}
    assert form.listing_from(session) == {"manufacturer": "ford"}


def test_the_chart_spans_the_interval():
    chart = result.interval_chart(PREDICTION)
    assert chart["data"]["values"] == [{"low": 13200, "price": 15990, "high": 18900}]


def test_dollar_signs_are_not_read_as_a_formula():
    words = result.interval_in_words(PREDICTION)
    assert words.count("$") == words.count("\\$") == 2


def test_what_is_not_known_of_a_model_is_left_out():
    model = {"name": "vehicle-price", "version": "7"}
    assert result.model_facts(model) == ["**vehicle-price**, version **7**"]
    facts = {"trained_cars": 60_000, "first_day": "2021-04-04", "last_day": "2021-05-01"}
    markdown = " ".join(result.model_facts({**model, "facts": facts, "metrics": {"mae": 2512.4}}))
    assert "60,000 cars, posted 2021-04-04 to 2021-05-01" in markdown and "2,512" in markdown


def test_each_visitor_is_one_client_over_all_prices(page, tmp_path):
    app, clients = app_with(tmp_path), []
    app.before_request(lambda: clients.append(flask.request.headers["X-Client-Id"]))
    for _ in range(2):
        press(press(fill_in(page(app))))
    visitors = list(dict.fromkeys(clients))
    assert len(visitors) == 2 and all(len(visitor) == 16 for visitor in visitors)
    assert clients == sorted(clients, key=visitors.index)
