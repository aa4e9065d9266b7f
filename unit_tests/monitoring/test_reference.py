"""A reference is frozen from the first days that are enough, and groups levels and bins."""

from datetime import date, timedelta

import numpy as np
import pytest

from unit_tests.monitoring.requests_made_up import FIRST_DAY, steady_days
from vehicle_price.monitoring.profiles.columns import BY_NAME, MISSING
from vehicle_price.monitoring.profiles.grouping import RARE, grouping
from vehicle_price.monitoring.profiles.profile import EMPTY, Profile
from vehicle_price.monitoring.reference import INPUTS, OUTPUTS, first_days, make_reference, progress


def of_rows(rows: float) -> Profile:
    """A profile of so many rows, otherwise empty."""
    return Profile(int(rows), rows, 0.0, {}, {})


def days(rows: float, *offsets: int) -> dict[date, Profile]:
    """Days after FIRST_DAY, a Sunday, with so many rows each."""
    return {FIRST_DAY + timedelta(n): of_rows(rows) for n in offsets}


def test_fourteen_days_with_five_thousand_rows_are_enough_and_later_days_are_left_out():
    assert len(first_days(days(400, *range(20)))) == 14
    assert progress(days(400, *range(14))).missing == ""


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        (days(1_000, *range(13)), "13 of 14 days with requests"),
        (days(300, *range(14)), "4,200 of 5,000 requests"),
        ({}, "0 of 14 days with requests; 0 of 5,000 requests"),
        (days(1_000, *[n for n in range(16) if n not in (0, 14)]), "each of Sunday"),
    ],
)
def test_else_it_says_what_is_missing(found, missing):
    assert missing in progress(found).missing
    assert not first_days(found)


def test_with_few_rows_a_day_the_reference_has_more_days():
    assert len(first_days(days(100, *range(60)))) == 50


def test_a_weekday_without_requests_is_waited_for_four_weeks_only():
    on_weekdays = [n for n in range(40) if n % 7 not in (0, 6)]
    learnt = first_days(days(1_000, *on_weekdays))
    assert learnt[-1] == FIRST_DAY + timedelta(29 - 2) or (learnt[-1] - FIRST_DAY).days in (27, 29)
    assert (learnt[-1] - learnt[0]).days >= 25


def test_days_without_requests_do_not_count():
    found = days(400, *range(14)) | {FIRST_DAY + timedelta(3): EMPTY}
    assert "13 of 14 days" in progress(found).missing
    with pytest.raises(ValueError, match="it was given none"):
        make_reference({FIRST_DAY: EMPTY})


def test_levels_below_one_percent_are_rare_and_blank_is_a_level_of_its_own():
    groups = grouping(BY_NAME["fuel"], {"gas": 980.0, "diesel": 15.0, "hybrid": 5.0})
    assert groups.names == ("diesel", "gas", MISSING, RARE)
    counted = groups.grouped({"gas": 1, "hybrid": 2, "steam": 3, MISSING: 4})
    assert counted.tolist() == [0, 1, 4, 5]


def test_fine_bins_become_about_twenty_groups_of_equal_weight():
    counts = {f"{2_500 * n}": 10.0 for n in range(80)} | {MISSING: 3.0}
    groups = grouping(BY_NAME["odometer"], counts)
    assert len(groups.names) == 21 and groups.names[0] == "below 10,000"
    assert set(groups.grouped(counts)[:-1]) == {40.0} and groups.grouped(counts)[-1] == 3
    beyond = groups.grouped({"-inf": 1, "300000": 2})
    assert beyond[0] == 1 and beyond[19] == 2


@pytest.mark.parametrize("counts", [{"2500": 7.0}, {MISSING: 7.0}])
def test_a_single_bin_or_only_blanks_are_a_group(counts):
    groups = grouping(BY_NAME["odometer"], counts)
    assert groups.grouped(counts).sum() == 7
    assert groups.grouped({"0": 1, MISSING: 2}).tolist() == [1, 2]


def test_a_reference_holds_the_counts_of_each_day():
    profiles = steady_days(14, 100)
    reference = make_reference(profiles)
    assert reference.days == tuple(profiles) and reference.rows.tolist() == [100] * 14
    for column, counts in reference.counts.items():
        assert counts.shape == (14, len(reference.groupings[column].names))
        assert np.allclose(counts.sum(axis=1), 100)


def test_inputs_are_of_the_channel_and_outputs_of_the_version():
    assert {w.name for w in OUTPUTS} == {"price", "relative_width"}
    profiles = steady_days(3, 100)
    assert set(make_reference(profiles, OUTPUTS).counts) == {"price", "relative_width"}
    assert not set(make_reference(profiles, INPUTS).counts) & {"price", "relative_width"}


def test_the_order_of_the_days_does_not_matter():
    profiles = days(1_000, *range(20))
    assert first_days(dict(reversed(profiles.items()))) == first_days(profiles)
