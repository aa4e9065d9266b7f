"""An S3 that refuses requests or loses answers while the store is written, and recovers."""

import pandas as pd
import pytest

from integration_tests.storage.s3_proxy import NO_ANSWER, S3Request
from integration_tests.storage.s3_server import BUCKET
from unit_tests.helpers.store import DAYS, RAW, one_row, stored
from vehicle_price.storage.dataset import read_listings
from vehicle_price.storage.errors import StorageUnavailable
from vehicle_price.storage.store import Store

ROOT = f"s3://{BUCKET}/refused"
LOG = "_delta_log/"
ATTEMPTS = 5  # of a request at most


def is_log(request: S3Request, table: str = "") -> bool:
    """Whether a request writes to the log of a table."""
    return request.method == "PUT" and f"{table}/{LOG}" in request.path


def is_read_log(request: S3Request) -> bool:
    """Whether a request reads a log."""
    return request.method == "GET" and LOG in request.path


def is_file(request: S3Request) -> bool:
    """Whether a request writes the rows of a day."""
    return request.method == "PUT" and request.path.endswith(".parquet")


FAULTS = {
    "files": lambda request: 503 * is_file(request),
    "log of the quarantine": lambda request: 503 * is_log(request, "quarantine"),
    "log of the accepted rows": lambda request: 503 * is_log(request, "accepted"),
    "reading": lambda request: 503 * is_read_log(request),
    "no answer for the logs": lambda request: NO_ANSWER * is_log(request),
}


@pytest.fixture(name="store", scope="module")
def _store(proxied) -> Store:
    """A store with some listings."""
    del proxied
    stored(ROOT, RAW.head(60))
    return Store(ROOT)


def good_and_bad(name: str) -> pd.DataFrame:
    """A listing that is accepted and one that is refused, of the same day."""
    good = one_row(id=name, posting_date=DAYS[2])
    return pd.concat([good, good.assign(id=f"bad {name}", price="1")])


@pytest.mark.parametrize("fault", FAULTS)
def test_a_refusing_s3_ends_an_ingest_as_what_passes_and_the_next_one_stores_everything(
    s3, store, fault
):
    before = store.content()
    rows = good_and_bad(fault)
    s3.refusal = FAULTS[fault]
    with pytest.raises(StorageUnavailable, match="try again later|Repeat this"):
        stored(ROOT, rows)
    assert 1 < s3.refused <= 2 * ATTEMPTS  # files of both tables may be written at once
    s3.forward_all()
    assert store.content().accepted == before.accepted
    dataset = stored(ROOT, rows)
    assert dataset.batch["new"] == 1
    assert fault in read_listings(dataset.uri)["id"].to_list()
    assert dataset.quarantined == before.facts.quarantined + 1


@pytest.mark.parametrize("table", ["quarantine", "accepted"])
def test_a_commit_whose_answer_is_lost_counts_once(s3, store, table):
    lost = []

    def loses_first(request: S3Request) -> bool:
        if is_log(request, table):
            lost.append(request)
        return len(lost) == 1 and request is lost[0]

    before = store.content()
    rows = good_and_bad(f"lost {table}")
    s3.loses_answer = loses_first
    dataset = stored(ROOT, rows)
    assert len(lost) == 2  # it was sent once more, and refused as a version that exists
    assert dataset.batch["new"] == 1
    after = store.content()
    assert after.version == before.version + 1
    assert after.facts.quarantine == before.facts.quarantine + 1
    assert len(read_listings(dataset.uri)) == dataset.rows
