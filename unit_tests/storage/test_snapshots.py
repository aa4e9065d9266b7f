"""The watermark of a source, and facts of a snapshot that were damaged."""

import json
from pathlib import Path

import pytest

from unit_tests.helpers.store import DAYS, stored
from vehicle_price.storage.dataset import open_dataset
from vehicle_price.storage.errors import StorageError
from vehicle_price.storage.snapshots import advanced_watermark


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


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"days": 1}'])
def test_damaged_facts_are_refused(tmp_path, damage):
    dataset = stored(tmp_path)
    Path(dataset.uri).write_text(damage, "utf-8")
    with pytest.raises(StorageError, match="damaged"):
        open_dataset(dataset.uri)
    (tmp_path / "listings/current.json").write_text(damage or "x", "utf-8")
    with pytest.raises(StorageError, match="current.json.*damaged"):
        stored(tmp_path)


def test_a_row_taken_out_of_the_facts_is_noticed(tmp_path):
    dataset = stored(tmp_path)
    facts = json.loads(Path(dataset.uri).read_text("utf-8"))
    del facts["days"][DAYS[0]]
    Path(dataset.uri).write_text(json.dumps(facts), "utf-8")
    with pytest.raises(StorageError, match="hash"):
        open_dataset(dataset.uri)
