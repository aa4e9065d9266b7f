"""Wait for a condition instead of for a time."""

import time
from collections.abc import Callable

import requests

PATIENCE = 120  # seconds that a busy machine may need for what takes an idle one two
PAUSE = 0.1  # seconds between two checks


def wait_until(
    condition: Callable[[], object], seconds: float = PATIENCE, pause: float = PAUSE
) -> None:
    """Return once `condition()` is true. Raises TimeoutError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(pause)


def answers(url: str) -> bool:
    """Whether a GET of `url` is answered with a status below 400."""
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
