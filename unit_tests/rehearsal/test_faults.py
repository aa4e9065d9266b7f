"""The faults of a rehearsal change what they name, and nothing else."""

import pandas as pd
import pytest

from setup.rehearsal.faults import FAULTS, NOTHING, WrongFault

CARS = pd.DataFrame(
    {
        "manufacturer": ["ford", "kia", "honda", "kia", "bmw", "kia", "kia", "kia", "kia", "kia"],
        "odometer": [100_000, 499_000, 10, *range(7)],
        "condition": ["good"] * 10,
    }
)


def test_a_shock_changes_prices_and_no_request():
    fault = FAULTS["shock"]("+25%")
    assert fault.prices == 1.25 and fault.text == "prices +25%"
    assert fault.requests(CARS).equals(CARS)


def test_kilometres_stay_within_what_the_service_accepts():
    fault = FAULTS["unit"]("km")
    assert fault.prices == 1
    assert fault.requests(CARS)["odometer"].tolist()[:3] == [160_934, 500_000, 16]


def test_a_blank_field_is_left_out_of_every_request():
    assert FAULTS["blank"]("condition").requests(CARS)["condition"].isna().all()


def test_a_make_becomes_more_common_and_the_number_of_requests_stays():
    changed = FAULTS["make"]("ford").requests(CARS)
    assert len(changed) == len(CARS)
    assert (changed["manufacturer"] == "ford").sum() in (3, 4)
    without = FAULTS["make"]("tesla").requests(CARS)
    assert (without["manufacturer"] == "tesla").any()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("shock", "much", "+25%"),
        ("shock", "0%", "not 0"),
        ("shock", "+900%", "-60% to +150%"),
        ("unit", "miles", "km"),
        ("blank", "odometer", "condition"),  # required fields cannot be left out
        ("make", "trabant", "toyota"),
    ],
)
def test_a_wrong_fault_says_what_is_expected(name, value, expected):
    with pytest.raises(WrongFault, match=name.upper()) as error:
        FAULTS[name](value)
    assert expected in str(error.value)


def test_a_rehearsal_may_be_without_a_fault():
    assert NOTHING.prices == 1 and NOTHING.requests(CARS).equals(CARS)
