"""A column is added to the schema in one line: what was stored before stays what it was."""

import pandas as pd

from unit_tests.helpers.added_column import with_seats
from unit_tests.helpers.store import DAYS, RAW, one_row, stored
from vehicle_price.storage.dataset import open_dataset, read_listings, read_quarantine

FEW = RAW.head(120)


def test_what_was_stored_before_stays_readable_and_keeps_its_hash(tmp_path):
    before = stored(tmp_path / "data", FEW)
    FEW.to_csv(tmp_path / "same.csv", index=False)
    after = with_seats(tmp_path, str(tmp_path / "data"), before.uri, tmp_path / "same.csv")
    assert after["uri"] == before.uri and after["sha256"] == before.sha256
    assert after["batch"]["new"] == 0 and after["seats"] == []
    assert after["read"] == before.rows and "seats" in after["columns"]


def test_days_with_a_value_in_it_get_another_hash_and_the_old_schema_reads_them(tmp_path):
    root = str(tmp_path / "data")
    before = stored(root, FEW)
    listings, quarantine = read_listings(before.uri), read_quarantine(before.uri)
    more = pd.concat([FEW, one_row(id="late", posting_date=DAYS[2]).assign(seats="7")])
    more.to_csv(tmp_path / "more.csv", index=False)
    after = with_seats(tmp_path, root, before.uri, tmp_path / "more.csv")
    assert after["seats"] == ["7"] and after["batch"]["new"] == 1
    assert after["sha256"] != before.sha256
    # Now without the line again: both versions are read, and rows are added to the newer one.
    assert open_dataset(before.uri) == before
    pd.testing.assert_frame_equal(read_listings(before.uri), listings)
    pd.testing.assert_frame_equal(read_quarantine(after["uri"]), quarantine)
    assert open_dataset(after["uri"]).sha256 == after["sha256"]
    assert len(read_listings(after["uri"])) == before.rows + 1
    assert stored(root, FEW).uri == after["uri"]
    later = stored(root, one_row(id="later", posting_date=DAYS[2]))
    assert later.rows == before.rows + 2
    again = with_seats(tmp_path, root, later.uri, tmp_path / "more.csv")
    assert again["seats"] == ["7"] and again["sha256"] == later.sha256
