"""Rows put down as they come and taken up again day by day, in bounded memory."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

# Sorted by day at a time, while more is being read.
SORTED_ROWS = 100_000
# Held in memory before anything is put on disk: a month of Kaggle's listings takes 65 MB.
HELD_BYTES = 128 << 20


class Spool:
    """Rows by day: in memory, and in Arrow files in a folder once they are too many for it.

    Each file is sorted by day, with one record batch for each day in it.
    rows: how many there are of each day.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        folder.mkdir()
        self.rows: dict[str, int] = defaultdict(int)
        self._folder, self._schema = folder, schema
        self._waiting: list[tuple[pa.Table, pa.ChunkedArray]] = []
        self._held: dict[str, list[pa.RecordBatch]] = defaultdict(list)
        self._held_bytes = 0
        self._places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._files = 0

    def add(self, table: pa.Table, days: pa.Array | pa.ChunkedArray) -> None:
        """Put rows down; `days` holds the day of each. Columns as in the schema."""
        if table.num_rows:
            self._waiting.append((table, _chunked(days)))
        if sum(waiting.num_rows for waiting, _ in self._waiting) >= SORTED_ROWS:
            self._sort()
        if self._held_bytes >= HELD_BYTES:
            self._flush()

    def days(self) -> list[str]:
        """Every day there is, in order."""
        self._sort()
        return sorted(self.rows)

    def of_day(self, day: str) -> pa.Table:
        """All rows of one day, in the order they came."""
        return pa.Table.from_batches(self.batches_of_day(day), self._schema)

    def batches_of_day(self, day: str) -> Iterator[pa.RecordBatch]:
        """The same in pieces, so that not all need be in memory."""
        self._sort()
        for file, batch in self._places.get(day, ()):
            with pa.memory_map(str(self._path(file))) as source:
                yield pa.ipc.open_file(source).get_batch(batch)
        yield from self._held.get(day, ())

    def _path(self, file: int) -> Path:
        return self._folder / f"{file}.arrow"

    def _sort(self) -> None:
        if not self._waiting:
            return
        days = pa.concat_arrays([chunk for _, d in self._waiting for chunk in d.chunks])
        table = pa.concat_tables([t for t, _ in self._waiting]).combine_chunks()
        self._waiting = []
        order, groups = by_day(days)
        (ordered,) = table.take(order).combine_chunks().to_batches()
        self._held_bytes += ordered.nbytes
        for day, start, length in groups:
            self._held[day].append(ordered.slice(start, length))
            self.rows[day] += length

    def _flush(self) -> None:
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_file(self._path(self._files), self._schema, options=options) as out:
            written = 0
            for day, batches in self._held.items():
                for batch in batches:
                    out.write_batch(batch)
                    self._places[day].append((self._files, written))
                    written += 1
        self._held, self._held_bytes = defaultdict(list), 0
        self._files += 1


def by_day(days: pa.Array) -> tuple[pa.Array, list[tuple[str, int, int]]]:
    """The order that puts rows of one day together, and (day, start, length) within it.

    >>> by_day(pa.array(["b", "a", "b"]))[1]
    [('a', 2, 1), ('b', 0, 2)]
    """
    coded = days.dictionary_encode()
    codes = coded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=len(coded.dictionary))
    starts = np.cumsum(counts) - counts
    groups = zip(coded.dictionary.to_pylist(), starts.tolist(), counts.tolist(), strict=True)
    return pa.array(order), sorted(groups)


def _chunked(days: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return days if isinstance(days, pa.ChunkedArray) else pa.chunked_array([days])
