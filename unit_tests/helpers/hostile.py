"""What a hostile client sends: files that unpack to much more, framings without end."""

import gzip
import io
import socket
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import pyarrow as pa
from pyarrow import parquet

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
HEAD = b"year,manufacturer,odometer,model\n"
MEGABYTE = 2**20
START = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n"


class HostileFile(NamedTuple):
    """A file for POST /predict/batch. is_gzip: its Content-Encoding."""

    name: str
    media: str
    content: bytes
    is_gzip: bool = False


def files() -> list[HostileFile]:
    """All files. Each is small as it is sent."""
    return [
        HostileFile("Parquet, 8,192 references to one text of 20 KB", PARQUET, references(8_192)),
        HostileFile("Parquet, 65,536 references to 100 KB", PARQUET, references(65_536, 100_000)),
        HostileFile("Parquet, a page of 90 MB of zeros", PARQUET, one_page(90 * MEGABYTE)),
        HostileFile("CSV in gzip, a line of 10 million commas", CSV, commas(10**7), True),
        HostileFile("CSV in gzip, one line of 100 MB", CSV, one_line(99 * MEGABYTE), True),
        HostileFile("CSV in gzip, a row over 100 MB of lines", CSV, long_row(99 * MEGABYTE), True),
        HostileFile("CSV in gzip, 2 GB of zeros", CSV, zeros(2_000 * MEGABYTE), True),
        HostileFile("Parquet, text that is not UTF-8", PARQUET, odd_values()),
    ]


def references(rows: int, size: int = 20_000) -> bytes:
    """A dictionary-encoded column: one text, and so many references to it."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["x" * size])
    cars = {"year": [2014] * rows, "manufacturer": ["kia"] * rows, "odometer": [1] * rows}
    return _parquet(pa.table(cars | {"description": text}))


def one_page(size: int) -> bytes:
    """A text column with one value of `size` bytes."""
    cars = {"year": [2014], "manufacturer": ["kia"], "odometer": [1], "description": ["x" * size]}
    return _parquet(pa.table(cars), compression="zstd", use_dictionary=False)


def odd_values() -> bytes:
    """Values that no listing can have, in the types that a file may have."""
    columns = {
        "year": pa.array([2014, None]),
        "manufacturer": _unchecked_text([b"\xff\xfe", b"kia"]),
        "odometer": pa.array([1, 2]),
        "posting_date": pa.array([-(2**62), 2**62], pa.timestamp("ms")),
    }
    return _parquet(pa.table(columns))


def _unchecked_text(values: list[bytes]) -> pa.Array:
    """A text column of these bytes; pyarrow's own cast would check that they are UTF-8."""
    binary = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(values), binary.buffers())


def commas(count: int) -> bytes:
    """A row of so many empty cells."""
    return gzip.compress(HEAD + b"," * count)


def one_line(size: int) -> bytes:
    """A row without an end."""
    return gzip.compress(HEAD + b'"' + b"x" * size, 1)


def long_row(size: int) -> bytes:
    """A row over many lines: each cell has a line break."""
    return gzip.compress(HEAD + b'"a\n",' * (size // 5), 1)


def zeros(size: int) -> bytes:
    """So many zero bytes, compressed."""
    packer, blocks = zlib.compressobj(9, zlib.DEFLATED, 31), []
    for _ in range(size // MEGABYTE):
        blocks.append(packer.compress(bytes(MEGABYTE)))
    return b"".join(blocks) + packer.flush()


def _parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink, **options)
    return sink.getvalue()


ENDLESS = {
    "chunk line": (CHUNKED + b"2;", b"a" * 65_536),
    "chunk size": (CHUNKED, b"0" * 65_536),
    "trailer": (CHUNKED + b"0\r\nA: ", b"a" * 65_536),
    "header": (START + b"A: ", b"a" * 65_536),
    "address": (b"GET /", b"a" * 65_536),
}


def addresses(count: int) -> list[str]:
    """So many addresses of this machine, which a client may send from."""
    return [f"127.0.{1 + number // 250}.{1 + number % 250}" for number in range(count)]


@contextmanager
def stalled(
    port: int, content: bytes, count: int, sources: list[str]
) -> Iterator[list[socket.socket]]:
    """So many connections that send `content` and then neither send nor read."""
    with ExitStack() as connections:
        opened = []
        for number in range(count):
            connection = socket.create_connection(
                ("127.0.0.1", port), 20, (sources[number % len(sources)], 0)
            )
            opened.append(connections.enter_context(connection))
            connection.sendall(content)
        yield opened
