"""A day's profile: every watched column counted, whatever the rows hold, in a few kB."""

import json

import numpy as np
import pandas as pd
import pytest

from unit_tests.helpers import tiny
from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.estimate import unknown_columns, unknown_value
from vehicle_price.monitoring.profiles.columns import (
    BY_NAME,
    LOWEST,
    MISSING,
    OTHER,
    WATCHED,
)
from vehicle_price.monitoring.profiles.profile import (
    EMPTY,
    UNKNOWN_LEVELS,
    Profile,
    add,
    profile,
)
from vehicle_price.schema import FEATURES


def counts(name: str, **columns: object) -> dict[str, float]:
    """The counts of a watched column of rows with these columns."""
    return dict(profile(pd.DataFrame(columns)).counts[name])


def test_every_optional_column_and_level_of_the_schema_is_watched():
    for column in FEATURES:
        if not column.required:
            assert f"{column.name}_blank" in BY_NAME
        if column.kind == "level" and column.name != "state":
            assert BY_NAME[column.name].levels == column.levels
    assert len(BY_NAME) == len(WATCHED)
    assert [w.name for w in WATCHED if not w.alarmed] == ["state"]
    assert {w.name for w in WATCHED if w.of_version} == {"price", "relative_width"}


def test_each_column_counts_every_row_once():
    found = profile(made_up(300, 1))
    assert found.rows == found.effective == 300 and found.few_callers == 0
    for name, of_column in found.counts.items():
        assert sum(of_column.values()) == pytest.approx(300), name


def test_the_age_is_of_the_posting_and_else_of_the_prediction():
    years = [2011.0, 2011.0, 2011.0, None]
    found = counts(
        "age",
        year=years,
        posting_date=["2016-05-01T00:00:00", None, None, None],
        created_at=["2021-04-20T12:00:00+00:00"] * 2 + [None] * 2,
    )
    assert found == {"5": 1, "10": 1, MISSING: 2}
    stamps = pd.to_datetime(["2021-12-31T23:00:00+00:00"])
    assert counts("age", year=[2011], created_at=stamps) == {"10": 1}


def test_miles_a_year_of_a_new_car_are_those_of_one_year():
    found = counts(
        "odometer_per_year",
        year=[2021, 2011, 2011],
        odometer=[7_600, 76_000, None],
        created_at=["2021-04-20"] * 3,
    )
    assert found == {"7500": 2, MISSING: 1}


def test_a_value_on_a_limit_is_in_the_bin_above_and_one_below_all_in_the_lowest():
    assert counts("odometer", odometer=[-5, 0, 2_499, 2_500]) == {LOWEST: 1, "0": 2, "2500": 1}


def test_blank_texts_are_missing_and_blank():
    columns = {"condition": ["good", "", "  ", None, np.nan]}
    assert counts("condition", **columns) == {"good": 1, MISSING: 4}
    assert counts("condition_blank", **columns) == {"given": 1, "blank": 4}


def test_states_are_counted_by_census_division():
    found = counts("state", state=["tx", "ok", "ca", "xx", None])
    assert found == {"West South Central": 2, "Pacific": 1, "unknown": 1, MISSING: 1}


def test_many_unknown_levels_are_kept_up_to_a_bound():
    levels = [f"level {n:02}" for n in range(60)] * 10 + ["good"] * 50 + ["level 59"]
    found = counts("condition", condition=levels)
    assert len(found) == UNKNOWN_LEVELS + 2
    assert found["good"] == 50 and found["level 59"] == 11
    assert sum(found.values()) == len(levels) and found[OTHER] == 10 * (60 - UNKNOWN_LEVELS)


