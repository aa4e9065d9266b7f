"""The content hash differs where the content differs, and nowhere else."""

import pyarrow as pa
import pytest

from unit_tests.helpers.store import RAW
from vehicle_price.contract.check import check
from vehicle_price.storage.content_hash import content_hash, day_hash
from vehicle_price.storage.merge import row_text

LISTINGS = check(RAW).accepted


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


def test_a_later_column_counts_where_it_has_values():
    empty = LISTINGS.append_column("seats", pa.nulls(len(LISTINGS), pa.string()))
    one = pa.array(["7"] + [None] * (len(LISTINGS) - 1), pa.string())
    valued = LISTINGS.append_column("seats", one)
    assert day_hash(empty) == day_hash(LISTINGS) == content_hash(LISTINGS) != day_hash(valued)


def test_the_order_of_columns_does_not_count_for_a_day():
    more = LISTINGS.append_column("b", LISTINGS["id"]).append_column("a", LISTINGS["VIN"])
    assert day_hash(more.select(more.column_names[::-1])) == day_hash(more)


def test_a_column_of_the_first_format_counts_without_values_too():
    without = LISTINGS.set_column(
        LISTINGS.column_names.index("VIN"), "VIN", pa.nulls(len(LISTINGS), pa.string())
    )
    assert day_hash(without) == content_hash(without) != day_hash(without.drop_columns("VIN"))
