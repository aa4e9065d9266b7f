"""Work that is done one item ahead, in another thread."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.inference.ahead import map_ahead


@pytest.fixture(name="executor")
def _executor():
    with ThreadPoolExecutor(1) as executor:
        yield executor


def square(number):
    """The square, and the thread that computed it."""
    if number == 7:
        raise ValueError("seven")
    return number * number, threading.current_thread()


def test_results_come_in_order_one_ahead_from_another_thread(executor):
    begun, results = [], []

    def numbers():
        for number in range(5):
            begun.append(number)
            yield number

    for value, thread in map_ahead(executor, square, numbers()):
        results.append(value)
        assert len(begun) == min(len(results) + 1, 5), "one ahead and no more"
        assert thread is not threading.current_thread()
    assert results == [0, 1, 4, 9, 16]


def test_an_error_is_raised_and_no_items_give_no_results(executor):
    assert not list(map_ahead(executor, square, []))
    with pytest.raises(ValueError, match="seven"):
        list(map_ahead(executor, square, range(9)))
