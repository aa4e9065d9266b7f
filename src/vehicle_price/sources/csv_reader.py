"""A CSV file taken apart by Arrow: only the columns that are kept, as bytes."""

import codecs
import io
from collections.abc import Callable, Iterable, Iterator
from typing import IO

import pyarrow as pa
import pyarrow.csv as pacsv

from vehicle_price.contract.check import STORED_COLUMNS
from vehicle_price.sources.frames import BATCH_ROWS

# Bytes parsed at once, which stay in the processor's cache; a single row must fit.
BLOCK_BYTES = 1 << 20

OnRagged = Callable[[pacsv.InvalidRow], str]


def parsed(
    stream: IO[bytes], on_ragged: OnRagged | None = None, names: list[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Batches of a CSV; a column of STORED_COLUMNS that it lacks is all missing.

    on_ragged: called for each row with too many or too few fields; returns 'skip'.
    names: of the columns, where the first line does not name them.
    Raises pyarrow.ArrowInvalid for what cannot be taken apart.
    """
    with stream:
        yield from pacsv.open_csv(
            stream,
            read_options=pacsv.ReadOptions(
                block_size=BLOCK_BYTES,
                column_names=names,
                use_threads=on_ragged is None,  # in turn, so that each row is told by its number
            ),
            parse_options=pacsv.ParseOptions(
                newlines_in_values=True, invalid_row_handler=on_ragged
            ),
            convert_options=pacsv.ConvertOptions(
                # Bytes, not text: one wrongly encoded cell must not stop the file.
                column_types={name: pa.binary() for name in STORED_COLUMNS},
                include_columns=STORED_COLUMNS,
                include_missing_columns=True,
                null_values=[""],
                strings_can_be_null=True,
            ),
        )


def gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Many small batches as few tables of at most BATCH_ROWS rows, each column in one piece."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= BATCH_ROWS:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, BATCH_ROWS).combine_chunks()
            waiting = table.slice(BATCH_ROWS).to_batches()
            rows -= BATCH_ROWS
    if rows:
        yield pa.Table.from_batches(waiting).combine_chunks()


class Utf8(io.RawIOBase):
    """The same bytes with U+FFFD for what is not UTF-8."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream, self._rest = stream, b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` as far as it goes; how many bytes that were, 0 at the end."""
        while not self._rest:
            read = self._stream.read(len(buffer))
            self._rest = self._decoder.decode(read, final=not read).encode()
            if not read:
                break
        now, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(now)] = now
        return len(now)

    def close(self) -> None:
        """Close what it reads from."""
        self._stream.close()
        super().close()
