"""The contract: what is accepted, what is not and why, and that no row is lost."""

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from vehicle_price.contract.check import (
    LISTING_SCHEMA,
    QUARANTINE_SCHEMA,
    READER_FAULT,
    STORED_COLUMNS,
    Checked,
    check,
    rule_of,
)
from vehicle_price.contract.rules import parse_moments
from vehicle_price.schema import COLUMNS, FEATURES, NAMES
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceQuery
from vehicle_price.sources.catalog import SOURCES

GOOD = {
    "id": "7316356412",
    "region": "san diego",
    "price": "15990",
    "year": "2014",
    "manufacturer": "honda",
    "model": "civic ex-l sedan",
    "condition": "excellent",
    "odometer": "88000",
    "type": "SUV",
    "state": "ca",
    "VIN": "1HGCM82633A004352",
    "posting_date": "2021-04-28T23:30:00-0700",
}
DATE_RULE = "not a date like 2021-04-28T12:00:00-0500"


def checked(**changes: str | None) -> Checked:
    """The verdict on the good listing with some changes."""
    return check(pd.DataFrame([dict.fromkeys(NAMES) | GOOD | changes], dtype=object))


def reasons(**changes: str | None) -> list[str]:
    """Why the changed listing is quarantined; empty when it is accepted."""
    result = checked(**changes)
    return result.quarantined["reasons"].to_pylist()[0] if len(result.quarantined) else []


def test_a_good_listing_is_accepted_with_types():
    row = checked().accepted.to_pandas().iloc[0]
    assert (row["price"], row["year"], row["odometer"]) == (15990, 2014, 88000)
    assert row["posting_date"] == pd.Timestamp("2021-04-29T06:30:00Z")
    assert row["posting_day"] == "2021-04-28"  # the seller's day, not Greenwich's
    assert row["cylinders"] is None


def test_types_are_the_same_whatever_the_batch_holds():
    for result in (checked(), checked(price="0")):
        assert result.accepted.schema == LISTING_SCHEMA
        assert result.quarantined.schema == QUARANTINE_SCHEMA
    frame = checked().accepted.to_pandas()
    assert frame.dtypes["price"] == "int64"
    assert str(frame.dtypes["posting_date"]) == "datetime64[ns, UTC]"


def test_accepted_has_every_feature_and_what_identifies_a_listing():
    assert tuple(checked().accepted.column_names) == (*STORED_COLUMNS, "posting_day")
    assert {c.name for c in FEATURES} | {"id", "price", "VIN", "posting_date"} == set(
        STORED_COLUMNS
    )


@pytest.mark.parametrize(
    "column, value, reason",
    [
        ("price", "0", "price: below 500 USD, got 0"),
        ("price", "3736928711", "price: above 150000 USD, got 3736928711"),
        ("price", "1e99", "price: above 150000 USD, got 1e99"),
        ("price", "1234", "price: a number people type when they do not know, got 1234"),
        ("price", "$15,990", "price: not a whole number, got $15,990"),
        ("price", "1e400", "price: not a whole number, got 1e400"),
        ("price", "inf", "price: not a whole number, got inf"),
        ("price", "9" * 5000, "price: not a whole number, got " + "9" * 60),
        ("price", None, "price: missing"),
        ("price", "  ", "price: missing"),
        ("year", "1969", "year: below 1970, got 1969"),
        ("year", "2023", "year: later than the year after its posting, got 2023"),
        ("year", "2013.5", "year: not a whole number, got 2013.5"),
        ("odometer", "-5", "odometer: below 0 miles, got -5"),
        ("odometer", "9999999", "odometer: above 500000 miles, got 9999999"),
        ("odometer", "1", "odometer: a number people type when they do not know, got 1"),
        ("manufacturer", None, "manufacturer: missing"),
        ("id", None, "id: missing"),
        ("posting_date", None, "posting_date: missing"),
        (
            "posting_date",
            "yesterday",
            f"posting_date: {DATE_RULE}, got yesterday",
        ),
        (
            "posting_date",
            "2021-02-30T12:00:00-0500",
            f"posting_date: {DATE_RULE}, got 2021-02-30T12:00:00-0500",
        ),
        ("model", "x" * 251, "model: longer than 250 characters, got " + "x" * 60),
        ("model", "espa\N{REPLACEMENT CHARACTER}ol", "model: not valid UTF-8, got espa\ufffdol"),
        ("price", "15\x0090", "price: holds a control character, got 1590"),
        ("posting_date", "9999-04-28", "posting_date: " + DATE_RULE + ", got 9999-04-28"),
    ],
)
def test_a_bad_value_is_quarantined_with_its_reason(column, value, reason):
    assert reasons(**{column: value}) == [reason]


def test_every_violation_of_a_row_is_reported():
    broken = reasons(price="1", year="1950", odometer="x", manufacturer="")
    assert {rule_of(reason) for reason in broken} == {
        "price: below 500 USD",
        "year: below 1970",
        "odometer: not a whole number",
        "manufacturer: missing",
    }


@pytest.mark.parametrize("column, value", [("price", "500"), ("price", "150000")])
def test_limits_are_inclusive(column, value):
    assert reasons(**{column: value}) == []


def test_a_whole_number_written_as_float_is_a_whole_number():
    [row] = checked(year="2014.0", odometer="88000.00").accepted.to_pylist()
    assert (row["year"], row["odometer"]) == (2014, 88000)


def test_text_is_tidied_and_levels_get_the_schema_spelling():
    [row] = checked(
        model="  Civic\u200b \t EX-L\n", type="suv", manufacturer=" HONDA ", fuel="Gas"
    ).accepted.to_pylist()
    assert (row["model"], row["type"], row["manufacturer"]) == ("Civic EX-L", "SUV", "honda")
    assert row["fuel"] == "gas"


