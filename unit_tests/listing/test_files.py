"""Files of listings to price: what is read, what is refused and how, what is written."""

import csv
import json

import pytest

from unit_tests.helpers import tiny
from vehicle_price.estimate import Estimate
from vehicle_price.listing.files import read_listings, write_prices
from vehicle_price.schema import EXAMPLE, NAMES

REQUIRED = {"year": 2014, "manufacturer": "honda", "odometer": 88_000}
HEAD = "year,manufacturer,odometer"


@pytest.fixture(name="saved")
def _saved(tmp_path):
    """Writes a text (or bytes) under a name and returns the path."""

    def write(name: str, content: str | bytes):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_csv_and_json_of_one_listing_are_the_same(saved):
    expected = [REQUIRED | {"model": "1500, crew"}]
    row = '2014,Honda,88000.0,"1500, crew"'
    assert read_listings(saved("a.csv", f"{HEAD},model\n{row}\n"), 2021) == expected
    assert read_listings(saved("a.CSV", f"\ufeff{HEAD},model\r\n{row}\r\n"), 2021) == expected
    assert read_listings(saved("a.json", json.dumps(expected[0])), 2021) == expected
    assert read_listings(saved("list.json", json.dumps(expected)), 2021) == expected


def test_a_csv_as_kaggle_ships_it_can_be_priced(saved):
    """All 26 columns; its price is left out; an empty cell is an absent value."""
    raw = tiny.raw()[tiny.raw()["id"].isin(tiny.accepted()["id"].head(50))]
    listings = read_listings(saved("raw.csv", raw.to_csv(index=False)), 2021)
    assert len(listings) == 50 and set().union(*listings) <= set(NAMES) - {"price"}
    frame = tiny.accepted().head(50)
    estimates = tiny.valuation("xgboost").price_many(listings)
    assert [e.price for e in estimates] == (
        tiny.valuation("xgboost").price_frame(frame)["price"].tolist()
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1800,honda,88000", r"/1/year 1800 is below 1970"),
        ("2014,honda,-5", r"/1/odometer -5 is below 0 miles"),
        ("2014,honda,600000", r"/1/odometer 600000 is above 500000 miles"),
        ("2014,honda,many", r"/1/odometer expected a whole number"),
        ("2014,honda,nan", r"/1/odometer expected a whole number"),
        ("2014,honda,1e999", r"/1/odometer expected a whole number"),
        ("2014.5,honda,88000", r"/1/year expected a whole number"),
        ("2014,,88000", r"/1/manufacturer is required"),
        ("2014", r"/1/(manufacturer|odometer) is required"),
        ("2014,honda,88000,surplus", r"/1 has more cells"),
    ],
)
def test_a_wrong_row_is_named_with_its_column_and_limit(saved, row, message):
    path = saved("cars.csv", f"{HEAD}\n2014,honda,88000\n{row}\n2015,honda,1\n")
    with pytest.raises(ValueError, match=message):
        read_listings(path, 2021)


def test_an_unknown_column_is_named_with_the_nearest_known_one(saved):
    with pytest.raises(ValueError, match="odometr.*did you mean odometer"):
        read_listings(saved("cars.json", json.dumps(REQUIRED | {"odometr": 1})), 2021)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", ""),
        ("a.csv", HEAD),
        ("a.json", "[]"),
        ("a.json", ""),
        ("a.json", "{"),
        ("a.json", "[" * 100_000),
        ("a.json", f"[{'9' * 5_000}]"),
        ("a.json", '{"year": NaN, "manufacturer": "honda", "odometer": 1}'),
        ("a.json", "7"),
        ("a.json", "null"),
        ("a.json", '["year", null]'),
        ("a.json", b"\xff\xfe"),
        ("a.csv", b"year,manufacturer\n2014,\xff\n"),
        ("a.csv", "\x00\x00"),
        ("a.csv", f'{HEAD}\n2014,honda,"{"9" * 200_000}"\n'),
        ("a.csv", f'{HEAD}\n2014,"honda\n'),
        ("a.parquet", b"PAR1"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_file_without_listings_is_refused_in_one_readable_line(saved, name, content):
    with pytest.raises((ValueError, RuntimeError)) as refused:
        read_listings(saved(name, content), 2021)
    assert len(str(refused.value)) < 500 and "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["a.csv", "a.json"])
def test_a_file_of_wrong_bytes_is_named(saved, name):
    with pytest.raises(ValueError, match=rf"{name}.*UTF-8"):
        read_listings(saved(name, b'["\xff\xfe"]'), 2021)


def test_prices_are_written_beside_their_listings(tmp_path):
    listings = [REQUIRED, EXAMPLE | {"model": 'odd, "text"\nover lines 🚗'}]
    estimates = [Estimate(9, 8, 10, ()), Estimate(7, 6, 8, ("model: new", "fuel: new"))]
    write_prices(listings, estimates, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert first["price"] == "9" and first["fuel"] == "" and first["warnings"] == ""
    assert second["model"] == listings[1]["model"] and second["high"] == "8"
    assert second["warnings"] == "model: new; fuel: new"
    assert read_back(tmp_path / "out.csv")


def read_back(path) -> bool:
    """What was written can be priced again once the answer's columns are gone."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [
            {k: v for k, v in r.items() if k not in Estimate._fields} for r in csv.DictReader(file)
        ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return len(read_listings(path, 2021)) == len(rows)


def test_without_a_file_the_screen_is_written_to(capsys):
    write_prices([REQUIRED], [Estimate(9, 8, 10, ())], None)
    head, row = capsys.readouterr().out.splitlines()
    assert head == "year,manufacturer,odometer,price,low,high,warnings"
    assert row == "2014,honda,88000,9,8,10,"
