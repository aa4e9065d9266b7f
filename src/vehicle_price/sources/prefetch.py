"""Prefetch batches: read the next batch in a thread while the caller works on this one."""

from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Iterator, TypeVar

Batch = TypeVar("Batch")
_END = object()


def prefetch(batches: Generator[Batch, None, None]) -> Iterator[Batch]:
    """The same batches; a thread reads the next batch while the caller works on the current one.

    Useful where reading releases the GIL, as Arrow does: two cores share the work. At most two
    batches are in memory. Errors of reading are raised here; `batches` is closed at the end.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        next_batch: Future = pool.submit(next, batches, _END)
        try:
            while (batch := next_batch.result()) is not _END:
                next_batch = pool.submit(next, batches, _END)
                yield batch
        finally:
            pool.submit(batches.close)
