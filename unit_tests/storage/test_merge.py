"""Merged rows depend on neither the order of the tables nor repetition."""

import pyarrow as pa

from unit_tests.helpers.store import RAW
from vehicle_price.contract.check import QUARANTINE_SCHEMA, check
from vehicle_price.storage.content_hash import content_hash
from vehicle_price.storage.merge import merge_listings, merge_quarantine

LISTINGS = check(RAW).accepted


def test_merging_is_the_same_in_any_order_and_any_number_of_times():
    changed = LISTINGS.set_column(2, "price", pa.array([777] * len(LISTINGS), pa.int64()))
    tables = [LISTINGS.slice(0, 200), changed.slice(100, 200), LISTINGS.slice(150)]
    once = merge_listings(*tables)
    assert len(once) == len(LISTINGS)
    for again in (merge_listings(*tables[::-1]), merge_listings(once, *tables, once)):
        assert again.equals(once)


def test_merging_refused_rows_is_too():
    quarantined = check(RAW).quarantined
    tables = [quarantined.slice(0, 50), quarantined.slice(20), quarantined.slice(20)]
    once = merge_quarantine(*tables)
    assert len(once) == len(quarantined)
    for again in (merge_quarantine(*tables[::-1]), merge_quarantine(once, *tables)):
        assert content_hash(again) == content_hash(once)


def test_nothing_merged_with_nothing_is_nothing():
    assert merge_listings(LISTINGS.slice(0, 0)).num_rows == 0
    assert merge_quarantine(QUARANTINE_SCHEMA.empty_table()).num_rows == 0
