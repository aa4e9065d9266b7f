"""From the journals into the outbox's table: each record once, whoever is killed."""

import fcntl
import logging
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.forwarder.drain import Drain
from service.outbox import journal
from service.outbox import outbox as outbox_module
from service.outbox import sqlite_file
from service.outbox.journal import Journal, framed, frames
from service.outbox.outbox import Outbox, OutboxUnavailable
from service.outbox.records import Record
from unit_tests.service.outbox.test_outbox import ROOT, WRITER, record
from vehicle_price.prediction_log.ids import new_id

COLLECTOR = """
import sys
from service.outbox.outbox import Outbox
outbox = Outbox(sys.argv[1], 2**26)
while True:
    outbox.collect()
"""


@pytest.fixture(name="path")
def _path(tmp_path):
    return tmp_path / "outbox.sqlite"


def started(code, path):
    """A process that runs `code` on the outbox."""
    arguments = [sys.executable, "-c", code, str(path)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def bodies(path):
    """What waits, in its order."""
    return [waiting.record.body for waiting in Drain(Outbox(path, 2**26)).batch()]


@given(st.lists(st.tuples(st.sampled_from(journal.KINDS), st.binary(max_size=300))), st.data())
def test_frames_are_read_as_written_up_to_one_that_is_cut_or_changed(about, data):
    written = [Record(new_id(), kind, body) for kind, body in about]
    content = b"".join(map(framed, written))
    assert [frame_record for frame_record, _ in frames(content)] == written
    ends = [end for _, end in frames(content)]
    if content:
        position = data.draw(st.integers(0, len(content) - 1))
        whole = sum(end <= position for end in ends)
        assert [frame_record for frame_record, _ in frames(content[:position])] == written[:whole]
        changed = content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]
        assert [frame_record for frame_record, _ in frames(changed)] == written[:whole]


def test_a_kind_of_a_later_version_is_read_and_none_of_ours():
    frame = journal.HEAD.pack(0, 2, new_id().encode(), 7)[journal.CRC_BYTES :] + b"{}"
    content = journal.crc32(frame).to_bytes(journal.CRC_BYTES, "little") + frame
    assert [frame_record.kind for frame_record, _ in frames(content)] == ["kind 7"]


def test_what_was_appended_is_found_before_and_after_it_is_collected(path):
    ours, theirs = Outbox(path, 2**24), Outbox(path, 2**24)
    first = record(b"1")
    ours.append(first)
    for _ in range(2):
        assert (
            theirs.find(first.id, "prediction") == b"1" and theirs.find(first.id, "shadow") is None
        )
        assert theirs.fill().records == 1 and theirs.fill().oldest_seconds > 0
        theirs.collect()
    Drain(theirs).delete(Drain(theirs).batch())
    assert theirs.find(first.id, "prediction") is None  # though the journal still has it


def test_a_journal_is_removed_when_its_writer_is_gone_and_not_before(path):
    ours, theirs = Outbox(path, 2**24), Outbox(path, 2**24)
    ours.append(record(b"1"))
    theirs.collect()
    assert len(journal.files(path.parent)) == 1
    ours.append(record(b"2"))
    ours.close()
    theirs.collect()
    assert not journal.files(path.parent) and bodies(path) == [b"1", b"2"]


def test_a_long_journal_is_collected_by_its_writer(path, monkeypatch):
    monkeypatch.setattr(outbox_module, "JOURNAL_BYTES", 10_000)
    ours = Outbox(path, 2**24)
    for number in range(1_000):
        ours.append(record(b"%01000d" % number))
        assert sum(file.stat().st_size for file in journal.files(path.parent)) < 12_000
    assert len(journal.files(path.parent)) == 1
    numbers, drain = [], Drain(ours)
    while waiting := drain.batch():
        numbers += [int(queued.record.body) for queued in waiting]
        drain.delete(waiting)
    assert numbers == list(range(1_000))


def test_what_a_killed_writer_left_half_is_put_aside_and_said(path, caplog):
    ours = Outbox(path, 2**24)
    ours.append(record(b"1"))
    ours.close()
    (left,) = journal.files(path.parent)
    with left.open("ab") as file:
        file.write(framed(record(b"never answered"))[:-3])
    second = Outbox(path, 2**24)
    second.append(record(b"2"))
    with caplog.at_level(logging.WARNING):
        second.collect()
    assert bodies(path) == [b"1", b"2"]
    assert left.with_suffix(".rest").exists() and "no whole record" in caplog.text


def test_a_record_that_is_being_written_is_left_for_later(path):
    Outbox(path, 2**24).collect()  # makes the folder and the table
    frame = framed(record(b"whole, later"))
    with (path.parent / ("1" + journal.SUFFIX)).open("wb", buffering=0) as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        writer.write(frame[:50])
        assert not bodies(path)
        writer.write(frame[50:])
        assert bodies(path) == [b"whole, later"]
    assert bodies(path) == [b"whole, later"]


