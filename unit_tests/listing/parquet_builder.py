"""Parquet files byte by byte, for those that no writer makes. Numbers are of parquet.thrift."""

import struct
from collections.abc import Sequence

import pyarrow as pa

I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12  # types in Thrift's compact protocol
INT32, INT64, BYTE_ARRAY = 1, 2, 6  # types of a column
REQUIRED, REPEATED = 0, 2
UNCOMPRESSED, ZSTD = 0, 6
PLAIN, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY, RLE_DICTIONARY = 0, 6, 7, 8
DATA_PAGE, DICTIONARY_PAGE = 0, 2
DETAILS = {DATA_PAGE: 5, DICTIONARY_PAGE: 7}

Field = tuple[int, int, bytes]


def varint(value: int) -> bytes:
    """A number, 7 bits in a byte."""
    content = b""
    while value > 127:
        content += bytes([value & 127 | 128])
        value >>= 7
    return content + bytes([value])


def integer(value: int) -> bytes:
    """A signed number."""
    return varint(value << 1 if value >= 0 else -value * 2 - 1)


def text(value: bytes) -> bytes:
    """A text after its length."""
    return varint(len(value)) + value


def struct_of(*fields: Field) -> bytes:
    """A struct. fields: number, type and content of each."""
    content, last = b"", 0
    for number, kind, value in fields:
        content += bytes([(number - last) << 4 | kind]) + value
        last = number
    return content + b"\0"


def list_of(kind: int, items: Sequence[bytes]) -> bytes:
    """A list."""
    return bytes([0xF0 | kind]) + varint(len(items)) + b"".join(items)


def numbers(*values: int) -> list[Field]:
    """The fields 1, 2, 3 … of 32 bits."""
    return [(number, I32, integer(value)) for number, value in enumerate(values, 1)]


def page(
    content: bytes,
    values: int,
    encoding: int = PLAIN,
    kind: int = DATA_PAGE,
    codec: str | None = None,
    size: int | None = None,
) -> bytes:
    """A page with its header. size: a wrong unpacked size."""
    packed = pa.compress(content, codec, asbytes=True) if codec else content
    details = struct_of(*numbers(values, encoding, *([3, 3] if kind == DATA_PAGE else [])))
    sizes = numbers(kind, len(content) if size is None else size, len(packed))
    return struct_of(*sizes, (DETAILS[kind], STRUCT, details)) + packed


def plain_texts(*texts: bytes) -> bytes:
    """Texts in Parquet's plain encoding."""
    return b"".join(struct.pack("<I", len(value)) + value for value in texts)


def element(
    name: str, kind: int | None = None, repetition: int = REQUIRED, children: int = 0
) -> bytes:
    """A column in the schema."""
    fields = [(1, I32, integer(kind))] if kind is not None else []
    fields += [(3, I32, integer(repetition)), (4, BINARY, text(name.encode()))]
    fields += [(5, I32, integer(children))] if children else []
    fields += [(6, I32, integer(0))] if kind == BYTE_ARRAY else []
    return struct_of(*fields)


def chunk(
    name: str, kind: int, position: int, size: int, rows: int, codec: int = UNCOMPRESSED
) -> bytes:
    """A column in a row group. position, size: where its pages are in the file."""
    metadata = struct_of(
        (1, I32, integer(kind)),
        (2, LIST, list_of(I32, [integer(PLAIN), integer(RLE_DICTIONARY)])),
        (3, LIST, list_of(BINARY, [text(name.encode())])),
        (4, I32, integer(codec)),
        (5, I64, integer(rows)),
        (6, I64, integer(size)),
        (7, I64, integer(size)),
        (9, I64, integer(position)),
    )
    return struct_of((2, I64, integer(position)), (3, STRUCT, metadata))


def group(chunks: Sequence[bytes], rows: int) -> bytes:
    """A row group."""
    columns = (1, LIST, list_of(STRUCT, chunks))
    return struct_of(columns, (2, I64, integer(0)), (3, I64, integer(rows)))


def file_of(
    schema: Sequence[bytes], groups: Sequence[bytes], rows: int, pages: bytes = b""
) -> bytes:
    """A file. `pages` start at its byte 4."""
    footer = struct_of(
        (1, I32, integer(2)),
        (2, LIST, list_of(STRUCT, schema)),
        (3, I64, integer(rows)),
        (4, LIST, list_of(STRUCT, groups)),
    )
    return b"PAR1" + pages + footer + struct.pack("<I", len(footer)) + b"PAR1"


def file_with_pages(model: bytes, rows: int, codec: int = UNCOMPRESSED, copies: int = 1) -> bytes:
    """A file of listings whose text column `model` has these pages, in each of `copies` groups."""
    whole = page(struct.pack("<i", 2014) * rows, rows)
    maker = page(plain_texts(*[b"kia"] * rows), rows)
    kinds = {"year": INT32, "odometer": INT32, "manufacturer": BYTE_ARRAY, "model": BYTE_ARRAY}
    starts = {"year": 4, "odometer": 4, "manufacturer": 4 + len(whole)}
    starts["model"] = starts["manufacturer"] + len(maker)
    sizes = {"year": len(whole), "odometer": len(whole), "manufacturer": len(maker)}
    sizes["model"] = len(model)
    chunks = [
        chunk(n, kind, starts[n], sizes[n], rows, codec if n == "model" else UNCOMPRESSED)
        for n, kind in kinds.items()
    ]
    schema = [element("schema", children=4), *(element(n, kind) for n, kind in kinds.items())]
    groups = [group(chunks, rows)] * copies
    return file_of(schema, groups, rows * copies, whole + maker + model)
