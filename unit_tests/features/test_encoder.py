"""What the inputs of one listing are looked up by, and what an unknown text falls back to."""

import gc
import math
import weakref

import pandas as pd
import pytest

from unit_tests.helpers import tiny
from vehicle_price.features.definitions import MAX_AGE, MIN_AGE
from vehicle_price.features.encoder import Encoder, car_keys
from vehicle_price.features.frame import encode_frame
from vehicle_price.schema import FEATURES

REQUIRED = {"year": 2014, "manufacturer": "honda", "odometer": 88_000}


def test_age_counts_from_the_posting_and_else_from_the_newest_training_year():
    assert tiny.input_of(REQUIRED | {"posting_date": "2018-03-01"}, "age") == 4
    assert tiny.input_of(REQUIRED, "age") == tiny.tables().base_year - 2014 == 7


def test_age_stays_within_what_the_curves_cover():
    assert tiny.input_of(REQUIRED | {"year": 2030}, "age") == MIN_AGE
    assert tiny.input_of(REQUIRED | {"year": 1970, "posting_date": "2099-01-01"}, "age") == MAX_AGE


@pytest.mark.parametrize(
    ("text", "same_text"),
    [
        ("F-150 XLT", "f150 xlt"),
        ("f\u2011150", "f 150"),
        ("Civic, EX", "civic ex"),
        ("civic\u200b", "civic"),
        ("honda civic", "civic"),
        ("rav4 2.5", "RAV4/2.5"),
    ],
)
def test_spellings_of_one_model_have_one_key(text, same_text):
    assert car_keys("honda", text) == car_keys("honda", same_text)


def test_makes_never_share_a_model():
    assert set(car_keys("honda", "1500").groups).isdisjoint(car_keys("ram", "1500").groups)


def test_a_text_of_a_hundred_words_is_cut():
    assert len(car_keys("ford", "x1 " * 100).words) == 12


def test_an_unseen_trim_counts_as_its_model_and_an_unseen_model_as_its_make():
    civic = REQUIRED | {"model": "civic"}
    trim = civic | {"model": "civic zyxwv"}
    assert tiny.input_of(trim, "offset_text") == tiny.input_of(civic, "offset_word1") != 0
    assert tiny.input_of(trim, "curve_word2") == tiny.input_of(civic, "curve_word1")
    assert tiny.input_of(trim, "count_word1") > 0 == tiny.input_of(trim, "count_text")
    model = REQUIRED | {"model": "zyxwv"}
    assert tiny.input_of(model, "offset_text") == tiny.input_of(model, "offset_make") != 0
    assert tiny.input_of(model, "curve_word2") == tiny.input_of(model, "curve_make")


def test_an_unseen_make_counts_as_all_cars():
    stranger = REQUIRED | {"manufacturer": "zyxwv"}
    assert tiny.input_of(stranger, "offset_text") == 0
    assert tiny.input_of(stranger, "curve_word2") == tiny.input_of(stranger, "curve_all")
    assert math.isclose(
        tiny.input_of(stranger, "curve_all"), tiny.tables().curve_all[7 - MIN_AGE], abs_tol=1e-5
    )


def test_absent_none_and_a_missing_column_are_the_same():
    absent = tiny.inputs_of(REQUIRED)
    all_none = dict.fromkeys((c.name for c in FEATURES), None) | REQUIRED
    assert tiny.inputs_of(all_none).tolist() == absent.tolist()
    assert encode_frame(tiny.tables(), pd.DataFrame([all_none]))[0].tolist() == absent.tolist()
    assert tiny.inputs_of(REQUIRED | {"type": "pickup"}).tolist() != absent.tolist()


def test_a_model_that_was_replaced_leaves_at_once_without_the_garbage_collector():
    gc.disable()
    try:
        encoder = Encoder(tiny.tables())
        encoder.encode(REQUIRED)
        seen = weakref.ref(encoder)
        del encoder
        assert seen() is None
    finally:
        gc.enable()
