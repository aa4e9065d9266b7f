"""A `map` that works one item ahead in another thread, such as scoring, which releases the GIL."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(
    executor: Executor, work: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Result]:
    """`work` of each of `items`, in their order; the next one is under way in a thread of
    `executor` while the caller deals with the last."""
    begun: Future[Result] | None = None
    for item in items:
        following = executor.submit(work, item)
        if begun is not None:
            yield begun.result()
        begun = following
    if begun is not None:
        yield begun.result()
