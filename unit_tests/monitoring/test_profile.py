"""Profiles count what was requested, whatever old rows hold, and add up."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from unit_tests.helpers import tiny
from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price import schema
from vehicle_price.features.encoder import Encoder
from vehicle_price.monitoring.profiles.columns import BY_NAME, LOWEST, MISSING, OTHER, WATCHED
from vehicle_price.monitoring.profiles.profile import EMPTY, UNKNOWN_LEVELS, Profile, add, profile


def counts_of(column: str, **columns: list) -> dict[str, float]:
    """The counts of one watched column in requests with these columns; blanks are left out."""
    rows = len(next(iter(columns.values())))
    found = profile({"created_at": ["2021-06-01"] * rows} | columns).counts[column]
    return {label: round(weight, 6) for label, weight in found.items()}


def test_every_column_of_the_schema_that_the_model_sees_is_watched():
    fields = {watched.field for watched in WATCHED}
    assert {column.name for column in schema.FEATURES} <= fields
    assert {f"{c.name}_blank" for c in schema.FEATURES if not c.required} <= set(BY_NAME)
    assert [w.name for w in WATCHED if w.of_version] == ["price", "relative_width"]
    assert [w.name for w in WATCHED if not w.alarmed] == ["state"]
    assert len(BY_NAME) == len(WATCHED)


def test_age_counts_from_the_posting_and_else_from_the_prediction():
    ages = counts_of("age", year=[2015, 2015, None], posting_date=["2019-02-01", None, None])
    assert ages == {"4": 1, "6": 1, MISSING: 1}
    dated = counts_of("age", year=[2015], created_at=pd.to_datetime(["2021-06-01"], utc=True))
    assert dated == {"6": 1}


def test_numbers_are_counted_in_fine_bins_by_their_lower_limit():
    assert counts_of("odometer", odometer=[0, 2_499, 2_500, 600_000]) == {
        "0": 2,
        "2500": 1,
        "500000": 1,
    }
    per_year = counts_of("odometer_per_year", year=[2011, 2021], odometer=[100_000, 700])
    assert per_year == {"10000": 1, "500": 1}
    width = counts_of("relative_width", price=[10_000, 0], low=[8_000, 0], high=[13_000, 9])
    assert width == {"0.5": 1, MISSING: 1}


def test_blank_is_a_level_and_a_column_of_its_own():
    conditions = ["good", "", "  ", None, math.nan, "good "]
    assert counts_of("condition", condition=conditions) == {"good": 2, MISSING: 4}
    assert counts_of("condition_blank", condition=conditions) == {"given": 2, "blank": 4}
    absent = profile({"year": [2015]}).counts
    assert absent["fuel"] == {MISSING: 1} and absent["fuel_blank"] == {"blank": 1}


def test_states_are_watched_by_division():
    states = counts_of("state", state=["tx", "la", "ca", "ontario", None])
    assert states == {"West South Central": 2, "Pacific": 1, "unknown": 1, MISSING: 1}


def test_unknown_texts_are_those_that_the_model_warns_of():
    """With the real answers of a real model, so that another wording of a warning is noticed."""
    listings = [
        {"manufacturer": "honda", "model": "civic", "region": "nowhere"},
        {"manufacturer": "honda", "model": "zyxwv", "condition": "splendid"},
        {"manufacturer": "zyxwv", "model": "civic", "region": None},
        {"manufacturer": "honda", "model": "", "odometer": 499_999},
    ]
    full = [{"year": 2014, "odometer": 88_000} | listing for listing in listings]
    answers = tiny.valuation("xgboost").price_many(full)
    assert Encoder(tiny.tables()).encode(full[0] | {"region": None}).car.warnings == ()
    counts = profile(pd.DataFrame(full).assign(warnings=[list(a.warnings) for a in answers])).counts
    assert counts["region_known"] == {"unknown": 1, MISSING: 3}
    assert counts["model_known"] == {"known": 1, "unknown": 2, MISSING: 1}
    assert counts["unknown_level"] == {"yes": 2, "no": 2}


def test_of_made_up_levels_only_the_commonest_are_kept_by_their_text():
    colours = ["white"] * 3 + ["puce"] * 2 + [f"colour {n}" for n in range(60)] + ["<weird>"]
    counts = counts_of("paint_color", paint_color=colours)
    assert counts["white"] == 3 and counts["puce"] == 2
    assert len(counts) == 1 + UNKNOWN_LEVELS + 1 and counts[OTHER] == 61 - (UNKNOWN_LEVELS - 1)
    assert sum(counts.values()) == len(colours)
    long = counts_of("paint_color", paint_color=["x" * 1_000])
    assert [len(label) for label in long] == [40]


def test_rows_of_any_type_are_counted_and_none_is_lost():
    strange = [
        None,
        math.nan,
        math.inf,
        -1,
        10**400,
        "12",
        "many",
        True,
        [1],
        {"a": 1},
        pd.NA,
        b"x",
    ]
    requests = {column.name: strange for column in schema.COLUMNS}
    requests |= dict.fromkeys(("price", "low", "high", "warnings", "caller", "request_id"), strange)
    requests |= {"created_at": ["2021-06-01"] * len(strange)}
    found = profile(pd.DataFrame(requests, dtype=object))
    assert found.rows == len(strange)
    for counts in found.counts.values():
        assert sum(counts.values()) == pytest.approx(found.effective)


def test_an_empty_window_has_an_empty_profile():
    empty = profile(made_up(0, 1))
    assert (empty.rows, empty.effective) == (0, 0) and not any(empty.counts.values())
    assert add([]) == EMPTY and profile({}).rows == 0


def test_a_profile_is_json_of_a_few_kilobytes_and_comes_back():
    found = profile(made_up(5_000, 3))
    text = json.dumps(found.to_json())
    assert len(text) < 12_000
    again = Profile.from_json(json.loads(text))
    assert again.to_json() == found.to_json()
    assert Profile.from_json(
        json.loads(text) | {"counts": {"gone": {"x": 1}, "age": {"1": 2}}}
    ).counts == {"age": {"1": 2}}


def test_days_add_up_to_a_week_in_which_no_caller_has_more_than_a_tenth():
    days = [profile(made_up(300, n)) for n in range(3)]
    week = add(days)
    assert week.rows == 900 and week.effective == pytest.approx(sum(d.effective for d in days))
    ford = [day.counts["manufacturer"]["ford"] for day in days]
    assert week.counts["manufacturer"]["ford"] == pytest.approx(sum(ford))
    usual = made_up(400, 7)
    big = made_up(4_000, 8).assign(caller="one", manufacturer="tesla")
    both = profile(pd.concat([usual, big]))
    assert both.counts["manufacturer"]["tesla"] <= 0.101 * both.effective


def test_the_part_with_few_callers_is_known_of_a_week_too():
    few, many = profile(made_up(300, 1, callers=3)), profile(made_up(300, 2))
    assert few.few_callers == few.effective == 300 and many.few_callers == 0
    assert add([few, many]).few_callers == 300


def test_the_order_of_rows_does_not_matter_but_that_of_time():
    requests = made_up(600, 5).assign(
        created_at=[f"2021-04-20T12:{n // 60:02}:{n % 60:02}Z" for n in range(600)]
    )
    mixed = requests.sample(frac=1, random_state=0)
    assert profile(mixed).to_json() == profile(requests).to_json()


def test_neighbours_that_are_alike_have_a_design_effect_and_random_ones_none():
    requests = made_up(2_000, 6)
    alike = requests.assign(manufacturer=np.repeat(["ford", "honda", "bmw", "kia"] * 5, 100))
    in_time = [pd.Timestamp("2021-04-20", tz="UTC") + pd.Timedelta(n, "s") for n in range(2_000)]
    clustering = profile(alike.assign(created_at=in_time)).clustering
    assert clustering["manufacturer"][0] > 20
    assert max(clustering["odometer"]) < 3


def test_a_time_that_cannot_be_read_loses_no_row():
    odd = ["x", None, [1], {"a": 1}, float("nan"), b"x", "2021-04-20T12:00:00+00:00"]
    found = profile(made_up(len(odd), 1).assign(created_at=odd))
    assert found.rows == found.effective == len(odd)
    assert sum(found.counts["odometer"].values()) == len(odd)


def test_a_value_on_a_limit_is_in_the_bin_above_and_one_below_all_in_the_lowest():
    assert counts_of("odometer", odometer=[-5, 0, 2_499, 2_500]) == {LOWEST: 1, "0": 2, "2500": 1}


def test_one_missing_column_after_another_changes_no_other_column():
    rows = made_up(50, 1)
    whole = profile(rows)
    for name in ("condition", "low", "warnings", "state", "created_at"):
        found = profile(rows.drop(columns=name))
        assert found.counts["manufacturer"] == whole.counts["manufacturer"]
        assert found.effective == 50


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
