"""The tables behind the inputs: shrunk means, falling curves, never a row's own price."""

import numpy as np
import pandas as pd
import pytest

from unit_tests.helpers import tiny
from vehicle_price.features.definitions import FEATURE_NAMES, LEVEL_COLUMNS, MIN_AGE, MONOTONE_AGE
from vehicle_price.features.frame import encode_frame
from vehicle_price.schema import BY_NAME
from vehicle_price.training.target_encoding import (
    LEVEL_SHRINK,
    MIN_CARS,
    PAIR_SHRINK,
    SHRINK,
    WORD_SHRINK,
    encode_out_of_fold,
    fit_tables,
)

YEAR = 2021


def cars(*groups: tuple[int, str, str, float], **columns: str) -> pd.DataFrame:
    """Six-year-old cars without any option: (how many, make, model, price) each."""
    rows = [
        {"manufacturer": make, "model": model, "price": price}
        for count, make, model, price in groups
        for _ in range(count)
    ]
    empty = dict.fromkeys(LEVEL_COLUMNS) | {"year": YEAR - 6, "odometer": 60_000}
    return pd.DataFrame(rows).assign(**empty | columns)


def test_a_makes_offset_is_its_mean_residual_pulled_to_the_mean_of_all():
    tables = fit_tables(cars((10, "honda", "civic", 10_000), (30, "ford", "f150", 20_000)), YEAR)
    mean = (10 * np.log(10_000) + 30 * np.log(20_000)) / 40
    assert tables.curve_all[6 - MIN_AGE] == pytest.approx(mean, abs=1e-6)
    expected = 10 * (np.log(10_000) - mean) / (10 + SHRINK)
    assert tables.offsets["make"]["honda"] == (pytest.approx(expected, abs=1e-6), 10)
    residual = np.log(10_000) - mean - expected
    assert tables.offsets["word1"]["honda|civic"][0] == pytest.approx(
        expected + 10 * residual / (10 + SHRINK), abs=1e-6
    )


def test_words_and_pairs_are_what_the_first_word_leaves_over():
    frame = cars((40, "ford", "f150 base", 20_000), (40, "ford", "f150 lariat", 30_000))
    tables = fit_tables(frame, YEAR)
    residual = (np.log(30_000) - np.log(20_000)) / 2  # the two halves lie symmetrically
    expected = 40 * residual / (40 + WORD_SHRINK)
    assert tables.words["lariat"] == pytest.approx(expected, abs=1e-6) == -tables.words["base"]
    assert tables.pairs["ford|f150|lariat"] == pytest.approx(
        40 * (residual - expected) / (40 + PAIR_SHRINK), abs=1e-5
    )


def test_a_level_has_the_mean_residual_of_its_cars_and_absence_has_its_own():
    frame = cars((60, "ford", "f150", 20_000))
    frame.loc[:19, "fuel"] = "diesel"
    frame.loc[:19, "price"] = 40_000
    levels = fit_tables(frame, YEAR).levels["fuel"]
    # The cars differ in nothing else, so all that the curves leave over is the fuel.
    gap = np.log(2) * (20 / (20 + LEVEL_SHRINK) * 2 / 3 + 40 / (40 + LEVEL_SHRINK) / 3)
    assert levels["diesel"] - levels[""] == pytest.approx(gap, abs=1e-5)
    assert set(levels) == {"diesel", ""}


def test_text_seen_once_says_nothing():
    frame = cars((30, "honda", "civic", 10_000), (1, "honda", "odyssey touring", 30_000))
    tables = fit_tables(frame, YEAR)
    assert MIN_CARS == 2 and "honda|civic" in tables.offsets["word1"]
    for table in (*tables.offsets.values(), tables.words, tables.pairs):
        assert not [key for key in table if "odyssey" in key or "touring" in key]


@pytest.mark.parametrize("rank", range(1, len(BY_NAME["condition"].levels)))
def test_a_better_condition_never_has_a_lower_effect(rank):
    effects = tiny.valuation("xgboost").tables.levels["condition"]
    worse, better = BY_NAME["condition"].levels[rank - 1 : rank + 1]
    assert effects[worse] <= effects[better]


def test_a_condition_that_training_never_saw_is_between_its_neighbours():
    train = tiny.halves().train
    missing = fit_tables(train[~train["condition"].isin(["salvage", "like new", "new"])], YEAR)
    effects = [missing.levels["condition"][level] for level in BY_NAME["condition"].levels]
    assert effects == sorted(effects) and effects[3] > 0


def test_all_curves_fall_until_classics_begin():
    tables = tiny.valuation("xgboost").tables
    curves = [tables.curve_all, *(c for t in tables.curves.values() for c in t.values())]
    young = np.array(curves)[:, : MONOTONE_AGE - MIN_AGE + 1]
    assert len(young) > 100 and (np.diff(young, axis=1) <= 0).all()
    assert (np.diff(young, axis=1) < 0).any(axis=1).all()


def test_an_age_without_cars_lies_between_its_neighbours():
    train = tiny.halves().train
    age = YEAR - train["year"]
    curve = fit_tables(train[(age < 5) | (age > 8)], YEAR).curve_all
    before, *gap, after = curve[4 - MIN_AGE : 9 - MIN_AGE + 1]
    assert before > gap[0] > gap[-1] > after


def test_a_price_changes_the_inputs_of_other_cars_but_never_its_own():
    train = tiny.halves().train.head(800).reset_index(drop=True)
    fold = np.random.default_rng(0).integers(0, 5, len(train))
    before = encode_out_of_fold(train, fold, YEAR)
    for row in (0, 17, 400):
        dearer = train.assign(price=train["price"].where(train.index != row, 140_000))
        after = encode_out_of_fold(dearer, fold, YEAR)
        same_fold = fold == fold[row]
        assert after[same_fold].tobytes() == before[same_fold].tobytes()
        assert (after[~same_fold] != before[~same_fold]).any(axis=1).mean() > 0.5


def test_each_fold_is_encoded_from_all_the_others():
    train = tiny.halves().train.head(600).reset_index(drop=True)
    fold = np.arange(600) % 3
    encoded = encode_out_of_fold(train, fold, YEAR)
    assert encoded.shape == (600, len(FEATURE_NAMES)) and encoded.dtype == np.float32
    for number in range(3):
        tables = fit_tables(train[fold != number], YEAR)
        expected = encode_frame(tables, train[fold == number])
        assert encoded[fold == number].tobytes() == expected.tobytes()
