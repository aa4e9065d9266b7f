"""The outbox keeps what it has acknowledged, whoever writes and whoever is killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.forwarder import drain as drain_module
from service.forwarder.drain import AnotherForwarder, DeadLetter, Drain
from service.forwarder.keeper import Keeper
from service.outbox import clock
from service.outbox.outbox import AlreadyAnswered, KeyReused, Outbox, OutboxFull, StoredAnswer
from service.outbox.records import Record
from vehicle_price.prediction_log.ids import member_id, new_id, split_id

ROOT = Path(__file__).resolve().parents[3]
WRITER = """
import sys
from vehicle_price.prediction_log.ids import new_id
from service.outbox.outbox import Outbox
from service.outbox.records import Record
outbox = Outbox(sys.argv[1], 2**26)
while True:
    one = Record(new_id(), "prediction", b"x" * 500)
    outbox.append(one)
    print(one.id, flush=True)
"""


def record(body=b"{}"):
    """A record with an id of its own."""
    return Record(new_id(), "prediction", body)


def append_all(outbox, *all_of_them):
    """One after the other."""
    for item in all_of_them:
        outbox.append(item)


@pytest.fixture(name="outbox")
def _outbox(tmp_path):
    return Outbox(tmp_path / "folder" / "outbox.sqlite", 2**24)


def test_a_record_can_be_read_by_another_process_once_append_has_returned(outbox):
    original = record(b'{"price": 1}')
    outbox.append(original)
    command = "import sys; from service.outbox.outbox import *; o = Outbox(sys.argv[1], 2**24); "
    command += "print(o.find(sys.argv[2], 'prediction').decode())"
    arguments = [sys.executable, "-c", command, str(outbox.file.path), original.id]
    finished = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout == '{"price": 1}\n'


def test_records_with_the_same_id_and_kind_or_time_are_all_kept(outbox):
    original = record(b"1")
    shadow = Record(original.id, "shadow", b"2")
    outbox.append(original)
    outbox.append(shadow)
    outbox.append(original._replace(id=original.id[:-8] + "00000000", body=b"3"))
    assert [w.record.body for w in Drain(outbox).batch()] == [b"1", b"2", b"3"]
    assert outbox.find(original.id, "shadow") == b"2"
    assert outbox.find(new_id(), "shadow") is None


def test_only_the_owner_can_read_the_outbox(outbox):
    outbox.append(record())
    assert outbox.file.path.stat().st_mode & 0o777 == 0o600
    assert outbox.file.path.parent.stat().st_mode & 0o777 == 0o700


def test_threads_and_processes_write_at_once_without_an_error(outbox):
    count, command = 300, WRITER.replace("while True", "for _ in range(300)")
    arguments = [sys.executable, "-c", command, str(outbox.file.path)]
    writers = []
    for _ in range(3):  # they open the new file at once, too
        # pylint: disable-next=consider-using-with
        writers.append(subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.DEVNULL))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: outbox.append(record()), range(count)))
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert outbox.fill().records == 4 * count


def test_what_was_acknowledged_survives_kill_9(outbox):
    arguments = [sys.executable, "-c", WRITER, str(outbox.file.path)]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        acknowledged = [writer.stdout.readline().strip() for _ in range(200)]
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += [line.strip() for line in writer.stdout if len(line) == 37]
    assert all(outbox.find(record_id, "prediction") for record_id in acknowledged)
    outbox.append(record())  # the dead writer's lock is nobody's


def test_a_full_outbox_refuses_keeps_what_it_has_and_takes_more_once_drained(tmp_path):
    outbox = Outbox(tmp_path / "outbox.sqlite", 300_000)
    kept_records = 0
    with pytest.raises(OutboxFull, match="forwarder"):
        for kept_records in range(1_000):
            outbox.append(record(b"x" * 1_000))
    fill, drain = outbox.fill(), Drain(outbox)
    assert fill.records == kept_records and 200_000 < fill.bytes <= fill.max_bytes * 17 / 16
    with pytest.raises(OutboxFull):
        outbox.append_once(record(b"x" * 100_000), StoredAnswer("key", b"1", b"answer"))
    assert outbox.replay("key", b"1") is None  # all or nothing
    drained = 0
    while waiting := drain.batch():
        drained += len(waiting)
        drain.delete(waiting)
    assert drained == kept_records
    outbox.append(record(b"x" * 1_000))
    assert outbox.fill().records == 1


def test_a_key_gives_the_first_answer_again_also_after_the_record_has_left(outbox):
    outbox.append_once(record(), StoredAnswer("key", b"request", b"answer"))
    Drain(outbox).delete(Drain(outbox).batch())
    assert outbox.replay("key", b"request") == b"answer"
    assert outbox.replay("another", b"request") is None
    with pytest.raises(KeyReused):
        outbox.replay("key", b"another request")


def test_a_long_answer_is_kept_packed_and_given_again_as_it_was(outbox):
    answer = b'{"predictions": [' + b'{"price": 15990}, ' * 10_000 + b"]}"
    outbox.append_once(record(), StoredAnswer("key", b"request", answer))
    assert outbox.replay("key", b"request") == answer
    assert outbox.fill().bytes < len(answer)


def test_of_two_requests_with_one_key_the_second_leaves_nothing(outbox):
    outbox.append_once(record(), StoredAnswer("key", b"request", b"first"))
    with pytest.raises(AlreadyAnswered):
        outbox.append_once(record(), StoredAnswer("key", b"request", b"second"))
    assert outbox.fill().records == 1
    assert outbox.replay("key", b"request") == b"first"


def test_a_key_is_forgotten_after_a_day(outbox, monkeypatch):
    outbox.append_once(record(), StoredAnswer("key", b"request", b"old"))
    tomorrow = clock._since_boot() + 24 * 3600  # pylint: disable=protected-access
    monkeypatch.setattr(clock, "_since_boot", lambda: tomorrow)
    assert outbox.replay("key", b"another") is None
    outbox.append_once(record(), StoredAnswer("key", b"another", b"new"))
    assert outbox.replay("key", b"another") == b"new"
    monkeypatch.setattr(clock, "_since_boot", lambda: tomorrow + 25 * 3600)
    assert Drain(outbox).delete_expired_answers() == 1


@pytest.mark.parametrize("days", [-400, 2, 40_000])
def test_a_clock_that_is_set_forgets_no_key(tmp_path, monkeypatch, days):
    path = tmp_path / "outbox.sqlite"
    Outbox(path, 2**24).append_once(record(), StoredAnswer("key", b"request", b"first"))
    moment = time.time() + days * 86_400
    monkeypatch.setattr(time, "time", lambda: moment)
    for outbox in (Outbox(path, 2**24), Outbox(path, 2**24)):
        assert outbox.replay("key", b"request") == b"first"
        assert Drain(outbox).delete_expired_answers() == 0


def test_a_crowded_outbox_forgets_answers_before_their_time(tmp_path, monkeypatch):
    outbox = Outbox(tmp_path / "outbox.sqlite", 400_000)
    drain = Drain(outbox)
    outbox.append_once(record(), StoredAnswer("key", b"request", os.urandom(320_000)))
    assert drain.delete_expired_answers() == 0  # too young
    monkeypatch.setattr(drain_module, "MIN_ANSWER_SECONDS", -1.0)
    assert drain.delete_expired_answers() == 1
    outbox.append(record(b"x" * 300_000))


def test_an_outbox_full_of_answers_makes_room_for_what_waits_in_a_journal(tmp_path, monkeypatch):
    outbox = Outbox(tmp_path / "outbox.sqlite", 400_000)
    drain = Drain(outbox)
    outbox.append_once(record(), StoredAnswer("key", b"request", os.urandom(330_000)))
    drain.delete(drain.batch())
    outbox.append(record(b"x" * 100_000))
    with pytest.raises(OutboxFull):
        outbox.collect()
    monkeypatch.setattr(drain_module, "MIN_ANSWER_SECONDS", -1.0)
    Keeper(Drain(outbox, 1_000)).step(100.0)
    assert [len(waiting.record.body) for waiting in drain.batch()] == [100_000]


def test_a_batch_is_the_oldest_records_and_large_ones_come_few_at_a_time(outbox):
    first = record(b"x" * drain_module.BATCH_BYTES)
    append_all(outbox, first, record(), record())
    drain = Drain(outbox)
    assert [waiting.record.id for waiting in drain.batch()] == [first.id]
    drain.delete(drain.batch())
    assert len(drain.batch()) == 2


def test_a_buried_record_is_out_of_the_way_and_counted(outbox):
    append_all(outbox, record(b"bad"), record(b"good"))
    drain = Drain(outbox)
    bad = drain.batch()[0]
    drain.move_to_dead_letters(DeadLetter(bad, "no reason"))
    assert [waiting.record.body for waiting in drain.batch()] == [b"good"]
    assert outbox.fill().dead_letters == 1


def test_there_is_one_forwarder_for_an_outbox(outbox):
    with Drain(outbox).exclusive():
        with pytest.raises(AnotherForwarder):
            with Drain(outbox).exclusive():
                pass
    with Drain(outbox).exclusive():
        pass


def test_the_wal_does_not_grow_while_a_keeper_runs(outbox):
    drain, wal = Drain(outbox), Path(f"{outbox.file.path}-wal")
    keeper = Keeper(Drain(Outbox(outbox.file.path, 2**24), 1_000))
    for second in range(100):
        for _ in range(30):
            outbox.append(record(b"x" * 3_000))
        drain.delete(drain.batch())
        keeper.step(float(second))
    assert wal.stat().st_size < 12_000_000  # SQLite by itself lets it become 16 MB
    assert not drain.batch()


def test_a_fork_opens_a_connection_of_its_own(outbox):
    outbox.append(record())
    pid = os.fork()
    if pid == 0:
        outbox.append(record())
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    outbox.append(record())
    assert outbox.fill().records == 3


def test_ids_are_unique_sort_by_time_and_name_their_request():
    made = [[] for _ in range(4)]
    threads = [
        threading.Thread(target=lambda ids: ids.extend(new_id() for _ in range(5_000)), args=(ids,))
        for ids in made
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = sum(made, [])
    assert len(set(ids)) == len(ids)
    assert all(sorted(ids, key=lambda i: i[:18]) == ids for ids in made)
    assert split_id(member_id(ids[0], 999)) == (ids[0], 999)