def test_unknown_texts_and_levels_are_those_of_the_models_own_warnings():
    model = tiny.valuation("xgboost")
    car = {c.name: c.example for c in FEATURES}
    unknown = [
        car,
        car | {"model": 'modle "t" it\'s; x'},
        car | {"manufacturer": "unheard of"},
        car | {"region": "atlantis", "condition": "rusty"},
        car | {"model": None},
    ]
    answers = model.price_many(unknown)
    frame = pd.DataFrame(unknown).assign(warnings=[list(answer.warnings) for answer in answers])
    columns = [unknown_columns(answer.warnings) for answer in answers]
    assert "model" in columns[1] and "manufacturer" in columns[2] and "condition" in columns[3]
    found = profile(frame).counts
    assert found["model_known"] == {"known": 2, "unknown": 2, MISSING: 1}
    assert found["region_known"] == {"known": 4, "unknown": 1}
    assert found["unknown_level"] == {"no": 3, "yes": 2}


@pytest.mark.parametrize("text", ["plain", "it's", 'a "b"', "'; \"", "a\nb", "x' was not in: y"])
def test_a_warning_names_its_column_whatever_the_client_wrote(text):
    assert unknown_columns([unknown_value("type", text, "priced as one")]) == {"type"}


def test_other_warnings_name_no_column():
    others = ["model: not given; priced from the make", "odometer: 1 is low", None, 3, ""]
    assert unknown_columns(others) == frozenset()


def test_rows_may_hold_anything():
    odd = [None, np.nan, pd.NA, "x", [1], {"a": 1}, True, float("inf"), 1e308, "12", b"x"]
    names = [column.name for column in FEATURES]
    others = ["price", "low", "high", "warnings", "caller", "request_id", "created_at"]
    rows = pd.DataFrame({name: pd.Series(odd, dtype=object) for name in names + others})
    found = profile(rows)
    assert found.rows == len(odd)
    for of_column in found.counts.values():
        assert sum(of_column.values()) == pytest.approx(found.effective)
    json.dumps(found.to_json(), allow_nan=False)


def test_one_missing_column_after_another_changes_no_other_column():
    rows = made_up(50, 1)
    whole = profile(rows)
    for name in ("condition", "low", "warnings", "state", "created_at"):
        found = profile(rows.drop(columns=name))
        assert found.counts["manufacturer"] == whole.counts["manufacturer"]
        assert found.effective == 50


@pytest.mark.parametrize("nothing", [{}, pd.DataFrame(), made_up(0, 1)])
def test_no_requests_are_an_empty_profile(nothing):
    found = profile(nothing)
    assert found.rows == found.effective == 0
    assert add([found]).effective == 0 and not any(found.counts.values())


def test_a_profile_goes_to_json_and_back_in_a_few_kb():
    found = profile(made_up(1_000, 1))
    text = json.dumps(found.to_json())
    assert len(text) < 10_000
    assert Profile.from_json(json.loads(text)).to_json() == found.to_json()
    with pytest.raises(KeyError):
        Profile.from_json({"rows": 1})


def test_a_column_that_is_not_watched_any_more_is_left_out():
    data = profile(made_up(10, 1)).to_json()
    data["counts"]["wheels"] = {"4": 10}
    assert "wheels" not in Profile.from_json(data).counts


def test_profiles_add_up():
    first, second = made_up(200, 1), made_up(300, 2)
    together = profile(pd.concat([first, second], ignore_index=True))
    added = add([profile(first), profile(second), EMPTY])
    assert (added.rows, added.effective) == (together.rows, together.effective)
    for name, of_column in together.counts.items():
        assert added.counts[name] == pytest.approx(of_column)


def test_a_repeated_listing_and_one_file_count_for_a_tenth_each():
    usual = made_up(300, 1)
    repeated = pd.concat([usual.head(1)] * 700, ignore_index=True).assign(
        caller=[str(n % 40) for n in range(700)], request_id=[f"r{n}" for n in range(700)]
    )
    found = profile(pd.concat([usual, repeated], ignore_index=True))
    assert found.rows == 1_000 and found.effective == pytest.approx(299 / 0.9, rel=0.01)
    file = made_up(700, 2).assign(request_id="file")
    found = profile(pd.concat([usual, file], ignore_index=True))
    assert found.effective == pytest.approx(300 / 0.9, rel=0.01)


def test_a_day_of_few_callers_says_so():
    assert profile(made_up(100, 1, callers=9)).few_callers == 100
    assert profile(made_up(100, 1, callers=30)).few_callers == 0
