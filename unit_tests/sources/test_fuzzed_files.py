"""Two hundred damaged files of real listings: each row is accounted for, or a clear error.

An accepted listing has the types and limits of the schema, and one whose row was not touched
is judged as it is in the whole file.
"""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from unit_tests.helpers.fuzzed_files import DAMAGES, Table, as_csv, damaged, real_tables
from vehicle_price.contract.check import LISTING_SCHEMA, QUARANTINE_SCHEMA, Checked, check
from vehicle_price.listing.text import tidy
from vehicle_price.schema import BY_NAME, YEARS_AHEAD
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError, SourceQuery
from vehicle_price.sources.catalog import SOURCES

FILES = 200


@pytest.fixture(scope="module", name="tables")
def fixture_tables(real_data: Path) -> list[Table]:
    """Rows of the two real files."""
    return real_tables(real_data)


@pytest.fixture(scope="module", name="sound")
def fixture_sound(tables, tmp_path_factory) -> dict[str, dict]:
    """The accepted listings of the undamaged files, by id."""
    folder = tmp_path_factory.mktemp("sound")
    tables_of_rows = [ingested(as_csv(table), folder).accepted for table in tables]
    return {row["id"]: row for rows in tables_of_rows for row in rows.to_pylist()}


def ingested(content: bytes, folder: Path) -> Checked:
    """What the file source and the contract make of a file. Raises SourceError."""
    path = folder / "listings"
    path.write_bytes(content)
    accepted, quarantined = [LISTING_SCHEMA.empty_table()], [QUARANTINE_SCHEMA.empty_table()]
    for frame in SOURCES["file"].read(SourceQuery(data=str(path)), Settings()):
        result = check(frame)
        assert len(result.accepted) + len(result.quarantined) == len(frame)
        accepted.append(result.accepted)
        quarantined.append(result.quarantined)
    # Fails where a batch has another type.
    tables = {"accepted": accepted, "quarantined": quarantined}
    return replace(check(pd.DataFrame()), **{n: pa.concat_tables(t) for n, t in tables.items()})


def assert_sound(accepted: pa.Table) -> None:
    """Every accepted value has the type, the limits and the levels of its column."""
    assert accepted.schema == LISTING_SCHEMA
    for name in ("id", "price", "year", "odometer", "manufacturer", "posting_date", "posting_day"):
        assert accepted[name].null_count == 0
    for column in BY_NAME.values():
        if column.kind == "integer" and accepted.num_rows:
            limits = pc.min_max(accepted[column.name]).as_py()
            largest = column.maximum
            if column.follows_posting:
                ahead = pc.subtract(accepted[column.name], pc.year(accepted["posting_date"]))
                assert pc.max(ahead).as_py() <= YEARS_AHEAD
                largest = limits["max"]
            assert column.minimum <= limits["min"] <= limits["max"] <= largest
        if column.kind == "level" and not column.open_levels:
            assert set(accepted[column.name].to_pylist()) <= {None, *column.levels}


@pytest.mark.parametrize("number", range(FILES))
def test_a_damaged_file_is_a_clear_error_or_every_row_is_accounted_for(
    number, tables, sound, tmp_path, capfd
):
    name, damage = damaged(number, tables)
    try:
        result = ingested(damage.content, tmp_path)
    except SourceError as error:
        assert damage.refused or damage.touched is None, f"{name}: {error}"
        message = str(error)
        assert str(tmp_path) in message and "\n" not in message and "Traceback" not in message
        return
    finally:
        assert "Traceback" not in capfd.readouterr().err
    assert not damage.refused, name
    assert_sound(result.accepted)
    assert all(result.quarantined["reasons"].to_pylist())
    if damage.rows is not None:
        assert len(result.accepted) + len(result.quarantined) == damage.rows, name
    if damage.touched is not None:
        accepted = {row["id"]: row for row in result.accepted.to_pylist()}
        intact = {key: row for key, row in sound.items() if key not in damage.touched}
        table = tables[number // len(DAMAGES) % len(tables)]
        expected = {row[0]: intact[row[0]] for row in table if row[0] in intact}
        assert {key: accepted[key] for key in accepted.keys() - damage.touched} == expected, name


@pytest.mark.parametrize("number", range(FILES))
def test_a_value_that_is_accepted_is_what_stands_in_the_file(number, tables, tmp_path):
    name, damage = damaged(number, tables)
    if name not in ("junk values", "NUL bytes", "Latin-1 bytes", "shifted cells", "ragged rows"):
        return
    result = ingested(damage.content, tmp_path)
    text = io.StringIO(damage.content.decode("utf-8", "replace"), newline="")
    written = {row["id"]: row for row in csv.DictReader(text)}
    for row in result.accepted.to_pylist():
        for column in ("price", "year", "odometer"):
            assert row[column] == float(tidy(written[row["id"]][column]))
        assert row["posting_day"] == written[row["id"]]["posting_date"][:10]


def test_every_kind_of_damage_was_tried(tables):
    assert {damaged(number, tables)[0] for number in range(FILES)} == set(DAMAGES)
