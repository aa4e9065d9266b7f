"""The log files of a failed test: copied before their folders are deleted, named in its report.

A harness (the processes that a group of tests needs) calls `keep_logs`; conftest.py adds the
section to the report.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".local" / "failed-test-logs"
# Not "error" alone: Airflow gives this level to all standard error, progress bars included.
ERROR = re.compile(r"\b(ERROR|CRITICAL|FATAL|PANIC|Traceback|error_detail|\w+(Error|Exception))\b")
MOST_NAMED = 12  # log files without errors; the platform has many more, of Airflow's tasks
LINES_BEFORE, LINES_AFTER = 9, 5  # of the last line that looks like an error

_running: dict[Path, str] = {}  # folder of a running harness → the fixture that tests need it by
_failed_starts: list[Path] = []  # copies that no report has named yet


@contextmanager
def keep_logs(folder: Path, fixture: str = "") -> Iterator[None]:
    """Copy the log files below `folder` when a test fails while this block runs.

    fixture: only tests that use this fixture. A harness that does not start fails the test that
    asked for it, when `folder` may be gone: so an exception in the block copies the files at once.
    """
    _running[folder] = fixture
    try:
        yield
    except Exception:
        _failed_starts.append(_copy(folder, KEPT / f"start-of-{folder.name}"))
        raise
    finally:
        del _running[folder]


def report_section(item: pytest.Item) -> str:
    """Copy the log files of the harnesses that `item` used; their paths and the last errors."""
    target = KEPT / re.sub(r"\W+", "-", f"{item.path.stem}-{item.name}")[:100]
    copies, _failed_starts[:] = list(_failed_starts), []
    for number, (folder, fixture) in enumerate(_running.items()):
        if not fixture or fixture in getattr(item, "fixturenames", ()):
            copies.append(_copy(folder, target / str(number)))
    return "\n".join(line for copy in copies for line in _described(copy))


def _copy(folder: Path, target: Path) -> Path:
    """Copy each log file that is not empty, with its path relative to `folder`."""
    shutil.rmtree(target, ignore_errors=True)
    for log in _log_files(folder):
        copy = target / log.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, copy)
    return target


def _log_files(folder: Path) -> list[Path]:
    found = [*folder.glob("*.log"), *(folder / "logs").rglob("*.log")]
    return [log for log in sorted(found) if log.is_file() and log.stat().st_size]


def _described(folder: Path) -> Iterator[str]:
    """The log files in a folder of copies: first those with errors, each with its last error."""
    silent = []
    for log in sorted(folder.rglob("*.log")):
        lines = log.read_text("utf-8", errors="replace").splitlines()
        errors = [index for index, line in enumerate(lines) if ERROR.search(line)]
        if not errors:
            silent.append(log)
            continue
        yield f"{log.relative_to(ROOT)}, its last error:"
        first = max(0, errors[-1] - LINES_BEFORE)
        for number, line in enumerate(lines[first : errors[-1] + LINES_AFTER + 1], first + 1):
            yield f"    {number}: {line[:300]}"
    if len(silent) > MOST_NAMED:
        yield f"{folder.relative_to(ROOT)}: {len(silent)} log files without errors"
    else:
        yield from (f"{log.relative_to(ROOT)}, without errors" for log in silent)
