"""The posting day of a raw row is the day that the contract finds for the listing."""

import pyarrow as pa

from unit_tests.helpers.store import RAW
from vehicle_price.contract.check import check
from vehicle_price.contract.posting_day import posting_days


def test_the_day_of_a_row_is_the_one_the_contract_finds():
    dates = pa.array(RAW["posting_date"], pa.string(), from_pandas=True)
    day_of = dict(zip(RAW["id"], posting_days(dates).to_pylist(), strict=True))
    for row in check(RAW).accepted.select(["id", "posting_day"]).to_pylist():
        assert day_of[row["id"]] == row["posting_day"]


def test_the_days_of_quarantined_rows_are_those_of_their_text_computed_once():
    batch = check(RAW)
    days = batch.quarantined_days
    assert days.equals(posting_days(batch.quarantined["posting_date"]))
    assert days is batch.quarantined_days
