"""Skew compares given values only, and blanks are a share of their own."""

import json

from unit_tests.monitoring.requests_made_up import made_up
from vehicle_price.monitoring.profiles.profile import EMPTY, Profile, profile
from vehicle_price.monitoring.skew import COLUMNS, ColumnSkew, skew, training_profile


def skew_of(requests, training) -> dict[str, ColumnSkew]:
    """By column; training rows have no answers."""
    rows = training.drop(columns=["low", "high", "warnings", "caller", "request_id"])
    return {one.column: one for one in skew(profile(requests), training_profile(rows))}


def test_clients_that_leave_fields_blank_differ_in_blanks_and_not_in_values():
    requests = made_up(2_000, 1)
    blank = requests.assign(condition=requests["condition"].where(requests.index % 4 == 0, None))
    found = skew_of(blank, made_up(2_000, 2))["condition"]
    assert found.distance < 0.1
    assert found.blank > 0.75 > 0.35 > found.training_blank > 0.25


def test_other_values_differ():
    requests = made_up(2_000, 1)
    found = skew_of(requests.assign(manufacturer="bmw"), made_up(2_000, 2))
    assert found["manufacturer"].distance > 0.5 and found["odometer"].distance < 0.1
    assert not {"price", "relative_width", "model_known", "condition_blank"} & set(found)


def test_a_column_that_only_one_of_them_has_is_left_out():
    assert not skew(profile(made_up(100, 1)), EMPTY)
    all_blank = skew_of(made_up(100, 1).assign(condition=None), made_up(100, 2))["condition"]
    assert (all_blank.distance, all_blank.blank) == (0.0, 1.0)


def test_the_profile_of_training_rows_is_a_few_kilobytes_of_json_that_reads_back():
    rows = made_up(2_000, 1)
    kept = training_profile(rows)
    text = json.dumps(kept.to_json(), allow_nan=False)
    assert len(text) < 10_000
    assert Profile.from_json(json.loads(text)) == kept
    assert (kept.rows, kept.effective) == (2_000, 2_000.0)
    assert set(kept.counts) == {watched.name for watched in COLUMNS}
    assert kept.counts["manufacturer"]["ford"] == (rows["manufacturer"] == "ford").sum()


def test_skew_is_the_same_with_the_profile_that_was_kept():
    requests, rows = profile(made_up(500, 1)), training_profile(made_up(2_000, 2))
    kept = Profile.from_json(json.loads(json.dumps(rows.to_json())))
    assert skew(requests, kept) == skew(requests, rows)
