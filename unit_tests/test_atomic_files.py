"""Files change at once or not at all, and a lock ends with its process."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vehicle_price.atomic_files import (
    create_file,
    lock,
    lock_within,
    replace_file,
    try_lock,
    unlock,
)


def test_a_reader_never_sees_a_partial_file(tmp_path):
    path = tmp_path / "new folder" / "state.json"
    contents = {bytes([letter]) * 200_000 for letter in b"abc"}
    replace_file(path, min(contents), sync=False)
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            for content in contents:
                replace_file(path, content, sync=False)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        assert all(path.read_bytes() in contents for _ in range(300))
    finally:
        done.set()
        for writer in writers:
            writer.join()
    assert [file.name for file in path.parent.iterdir()] == ["state.json"]


@pytest.mark.parametrize("write", [replace_file, create_file])
def test_a_file_has_the_mode_asked_for_less_the_umask(tmp_path, write):
    write(tmp_path / "secret", b"x", mode=0o600)
    write(tmp_path / "plain", b"x")
    umask = os.umask(0)
    os.umask(umask)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("secret", "plain")]
    assert modes == [0o600, 0o666 & ~umask]


def test_creating_never_replaces_a_file(tmp_path):
    create_file(tmp_path / "key", b"first")
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_of_many_creating_at_once_one_succeeds(tmp_path):
    created = []

    def create(number: int) -> None:
        try:
            create_file(tmp_path / "key", str(number).encode())
            created.append(number)
        except FileExistsError:
            pass

    threads = [threading.Thread(target=create, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [str(number).encode() for number in created] == [(tmp_path / "key").read_bytes()]


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    replace_file(tmp_path / "file", b"old")

    def full(_) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(tmp_path / "file", b"new")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("file", b"old")]


def test_a_killed_writer_leaves_its_draft_in_the_folder_for_drafts_and_nothing_else(tmp_path):
    program = (
        "import os, sys, pathlib\n"
        "from vehicle_price.atomic_files import replace_file\n"
        "os.fsync = lambda _: os.kill(os.getpid(), 9)\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "replace_file(folder / 'file', b'x', draft_folder=folder / '.drafts')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert ended.returncode == -9
    assert [file.name for file in tmp_path.iterdir()] == [".drafts"]
    assert len(list((tmp_path / ".drafts").iterdir())) == 1


@contextmanager
def _locked_by_another_process(path: Path) -> Iterator[subprocess.Popen]:
    """A process that has the lock `path` until its standard input is closed or it is killed."""
    program = (
        "import sys, pathlib\n"
        "from vehicle_price.atomic_files import lock\n"
        "with lock(pathlib.Path(sys.argv[1])):\n"
        "    print('locked', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "locked\n"
        yield process


def test_a_lock_ends_with_its_process_even_when_it_is_killed(tmp_path):
    path = tmp_path / "lock"
    with _locked_by_another_process(path) as owner:
        with path.open("ab") as file:
            assert not try_lock(file)
            owner.kill()
            owner.wait()
            assert try_lock(file)


def test_waiting_for_a_lock_ends_with_the_timeout(tmp_path):
    path = tmp_path / "folder" / "lock"
    with lock(path):
        with pytest.raises(TimeoutError, match="lock was locked by another process for 0.1 s"):
            with lock(path, timeout=0.1):
                pass
    with lock(path, timeout=0.1):
        pass


@pytest.mark.parametrize("timeout", [None, 20])
def test_who_waits_says_so_once_and_gets_the_lock_when_it_is_free(tmp_path, timeout):
    path, waiting = tmp_path / "lock", []
    with _locked_by_another_process(path) as owner:

        def release() -> None:
            waiting.append("waiting")
            assert owner.stdin is not None
            owner.stdin.close()

        with lock(path, timeout, when_waiting=release):
            assert waiting == ["waiting"]
    with lock(path, when_waiting=release):
        assert waiting == ["waiting"]


def test_of_shared_and_exclusive_locks_one_kind_waits_for_the_other(tmp_path):
    with (tmp_path / "lock").open("w") as first, (tmp_path / "lock").open() as second:
        lock_within(first, 0, shared=True)
        lock_within(second, 0, shared=True)
        with pytest.raises(TimeoutError):
            lock_within(first, 0.01)
        unlock(second)
        lock_within(first, 0)
        with pytest.raises(TimeoutError):
            lock_within(second, 0.01, shared=True)
