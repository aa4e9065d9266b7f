"""A spool of rows: written in the order they arrive, read back day by day, in bounded memory."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

# Rows that are sorted by day at once.
SORT_ROWS = 100_000
# Sorted rows in memory before they are written to disk: a month of Kaggle's listings takes 65 MB.
MEMORY_BYTES = 128 << 20


class Spool:
    """Rows by day: in memory, and in Arrow files in a folder once they exceed MEMORY_BYTES.

    Each file is sorted by day, with one record batch for each day in it.
    rows: number of rows by day, complete once `days` was called.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        folder.mkdir()
        self.rows: dict[str, int] = defaultdict(int)
        self._folder, self._schema = folder, schema
        self._unsorted: list[tuple[pa.Table, pa.ChunkedArray]] = []
        self._in_memory: dict[str, list[pa.RecordBatch]] = defaultdict(list)
        self._memory_bytes = 0
        # day → (number of the file, number of the record batch in it)
        self._on_disk: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._files = 0

    def add(self, table: pa.Table, days: pa.Array | pa.ChunkedArray) -> None:
        """Add rows; `days` holds the day of each. Columns as in the schema."""
        if table.num_rows:
            self._unsorted.append((table, _chunked(days)))
        if sum(unsorted.num_rows for unsorted, _ in self._unsorted) >= SORT_ROWS:
            self._sort()
        if self._memory_bytes >= MEMORY_BYTES:
            self._flush()

    def days(self) -> list[str]:
        """Every day with rows, in order."""
        self._sort()
        return sorted(self.rows)

    def of_day(self, day: str) -> pa.Table:
        """All rows of one day, in the order they were added."""
        return pa.Table.from_batches(self.batches_of_day(day), self._schema)

    def batches_of_day(self, day: str) -> Iterator[pa.RecordBatch]:
        """The rows of `of_day` in batches, so that they need not all be in memory."""
        self._sort()
        for file, batch in self._on_disk.get(day, ()):
            with pa.memory_map(str(self._path(file))) as source:
                yield pa.ipc.open_file(source).get_batch(batch)
        yield from self._in_memory.get(day, ())

    def _path(self, file: int) -> Path:
        return self._folder / f"{file}.arrow"

    def _sort(self) -> None:
        if not self._unsorted:
            return
        days = pa.concat_arrays([chunk for _, d in self._unsorted for chunk in d.chunks])
        table = pa.concat_tables([t for t, _ in self._unsorted]).combine_chunks()
        self._unsorted = []
        order, groups = group_by_day(days)
        (ordered,) = table.take(order).combine_chunks().to_batches()
        self._memory_bytes += ordered.nbytes
        for day, start, length in groups:
            self._in_memory[day].append(ordered.slice(start, length))
            self.rows[day] += length

    def _flush(self) -> None:
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_file(self._path(self._files), self._schema, options=options) as out:
            written = 0
            for day, batches in self._in_memory.items():
                for batch in batches:
                    out.write_batch(batch)
                    self._on_disk[day].append((self._files, written))
                    written += 1
        self._in_memory, self._memory_bytes = defaultdict(list), 0
        self._files += 1


def group_by_day(days: pa.Array) -> tuple[pa.Array, list[tuple[str, int, int]]]:
    """The row order that puts rows of one day together, and (day, start, length) within it.

    >>> group_by_day(pa.array(["b", "a", "b"]))[1]
    [('a', 2, 1), ('b', 0, 2)]
    """
    encoded = days.dictionary_encode()
    codes = encoded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=len(encoded.dictionary))
    starts = np.cumsum(counts) - counts
    groups = zip(encoded.dictionary.to_pylist(), starts.tolist(), counts.tolist(), strict=True)
    return pa.array(order), sorted(groups)


def _chunked(days: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return days if isinstance(days, pa.ChunkedArray) else pa.chunked_array([days])
