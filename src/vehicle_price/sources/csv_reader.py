"""Parse a CSV file with Arrow: only the stored columns, as bytes."""

import codecs
import io
from collections.abc import Callable, Iterable, Iterator
from typing import IO

import pyarrow as pa
import pyarrow.csv as pacsv

from vehicle_price.contract.check import STORED_COLUMNS
from vehicle_price.sources.frames import BATCH_ROWS

# Bytes parsed at once: they fit into the processor's cache. A single row must fit, too.
BLOCK_BYTES = 1 << 20

OnRagged = Callable[[pacsv.InvalidRow], str]


def parse_csv(
    stream: IO[bytes], on_ragged: OnRagged | None = None, names: list[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Batches of a CSV; a column of STORED_COLUMNS that it lacks is null in every row.

    on_ragged: called for each row with too many or too few fields; returns 'skip'.
    names: of the columns, for a CSV without a header. Raises pyarrow.ArrowInvalid for a CSV that
    cannot be parsed.
    """
    with stream:
        yield from pacsv.open_csv(
            stream,
            read_options=pacsv.ReadOptions(
                block_size=BLOCK_BYTES,
                column_names=names,
                use_threads=on_ragged is None,  # in order: rows have numbers
            ),
            parse_options=pacsv.ParseOptions(
                newlines_in_values=True, invalid_row_handler=on_ragged
            ),
            convert_options=pacsv.ConvertOptions(
                # Bytes, not text: a cell that is not UTF-8 must not stop the file.
                column_types={name: pa.binary() for name in STORED_COLUMNS},
                include_columns=STORED_COLUMNS,
                include_missing_columns=True,
                null_values=[""],
                strings_can_be_null=True,
            ),
        )


def regroup(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows in tables of at most BATCH_ROWS rows, each column in one chunk."""
    pending: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        pending.append(batch)
        rows += batch.num_rows
        if rows >= BATCH_ROWS:
            table = pa.Table.from_batches(pending)
            yield table.slice(0, BATCH_ROWS).combine_chunks()
            pending = table.slice(BATCH_ROWS).to_batches()
            rows -= BATCH_ROWS
    if rows:
        yield pa.Table.from_batches(pending).combine_chunks()


class Utf8Stream(io.RawIOBase):
    """The bytes of a stream, with U+FFFD in place of bytes that are not UTF-8."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream, self._decoded = stream, b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Copy bytes into `buffer`; returns how many, 0 at the end of the stream."""
        while not self._decoded:
            read = self._stream.read(len(buffer))
            self._decoded = self._decoder.decode(read, final=not read).encode()
            if not read:
                break
        chunk, self._decoded = self._decoded[: len(buffer)], self._decoded[len(buffer) :]
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        """Close the stream it reads from, too."""
        self._stream.close()
        super().close()
