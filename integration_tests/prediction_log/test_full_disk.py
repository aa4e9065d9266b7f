"""A full disk: predictions are refused, no acknowledged one is lost, and the forwarder frees space
without needing more. The test mounts a small file system, so it needs root."""

import os
import subprocess

import pytest

from service.forwarder.drain import Drain
from service.outbox import codec
from service.outbox.outbox import Outbox
from unit_tests.helpers.service_fakes import REQUIRED, app_with
from vehicle_price.prediction_log.rows import concatenate

SIZE, RESERVE = 8_000_000, 4_500_000  # as in production, the reserve has room for the whole WAL


@pytest.fixture(name="disk")
def _disk(tmp_path):
    """A file system of eight megabytes."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def answers_until_full(client):
    """The ids of the predictions until the disk is full, and the refusal."""
    ids = []
    while (answer := client.post("/predict", json=REQUIRED)).status_code == 200:
        ids.append(answer.get_json()["prediction_id"])
    return ids, answer


@pytest.mark.parametrize("filled_by_others", [False, True])
def test_a_full_disk_loses_nothing_and_is_emptied_by_the_forwarder(disk, filled_by_others):
    client = app_with(disk).test_client()
    drain = Drain(Outbox(disk / "outbox.sqlite", 2**29), RESERVE)
    assert drain.keep_reserve()
    answered, refusal = answers_until_full(client)
    if filled_by_others:
        with (disk / "filler").open("wb") as filler, pytest.raises(OSError, match="No space"):
            while True:
                os.write(filler.fileno(), b"x" * 4096)
    assert refusal.status_code == 503 and refusal.get_json()["type"].endswith(":log-full")
    drained = []
    while batch := drain.batch():
        rows = concatenate([codec.rows_of(waiting.record) for waiting in batch])
        drained += [row.prediction_id for row in rows.predictions]
        drain.delete(batch)
    assert len(answered) > 500 and drained == answered
    answered_later, _ = answers_until_full(client)
    assert len(answered_later) > 100
    assert client.get("/health").status_code == 200
