"""How many requests of a worker may do one kind of slow work at the same time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from service.http.problem import Problem


class Slots:
    """A fixed number of places for slow work. what: the work, for the message to those refused."""

    def __init__(self, count: int, what: str) -> None:
        self._free, self._what = BoundedSemaphore(count), f"{count} {what} at a time"

    def occupy(self) -> Callable[[], None]:
        """Occupy a place; returns the function that frees it. Raises Problem 503 if none is free.

        A request that waited here would keep a thread from others, so it is refused at once.
        """
        # The place is often freed later than this function or its caller ends: after the answer.
        if not self._free.acquire(blocking=False):  # pylint: disable=consider-using-with
            detail = f"the service handles at most {self._what}; try again in a moment"
            raise Problem(503, "busy", detail, headers={"Retry-After": "5"})
        return self._free.release

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """A place for the time of a block. Raises Problem 503 if none is free."""
        release = self.occupy()
        try:
            yield
        finally:
            release()
