"""The file source: every kind of file gives the same text, every damage a clear answer."""

import gzip
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vehicle_price.contract.check import READER_FAULT, STORED_COLUMNS, check
from vehicle_price.schema import NAMES
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError, SourceQuery
from vehicle_price.sources.catalog import SOURCES
from vehicle_price.sources.sample.source import generate, write_csv

ROWS = 300


def read(path: Path | str) -> pd.DataFrame:
    """All listings of the file."""
    return pd.concat(
        SOURCES["file"].read(SourceQuery(data=str(path)), Settings()), ignore_index=True
    )


def kept(listings: pd.DataFrame) -> pd.DataFrame:
    """The columns that a source hands on."""
    return listings[list(STORED_COLUMNS)]


@pytest.fixture(scope="module", name="listings")
def fixture_listings() -> pd.DataFrame:
    """What is written into the files."""
    return generate(ROWS, seed=3, descriptions=True)


@pytest.fixture(name="csv")
def fixture_csv(tmp_path: Path) -> Path:
    """The same listings as a CSV file."""
    path = tmp_path / "vehicles.csv"
    write_csv(path, ROWS, seed=3, descriptions=True)
    return path


def test_a_csv_with_descriptions_over_many_lines_reads_back_as_written(csv, listings):
    pd.testing.assert_frame_equal(read(csv), kept(listings))


def test_gzip_zip_and_parquet_give_the_same_as_csv(csv, listings, tmp_path):
    # Names say nothing on purpose: the first bytes decide.
    zipped, packed, parquet = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(csv, "vehicles.csv")
        archive.writestr("__MACOSX/vehicles.csv", b"")
    packed.write_bytes(gzip.compress(csv.read_bytes()))
    listings.to_parquet(parquet)
    for path in (zipped, packed, parquet):
        pd.testing.assert_frame_equal(read(path), kept(listings))


def test_numbers_in_a_parquet_file_become_text(tmp_path, listings):
    table = pa.Table.from_pandas(listings)
    index = table.schema.get_field_index("year")
    years = table.column("year").cast(pa.int32())
    pq.write_table(table.set_column(index, "year", years), tmp_path / "typed")
    pd.testing.assert_frame_equal(read(tmp_path / "typed"), kept(listings))


def test_columns_come_in_schema_order_and_absent_or_foreign_ones_do_not_matter(csv, listings):
    shuffled = listings.drop(columns=["description", "VIN"]).iloc[:, ::-1]
    shuffled.assign(foreign="1").to_csv(csv, index=False)
    frame = read(csv)
    assert tuple(frame.columns) == STORED_COLUMNS
    assert frame["VIN"].isna().all()
    assert frame["price"].tolist() == listings["price"].tolist()


