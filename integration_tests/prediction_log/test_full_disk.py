"""A disk that is really full: prices are refused, nothing acknowledged is lost, and the forwarder
makes room without more disk. Needs a small file system, so root (or a container)."""

import os
import subprocess

import pytest

from service.forwarder.drain import Drain
from service.outbox import codec
from service.outbox.outbox import Outbox
from unit_tests.helpers.service_fakes import REQUIRED, app_with
from vehicle_price.prediction_log.rows import joined

SIZE, RESERVE = 8_000_000, 4_500_000  # as in earnest, moving the whole WAL fits into the reserve


@pytest.fixture(name="disk")
def _disk(tmp_path):
    """A file system of eight megabytes."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def answers_until_full(client):
    """The ids of what is answered until the disk is full, and the refusal."""
    ids = []
    while (answer := client.post("/predict", json=REQUIRED)).status_code == 200:
        ids.append(answer.get_json()["prediction_id"])
    return ids, answer


@pytest.mark.parametrize("others_take_the_rest", [False, True])
def test_a_full_disk_loses_nothing_and_empties_itself(disk, others_take_the_rest):
    client = app_with(disk).test_client()
    drain = Drain(Outbox(disk / "outbox.sqlite", 2**29), RESERVE)
    assert drain.keep_reserve()
    answered, refused = answers_until_full(client)
    if others_take_the_rest:
        with (disk / "other").open("wb") as other, pytest.raises(OSError, match="No space"):
            while True:
                os.write(other.fileno(), b"x" * 4096)
    assert refused.status_code == 503 and refused.get_json()["type"].endswith(":log-full")
    drained = []
    while waiting := drain.batch():
        rows = joined([codec.rows(one.record) for one in waiting])
        drained += [row.prediction_id for row in rows.predictions]
        drain.arrived(waiting)
    assert len(answered) > 500 and drained == answered
    more, _ = answers_until_full(client)
    assert len(more) > 100
    assert client.get("/health").status_code == 200
