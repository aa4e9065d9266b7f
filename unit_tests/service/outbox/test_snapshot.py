"""The copy of the outbox that a backup takes."""

import io
import tarfile

import pytest

from service.outbox.outbox import Outbox, StoredAnswer
from service.outbox.records import Record
from service.outbox.snapshot import NAME, write_snapshot
from vehicle_price.prediction_log.ids import new_id

MAX_BYTES = 2**24


@pytest.fixture(name="outbox")
def _outbox(tmp_path):
    outbox = Outbox(tmp_path / "old" / NAME, MAX_BYTES)
    yield outbox
    outbox.close()


def copy_of(folder, target):
    """The outbox in the copy."""
    stream = io.BytesIO()
    write_snapshot(folder, MAX_BYTES, stream)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as tar:
        (member,) = tar.getmembers()
        target.mkdir()
        (target / NAME).write_bytes(tar.extractfile(member).read())
    return Outbox(target / NAME, MAX_BYTES)


def test_a_copy_has_the_records_of_journals_and_of_the_table(outbox, tmp_path):
    journalled, stored = Record(new_id(), "prediction", b"1"), Record(new_id(), "prediction", b"2")
    outbox.append(journalled)
    outbox.append_once(stored, StoredAnswer("key", b"fingerprint", b"answer"))
    copy = copy_of(outbox.folder, tmp_path / "new")
    assert copy.find(journalled.id, "prediction") == b"1"
    assert copy.find(stored.id, "prediction") == b"2"
    assert copy.replay("key", b"fingerprint") == b"answer"
    copy.close()


def test_workers_go_on_during_and_after_a_copy(outbox, tmp_path):
    before, after = Record(new_id(), "prediction", b"1"), Record(new_id(), "prediction", b"2")
    outbox.append(before)
    copy = copy_of(outbox.folder, tmp_path / "new")
    outbox.append(after)
    assert outbox.find(after.id, "prediction") == b"2"
    assert copy.find(after.id, "prediction") is None
    copy.append(after)
    copy.collect()
    assert copy.fill().records == 2
    copy.close()


def test_nothing_is_left_beside_the_outbox(outbox, tmp_path):
    outbox.append(Record(new_id(), "prediction", b"1"))
    (outbox.folder / "snapshot-of-a-killed-one").touch()
    copy_of(outbox.folder, tmp_path / "new").close()
    assert not list(outbox.folder.glob("snapshot-*"))


def test_where_there_is_no_outbox_the_copy_is_empty(tmp_path):
    stream = io.BytesIO()
    write_snapshot(tmp_path / "missing", MAX_BYTES, stream)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as tar:
        assert tar.getnames() == []
    assert not (tmp_path / "missing").exists()
