"""What the service makes of a listing is what training makes of the same listing."""

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unit_tests.helpers.service_fakes import REQUIRED
from vehicle_price.contract.check import check
from vehicle_price.contract.text_columns import normalised
from vehicle_price.listing.errors import WrongValues
from vehicle_price.listing.text import tidy
from vehicle_price.listing.validation import check_many, check_one
from vehicle_price.schema import EXAMPLE, FEATURES, NAMES

AWKWARD = st.text(
    st.sampled_from("aZ é3-\t\n\x0b\x00\x85\xa0\u200b\u2003\u3000\ufeff🚗İ")
    | st.characters(codec="utf-8"),
    max_size=12,
)


@given(AWKWARD)
@example("like \u200b new")
def test_text_is_tidied_as_the_contract_does(text):
    [expected] = normalised(pa.array([text], pa.string())).to_pylist()
    assert tidy(text) == (expected or "")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            # A level that is not in the schema is quarantined, and so are control characters.
            c.name: (
                st.sampled_from(c.levels).map(lambda level: f"\u2003{level.upper()}\t")
                if c.levels
                else AWKWARD
            )
            for c in FEATURES
            if c.kind in ("level", "text") and not c.required
        },
    )
)
def test_a_listing_is_read_as_the_contract_reads_it(texts):
    raw = {name: None for name in NAMES} | {
        "id": "1",
        "price": "9000",
        "posting_date": "2021-04-28T12:00:00-0500",
        **{name: str(value) for name, value in REQUIRED.items()},
        **texts,
    }
    accepted = check(pd.DataFrame([raw], dtype=object)).accepted.to_pandas()
    if not accepted.empty:  # else the contract found something else wrong with it
        row = accepted.iloc[0]
        listing = check_one({**REQUIRED, **texts}, 2021)
        for name in texts:
            expected = None if pd.isna(row[name]) else row[name]
            assert listing[name] == expected, name


def test_spelling_and_spaces_do_not_matter():
    shouted = {**REQUIRED, "manufacturer": " Honda ", "type": "suv", "state": "CA", "fuel": " "}
    listing = check_one(shouted, 2021)
    assert (listing["manufacturer"], listing["type"], listing["state"]) == ("honda", "SUV", "ca")
    assert listing["fuel"] is None


def test_checking_changes_nothing_in_what_was_given():
    given_listing = {**REQUIRED, "manufacturer": "HONDA"}
    check_one(given_listing, 2021)
    assert given_listing["manufacturer"] == "HONDA"


def test_the_example_of_the_schema_is_a_listing_as_it_is():
    assert check_one(EXAMPLE, 2021) == EXAMPLE and check_many([EXAMPLE] * 2, 2021) == [EXAMPLE] * 2


def test_a_list_with_one_wrong_listing_is_refused_as_a_whole():
    with pytest.raises(WrongValues, match="/1/year"):
        check_many([EXAMPLE, {**EXAMPLE, "year": 1}], 2021)
