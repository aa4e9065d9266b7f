"""The watermark of a source, and the facts of a dataset that another program has changed."""

import json
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake

from unit_tests.helpers.store import DAYS, RAW, one_row, stored
from vehicle_price.storage.dataset import open_dataset, read_listings
from vehicle_price.storage.errors import StorageError
from vehicle_price.storage.store import Store, advanced_watermark


def accepted(root: Path) -> DeltaTable:
    """The table of accepted rows, as another program opens it."""
    return DeltaTable(str(root / "listings/accepted"))


@pytest.mark.parametrize(
    ("watermark", "since", "until", "newest", "expected"),
    [
        ("", "", "", "2021-04-07", "2021-04-07"),
        ("", "", "", "", ""),
        ("2021-04-05", "", "", "2021-04-03", "2021-04-05"),
        ("2021-04-05", "2021-04-06", "", "", "2021-04-05"),
        ("2021-04-05", "2021-04-01", "2077-01-01", "2021-04-09", "2021-04-20"),
    ],
)
def test_the_watermark_moves_only_over_days_that_were_read(
    watermark, since, until, newest, expected
):
    assert advanced_watermark(watermark, since, until, newest, "2021-04-20") == expected


def test_rows_that_another_program_deletes_are_noticed_and_restoring_them_helps(tmp_path):
    dataset = stored(tmp_path)
    accepted(tmp_path).delete(f"posting_day = '{DAYS[0]}'")
    with pytest.raises(StorageError, match="another program has changed the table.*restore"):
        stored(tmp_path, one_row(id="late"))
    assert open_dataset(dataset.uri) == dataset
    accepted(tmp_path).restore(0)
    assert stored(tmp_path, one_row(id="late")).rows == dataset.rows + 1


def test_a_version_that_another_program_makes_without_changing_rows_does_no_harm(tmp_path):
    dataset = stored(tmp_path)
    accepted(tmp_path).alter.set_table_description("listings")
    assert accepted(tmp_path).version() == 1
    assert stored(tmp_path).sha256 == dataset.sha256
    assert stored(tmp_path, one_row(id="late")).rows == dataset.rows + 1


def test_a_day_in_two_files_is_of_another_program(tmp_path):
    stored(tmp_path, RAW.head(50))
    table = accepted(tmp_path)
    write_deltalake(table, table.to_pyarrow_table(), mode="append")
    with pytest.raises(StorageError, match="another program has changed the table"):
        stored(tmp_path)


def test_a_damaged_log_is_refused(tmp_path):
    dataset = stored(tmp_path)
    log = tmp_path / "listings/accepted/_delta_log/00000000000000000000.json"
    log.write_text("{", "utf-8")
    with pytest.raises(StorageError, match="_delta_log.*restore it from a backup"):
        open_dataset(dataset.uri)
    with pytest.raises(StorageError, match="_delta_log"):
        stored(tmp_path)


def test_a_store_of_the_layout_before_is_named_with_what_to_do(tmp_path):
    (tmp_path / "listings").mkdir()
    (tmp_path / "listings/current.json").write_text(json.dumps({"published": []}), "utf-8")
    for call in (
        lambda: stored(tmp_path),
        lambda: Store(str(tmp_path)).content(),
        lambda: read_listings(f"{tmp_path}/listings/snapshots/0123-abc.json"),
    ):
        with pytest.raises(StorageError, match="old layout.*move the folder away and ingest again"):
            call()