def test_text_that_looks_like_a_number_or_a_missing_value_stays_text(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text(
        "id,price,year,manufacturer,model,odometer,posting_date\n"
        "007,500,2001,NA,1500,nan,2021-04-28T12:00:00-0500\n"
    )
    row = read(path).iloc[0]
    assert (row["id"], row["manufacturer"], row["model"], row["odometer"]) == (
        "007",
        "NA",
        "1500",
        "nan",
    )


def test_a_byte_order_mark_and_windows_line_ends_are_no_trouble(csv, listings):
    flat = listings.drop(columns="description")
    flat.to_csv(csv, index=False, encoding="utf-8-sig", lineterminator="\r\n")
    pd.testing.assert_frame_equal(read(csv), kept(flat))


def test_a_cell_in_another_encoding_is_marked_and_the_rest_is_kept(csv, listings):
    flat = listings.drop(columns="description")
    flat.loc[50, "model"] = "se habla español"
    text = flat.to_csv(index=False).encode().replace("ñ".encode(), b"\xf1")
    csv.write_bytes(text)
    frame = read(csv)
    assert len(frame) == ROWS
    assert frame.loc[50, "model"] == "se habla espa\N{REPLACEMENT CHARACTER}ol"


@pytest.mark.parametrize("oddity", [b"", b"\xf1"], ids=["UTF-8", "Latin-1"])
def test_a_row_with_too_few_or_too_many_fields_is_set_aside_alone(csv, listings, oddity):
    listings = listings.drop(columns="description")
    lines = listings.to_csv(index=False).encode().splitlines()
    lines[100] += b",too much" + oddity
    lines[200] = b"7,too few" + oddity
    csv.write_bytes(b"\n".join(lines))
    frame = read(csv)
    assert len(frame) == ROWS
    ragged = frame[frame[READER_FAULT].notna()]
    assert ragged["id"].tolist() == [listings["id"][99], "7"]
    assert (
        ragged[READER_FAULT]
        .tolist()[0]
        .startswith(f"row: not 25 fields, got 26: {listings['id'][99]}")
    )
    assert ragged[READER_FAULT].tolist()[1].startswith("row: not 25 fields, got 2: 7,too few")
    rest = frame[frame[READER_FAULT].isna()].drop(columns=READER_FAULT).reset_index(drop=True)
    expected = kept(listings).drop(index=[99, 199]).reset_index(drop=True)
    pd.testing.assert_frame_equal(rest, expected)


def test_ragged_rows_far_down_a_file_lose_and_double_nothing(tmp_path):
    path = tmp_path / "long.csv"
    names = "id,price,year,manufacturer,odometer,posting_date"
    lines = [f"{i},5000,2014,ford,90000,2021-04-28" + " " * 60 for i in range(120_000)]
    for i in (40_000, 90_000, 119_999):
        lines[i] += ",more"
    path.write_text("\n".join([names, *lines]))
    sizes = [len(frame) for frame in SOURCES["file"].read(SourceQuery(str(path)), Settings())]
    frame = read(path)
    assert sorted(frame["id"].astype(int)) == list(range(120_000))
    assert frame.loc[frame[READER_FAULT].notna(), "id"].tolist() == ["40000", "90000", "119999"]
    assert max(sizes) <= 50_000


@pytest.mark.parametrize("column", ["model", "posting_date"])
@pytest.mark.parametrize("rows", [[100], [100, 180]])
def test_a_quote_that_is_not_closed_costs_its_own_row_only(csv, listings, column, rows):
    """Until the next quote, or the end, everything looks like one cell."""
    listings = listings.drop(columns="description")
    listings["model"] = listings["model"].str.replace('"', "")
    lines = listings.to_csv(index=False).splitlines()
    index = lines[0].split(",").index(column)
    for row in rows:
        cells = listings.iloc[row].fillna("").tolist()
        cells[index] = '"' + cells[index]
        lines[row + 1] = ",".join(cells)
    csv.write_text("\n".join(lines))
    result = check(read(csv))
    whole = {row["id"]: row for row in check(listings).accepted.to_pylist()}
    got = {row["id"]: row for row in result.accepted.to_pylist()}
    # The quote of the second row closes that of the first, which may leave the second sound.
    assert all(row == whole[key] for key, row in got.items())
    assert whole.keys() - got.keys() <= set(listings["id"][rows])
    assert listings["id"][rows[0]] not in got
    reasons = [reason for row in result.quarantined["reasons"].to_pylist() for reason in row]
    assert any("row: not 25 fields" in r or "holds a line break" in r for r in reasons)


def test_only_the_days_asked_for_are_read(csv, listings):
    def days(since: str = "", until: str = "") -> pd.Series:
        query = SourceQuery(data=str(csv), since=since, until=until)
        frames = list(SOURCES["file"].read(query, Settings()))
        return pd.concat(frames)["posting_date"].str[:10] if frames else pd.Series(dtype=object)

    undated = listings["posting_date"].isna().sum()
    assert undated
    assert set(days("2021-04-20", "2021-04-21")) == {"2021-04-20", "2021-04-21"}
    before, after = days(until="2021-04-19"), days(since="2021-04-20")
    assert len(before) + len(after) == len(listings)
    # A row without a day is met once by who reads day after day.
    assert (before.isna().sum(), after.isna().sum()) == (undated, 0)
    assert days("1999-01-01", "1999-12-31").empty


@pytest.mark.parametrize(
    "since, until, message",
    [
        ("2021-4-1", "", "since '2021-4-1'"),
        ("", "2021-02-30", "until '2021-02-30'"),
        ("2021-04-02", "2021-04-01", "after until"),
    ],
)
def test_a_senseless_span_of_days_is_refused(since, until, message):
    with pytest.raises(SourceError, match=message):
        SourceQuery(since=since, until=until)


def test_missing_columns_are_named(csv):
    csv.write_text("id,price,year,model\n1,2,3,4\n")
    with pytest.raises(SourceError, match="missing column manufacturer, odometer, posting_date"):
        read(csv)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "empty"),
        (b"\x00" * 50, "missing column"),
        (b"\xff\xfei\x00d\x00,\x00", "missing column"),
        (b"PK\x03\x04 not a zip", "cannot be read"),
        (b"\x1f\x8b\x08 not gzip", "cannot be read"),
        (b"PAR1 not parquet", "cannot be read"),
        (",".join(NAMES).encode(), "no listings"),
        (",".join(NAMES).encode() + b"\n" + b'"' * 3 + b"x" * (2 << 20), "cannot be read"),
        (b"price,price," + ",".join(NAMES).encode() + b"\n", "price occurs twice"),
    ],
)
def test_a_damaged_file_is_a_source_error_that_says_why(tmp_path, content, message):
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=message):
        read(path)


def test_a_truncated_archive_is_a_source_error(csv, tmp_path):
    zipped = tmp_path / "whole.zip"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(csv, "vehicles.csv")
    for data in (gzip.compress(csv.read_bytes()), zipped.read_bytes()):
        cut = tmp_path / "cut"
        cut.write_bytes(data[: len(data) * 2 // 3])
        with pytest.raises(SourceError, match="cannot be read"):
            read(cut)


def test_a_zip_with_two_tables_is_refused(tmp_path):
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "x")
    with pytest.raises(SourceError, match="expected one CSV"):
        read(path)


@pytest.mark.parametrize("data, message", [("", "no file given"), ("/nowhere.csv", "no such file")])
def test_without_a_file_the_error_says_what_to_set(data, message):
    with pytest.raises(SourceError, match=message):
        read(data)


def test_the_real_archive_reads_in_batches(real_data):
    query = SourceQuery(data=str(real_data / "craigslist-carstrucks-data.zip"))
    sizes = [len(frame) for frame in SOURCES["file"].read(query, Settings())]
    assert sum(sizes) == 232_073
    assert max(sizes) <= 50_000
