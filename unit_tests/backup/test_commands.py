import os
import resource
import stat
import sys

import pytest

from setup.backup.commands import Command, give_input, save_output
from setup.backup.errors import BackupError
from setup.backup.manifest import facts_of


def python(text):
    """A command that runs this text."""
    return Command((sys.executable, "-c", text), dict(os.environ))


def test_output_is_saved_with_its_size_and_hash(tmp_path):
    path = tmp_path / "out"
    facts = save_output(python("print('x' * 3_000_000)"), path)
    assert facts == facts_of(path)
    assert facts.bytes == 3_000_001
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_command_that_fails_is_named_with_its_words(tmp_path):
    failing = python("import sys; print('x'); sys.exit('no such database')")
    with pytest.raises(BackupError, match="python.* ended with 1: no such database"):
        save_output(failing, tmp_path / "out")
    (tmp_path / "in").write_bytes(b"")
    with pytest.raises(BackupError, match="ended with 1: no such database"):
        give_input(failing, tmp_path / "in")


def test_a_disk_that_takes_no_more_ends_the_backup(tmp_path):
    """Here by a limit of this process: the write fails as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, limits[1]))
    try:
        with pytest.raises(BackupError, match="out cannot be written .File too large.: make room"):
            save_output(python("while True: print('x' * 100_000)"), tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_command_reads_the_file(tmp_path):
    (tmp_path / "in").write_text("rows", "utf-8")
    copy = tmp_path / "copy"
    give_input(
        python(f"import sys; open({str(copy)!r}, 'w').write(sys.stdin.read())"), tmp_path / "in"
    )
    assert copy.read_text("utf-8") == "rows"