def test_a_refused_write_leaves_nothing_behind(tmp_path, monkeypatch):
    ours = Journal(tmp_path, 2**20)
    ours.open()
    ours.write(framed(record(b"1")))
    really, outcomes = os.write, [20, OSError(28, "No space left on device")]

    def full(file, content):
        outcome = outcomes.pop(0)
        if isinstance(outcome, OSError):
            raise outcome
        return really(file, content[:outcome])

    monkeypatch.setattr(journal.os, "write", full)
    with pytest.raises(OSError, match="No space"):
        ours.write(framed(record(b"2")))
    monkeypatch.undo()
    ours.write(framed(record(b"3")))
    (file,) = journal.files(tmp_path)
    assert [frame_record.body for frame_record, _ in frames(file.read_bytes())] == [b"1", b"3"]


def test_20_killed_writers_and_collectors_lose_and_double_nothing(path):
    rng, acknowledged = random.Random(5), []
    for _ in range(20):
        with started(WRITER, path) as writer, started(COLLECTOR, path) as collector:
            acknowledged += [writer.stdout.readline().strip() for _ in range(100)]
            time.sleep(rng.uniform(0, 0.05))
            os.kill(collector.pid, signal.SIGKILL)
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged += [line.strip() for line in writer.stdout if len(line) == 37]
    record_ids, drain = [], Drain(Outbox(path, 2**26))
    while waiting := drain.batch():
        record_ids += [queued.record.id for queued in waiting]
        drain.delete(waiting)
    assert len(record_ids) == len(set(record_ids)) and set(acknowledged) <= set(record_ids)
    assert not journal.files(Path(path).parent)


def test_a_worker_begins_a_new_journal_while_the_forwarder_holds_the_table(path, monkeypatch):
    monkeypatch.setattr(outbox_module, "JOURNAL_BYTES", 10_000)
    ours, drain = Outbox(path, 2**24), Drain(Outbox(path, 2**24))
    with drain.exclusive(), drain.file.writing():
        for number in range(40):  # needs several journals, and may wait for nobody
            ours.append(record(b"%01000d" % number))
        assert len(journal.files(path.parent)) > 2
    drain.collect()
    assert [int(body) for body in bodies(path)] == list(range(40))


def test_a_worker_helps_a_forwarder_that_is_far_behind(path, monkeypatch):
    monkeypatch.setattr(outbox_module, "JOURNAL_BYTES", 10_000)
    ours, drain = Outbox(path, 2**24), Drain(Outbox(path, 2**24))
    with drain.exclusive():
        for number in range(400):
            ours.append(record(b"%01000d" % number))
            assert journal.total_bytes(path.parent) < (outbox_module.BACKLOG_JOURNALS + 2) * 11_000
    ours.close()
    drain.collect()
    assert [queued.record.body for queued in drain.batch()] == bodies(path)
    assert drain.outbox.fill().records == 400


def test_a_stopped_writer_ends_in_an_error_and_not_in_waiting(path, monkeypatch):
    monkeypatch.setattr(sqlite_file, "LOCK_SECONDS", 0.05)
    ours, theirs = Outbox(path, 2**24), Outbox(path, 2**24)
    ours.fill()
    with theirs.file.writing(), pytest.raises(OutboxUnavailable, match="locked by another process"):
        ours.collect()
    ours.collect()


def test_what_follows_a_frame_that_could_not_be_removed_is_readable(path, monkeypatch):
    """A short write whose remains cannot be cut off: later records go to another file."""
    ours, write, cut = Outbox(path, 2**24), os.write, os.ftruncate
    ours.append(record(b"1"))

    def short(descriptor, content):
        if len(content) < 100:
            raise OSError(28, "No space left on device")
        return write(descriptor, content[:100])

    def broken(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "write", short)
    monkeypatch.setattr(os, "ftruncate", broken)
    with pytest.raises(OutboxUnavailable):
        ours.append(record(b"x" * 120))
    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "ftruncate", cut)
    for number in range(5):
        ours.append(record(b"later %d" % number))
    assert bodies(path) == [b"1", *(b"later %d" % number for number in range(5))]


def test_a_journal_has_its_name_only_while_it_is_locked(path, monkeypatch):
    seen, rename = [], Path.rename

    def watched(draft, target):
        seen.append(journal.files(path.parent))
        rename(draft, target)
        with Path(target).open("rb") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)

    monkeypatch.setattr(Path, "rename", watched)
    Outbox(path, 2**24).append(record(b"1"))
    assert seen == [[]]
