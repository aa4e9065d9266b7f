"""The small parts of the store: days, spool, merging, fingerprint."""

import pyarrow as pa
import pytest

from unit_tests.helpers.store import RAW
from vehicle_price.contract.check import QUARANTINE_SCHEMA, check
from vehicle_price.contract.posting_day import posting_days
from vehicle_price.storage import watermark
from vehicle_price.storage.content_hash import content_hash
from vehicle_price.storage.merge import merge_listings, merge_quarantine, row_text
from vehicle_price.storage.spool import Spool

LISTINGS = check(RAW).accepted


def test_the_day_of_a_row_is_the_one_the_contract_finds():
    dates = pa.array(RAW["posting_date"], pa.string(), from_pandas=True)
    found = dict(zip(RAW["id"], posting_days(dates).to_pylist(), strict=True))
    for row in LISTINGS.select(["id", "posting_day"]).to_pylist():
        assert found[row["id"]] == row["posting_day"]


@pytest.mark.parametrize("rows", [1, 50, 100_000])
@pytest.mark.parametrize("held", [1, 20_000, 1 << 30])
def test_a_spool_gives_back_what_was_put_down_day_by_day(tmp_path, monkeypatch, rows, held):
    monkeypatch.setattr("vehicle_price.storage.spool.SORTED_ROWS", rows)
    monkeypatch.setattr("vehicle_price.storage.spool.HELD_BYTES", held)
    spool = Spool(tmp_path / "spool", LISTINGS.schema)
    for start in range(0, len(LISTINGS), 30):
        part = LISTINGS.slice(start, 30)
        spool.add(part, part["posting_day"])
    days = LISTINGS["posting_day"].to_pylist()
    assert spool.days() == sorted(set(days))
    for day in spool.days():
        expected = [row for row in LISTINGS.to_pylist() if row["posting_day"] == day]
        assert spool.of_day(day).to_pylist() == expected
        assert spool.rows[day] == len(expected) == days.count(day)


def test_an_empty_spool_has_no_days(tmp_path):
    spool = Spool(tmp_path / "spool", LISTINGS.schema)
    spool.add(LISTINGS.slice(0, 0), pa.array([], pa.string()))
    assert spool.days() == [] and spool.of_day("2021-04-04").num_rows == 0


def test_how_a_table_lies_in_memory_does_not_count():
    same = [
        LISTINGS,
        LISTINGS.combine_chunks(),
        pa.concat_tables([LISTINGS.slice(0, 7), LISTINGS.slice(7)]),
        pa.concat_tables([LISTINGS, LISTINGS]).slice(len(LISTINGS)),
    ]
    assert len({content_hash(table) for table in same}) == 1
    lists = pa.table({"a": pa.array([["x", "y"], [], None, ["z"]], pa.list_(pa.string()))})
    assert content_hash(lists) == content_hash(pa.concat_tables([lists, lists]).slice(4))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([["ab", "c"]], [["a", "bc"]]),
        ([["", "a"]], [[None, "a"]]),
        ([["a", None]], [["a", ""]]),
        ([["a", "b"], ["c", "d"]], [["c", "d"], ["a", "b"]]),
        ([["a", "b"]], [["a", "b"], ["a", "b"]]),
    ],
)
def test_what_differs_has_another_hash_and_another_text(left, right):
    names = ["one", "two"]
    tables = [pa.table(list(map(list, zip(*rows))), names=names) for rows in (left, right)]
    tables = [table.cast(pa.schema([(name, pa.string()) for name in names])) for table in tables]
    assert content_hash(tables[0]) != content_hash(tables[1])
    assert row_text(tables[0]).to_pylist() != row_text(tables[1]).to_pylist()


def test_the_split_of_a_list_counts():
    kind = pa.list_(pa.string())
    tables = [pa.table({"a": pa.array(v, kind)}) for v in ([["a"], ["b"]], [["a", "b"], []])]
    assert content_hash(tables[0]) != content_hash(tables[1])


def test_merging_is_the_same_in_any_order_and_any_number_of_times():
    changed = LISTINGS.set_column(2, "price", pa.array([777] * len(LISTINGS), pa.int64()))
    parts = [LISTINGS.slice(0, 200), changed.slice(100, 200), LISTINGS.slice(150)]
    once = merge_listings(*parts)
    assert len(once) == len(LISTINGS)
    for again in (merge_listings(*parts[::-1]), merge_listings(once, *parts, once)):
        assert again.equals(once)


def test_merging_refused_rows_is_too():
    refused = check(RAW).quarantined
    parts = [refused.slice(0, 50), refused.slice(20), refused.slice(20)]
    once = merge_quarantine(*parts)
    assert len(once) == len(refused)
    for again in (merge_quarantine(*parts[::-1]), merge_quarantine(once, *parts)):
        assert content_hash(again) == content_hash(once)


def test_nothing_merged_with_nothing_is_nothing():
    assert merge_listings(LISTINGS.slice(0, 0)).num_rows == 0
    assert merge_quarantine(QUARANTINE_SCHEMA.empty_table()).num_rows == 0


@pytest.mark.parametrize(
    ("mark", "since", "until", "newest", "expected"),
    [
        ("", "", "", "2021-04-07", "2021-04-07"),
        ("", "", "", "", ""),
        ("2021-04-05", "", "", "2021-04-03", "2021-04-05"),
        ("2021-04-05", "2021-04-06", "", "", "2021-04-05"),
        ("2021-04-05", "2021-04-01", "2077-01-01", "2021-04-09", "2021-04-20"),
    ],
)
def test_the_mark_moves_only_over_days_that_were_read(mark, since, until, newest, expected):
    assert watermark.moved(mark, since, until, newest, "2021-04-20") == expected