def test_a_new_make_is_a_car_but_a_new_level_elsewhere_is_a_shifted_column():
    [row] = checked(manufacturer="Rivian").accepted.to_pylist()
    assert row["manufacturer"] == "rivian"
    for column in COLUMNS:
        if column.kind == "level" and column.name != "manufacturer":
            broken = reasons(**{column.name: "Steam"})
            assert broken == [f"{column.name}: not a known level, got Steam"]


def test_swapped_columns_are_noticed():
    assert reasons(fuel="automatic", transmission="gas") == [
        "fuel: not a known level, got automatic",
        "transmission: not a known level, got gas",
    ]


def test_a_row_the_reader_could_not_take_apart_is_quarantined_for_that_alone():
    fault = "row: not 26 fields, got 3: a,b,c"
    raw = pd.DataFrame(
        [{"id": "a", READER_FAULT: fault}, GOOD | {READER_FAULT: None}], dtype=object
    )
    result = check(raw)
    assert result.quarantined["reasons"].to_pylist() == [[fault]]
    assert result.accepted["id"].to_pylist() == [GOOD["id"]]


def test_a_quarantined_row_keeps_all_it_came_with():
    raw = pd.DataFrame([dict.fromkeys(NAMES) | GOOD | {"price": "0", "model": " as it was\t"}])
    quarantined = check(raw).quarantined.to_pandas()
    pd.testing.assert_frame_equal(quarantined.drop(columns="reasons"), raw[list(STORED_COLUMNS)])


def test_columns_a_frame_lacks_count_as_empty():
    assert len(check(pd.DataFrame([GOOD])).accepted) == 1


def test_the_index_of_the_frame_does_not_matter():
    raw = pd.DataFrame([dict.fromkeys(NAMES) | GOOD, dict.fromkeys(NAMES) | GOOD | {"price": "0"}])
    result = check(raw.set_axis([7, 7]))
    assert result.accepted["posting_day"].to_pylist() == ["2021-04-28"]
    assert result.quarantined["reasons"].to_pylist() == [["price: below 500 USD, got 0"]]


def test_an_empty_frame_gives_two_empty_ones():
    result = check(pd.DataFrame(columns=list(NAMES), dtype=object))
    assert (len(result.accepted), len(result.quarantined)) == (0, 0)


CELL = (
    st.none()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from(
        [
            "0",
            "500",
            "2014",
            "1e5",
            "nan",
            "-0",
            "2013.0",
            "0x10",
            "१२३४",
            "2021-04-28T12:00:00-0500",
        ]
    )
)
DATES = [
    "2021-04-28T12:00:00-0500",
    "2021-04-28T12:00:00+05:30",
    "2021-04-28 12:00Z",
    "2021-04-28T12:00:00.123456789 -0500",
    "2021-04-28T12:00",
    "2021-04-28",
    "2021-02-30T12:00:00-0500",
    "2021-04-28T24:00:00Z",
    "2300-01-01T00:00:00Z",
    "0001-01-01",
    "9999-04-28",
]


@budget(max_examples=40)
@given(st.lists(st.fixed_dictionaries({name: CELL for name in GOOD}), min_size=1, max_size=5))
def test_whatever_the_text_each_row_ends_in_exactly_one_place(rows):
    raw = pd.DataFrame(rows, dtype=object)
    result = check(raw)
    assert len(result.accepted) + len(result.quarantined) == len(raw)
    assert all(result.quarantined["reasons"].to_pylist())
    alone = [check(raw.iloc[[i]]) for i in range(len(raw))]
    assert pa.concat_tables(checked_row.accepted for checked_row in alone) == result.accepted
    assert pa.concat_tables(checked_row.quarantined for checked_row in alone) == result.quarantined


@given(st.data())
def test_arrow_text_and_python_text_are_judged_alike(data):
    rows = [dict.fromkeys(NAMES) | GOOD | {"model": data.draw(CELL), "odometer": data.draw(CELL)}]
    plain = pd.DataFrame(rows, dtype=object)
    a, b = check(plain), check(plain.astype(pd.ArrowDtype(pa.string())))
    assert (a.accepted, a.quarantined) == (b.accepted, b.quarantined)


@given(st.lists(st.sampled_from(DATES), min_size=1, max_size=6))
def test_dates_are_read_alike_whatever_other_dates_the_batch_holds(dates):
    """Arrow reads a batch of plain dates at once; one odd date and pandas reads them all."""
    expected = pd.to_datetime(dates, utc=True, format="ISO8601", errors="coerce")
    got = parse_moments(pa.array(dates))
    assert got.to_pandas().tolist() == expected.tolist()


def test_on_real_listings_no_row_is_lost_and_one_in_nine_is_refused(real_data):
    query = SourceQuery(data=str(real_data / "craigslist-carstrucks-data.zip"))
    results = [check(frame) for frame in SOURCES["file"].read(query, Settings())]
    accepted = sum(len(result.accepted) for result in results)
    quarantined = sum(len(result.quarantined) for result in results)
    assert accepted + quarantined == 232_073
    assert 0.10 < quarantined / 232_073 < 0.12


def test_the_2020_file_without_descriptions_and_with_missing_makes_is_split_too(real_data):
    query = SourceQuery(data=str(real_data / "craigslist_2020_sample.csv.gz"))
    [frame] = SOURCES["file"].read(query, Settings())
    result = check(frame)
    assert len(result.accepted) + len(result.quarantined) == 7_000
    rules = [rule_of(reason) for row in result.quarantined["reasons"].to_pylist() for reason in row]
    assert rules.count("manufacturer: missing") == 282
