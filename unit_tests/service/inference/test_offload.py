"""Work beside the event loop, with and without gevent."""

import subprocess
import sys
from pathlib import Path

import pytest

from service.inference.offload import ahead

ROOT = Path(__file__).resolve().parents[3]
UNDER_GEVENT = """
from gevent import monkey
monkey.patch_all()
import gevent, threading
from service.inference.offload import ahead, off_loop
def square(n):
    if n == 7:
        raise ValueError("seven")
    return n * n, gevent.get_hub() is not hub
hub, begun = gevent.get_hub(), []
def numbers(last):
    for n in range(last):
        begun.append(n)
        yield n
assert list(ahead(square, [])) == []
found = []
for value in ahead(square, numbers(5)):
    found.append(value)
    assert len(begun) == min(len(found) + 1, 5), "one ahead and no more"
assert found == [(n * n, True) for n in range(5)], found
assert off_loop(square)(3) == (9, True)
try:
    list(ahead(square, numbers(9)))
    raise SystemExit("the error is lost")
except ValueError as error:
    assert str(error) == "seven"
"""


def test_results_come_in_order_one_ahead_from_another_thread():
    done = subprocess.run(
        [sys.executable, "-c", UNDER_GEVENT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_without_gevent_it_is_a_map():
    assert list(ahead(str, [1, 2])) == ["1", "2"]
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda n: 1 // n, [0]))
