"""Reading and checking at the same time."""

from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Iterator, TypeVar

Batch = TypeVar("Batch")
_END = object()


def ahead(batches: Generator[Batch, None, None]) -> Iterator[Batch]:
    """The same batches, the next one being read (in a thread) while the caller has this one.

    Worth it where reading releases the interpreter, as Arrow does: two cores share the work. At
    most two batches are held. What reading raises is raised here; reading is closed at the end.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        coming: Future = pool.submit(next, batches, _END)
        try:
            while (batch := coming.result()) is not _END:
                coming = pool.submit(next, batches, _END)
                yield batch
        finally:
            pool.submit(batches.close)
