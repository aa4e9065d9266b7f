"""The content hash of listings: SHA-256, independent of the file and of the order of the rows.

A day's hash covers its rows in the order of their ids, column by column: validity, lengths, bytes.
It reads Arrow's own buffers, without Python code for each row. Two contents share a hash only
where SHA-256 itself collides. A dataset's hash is the hash of its days' hashes, so adding a day
does not read the other days. A column that joined the schema later counts on the days that have a
value in it, so that days without one keep their hash.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# The columns of the first format, in its order: they count with or without values. Never change it.
FIRST_COLUMNS = (
    "id region price year manufacturer model condition cylinders fuel odometer title_status "
    "transmission VIN drive type paint_color state posting_date posting_day reasons"
).split()


def day_hash(table: pa.Table) -> str:
    """The content hash of a day's rows, which must be in order. Order of columns: of no effect."""
    names = table.column_names
    later = sorted(n for n in names if n not in FIRST_COLUMNS and table[n].null_count < len(table))
    return content_hash(table.select([n for n in FIRST_COLUMNS if n in names] + later))


def content_hash(table: pa.Table) -> str:
    """64 hexadecimal digits. The order of the rows counts: sort them first.

    Columns may be text, 64-bit integers, timestamps or lists of those.
    """
    digest = hashlib.sha256()
    for name, column in zip(table.column_names, table.columns, strict=True):
        digest.update(f"{name}\0{_type_name(column.type)}\0{len(column)}\0".encode())
        _update(digest, _as_array(column))
    return digest.hexdigest()


def dataset_hash(days: Mapping[str, str]) -> str:
    """The hash of a dataset from the hashes of its days ('YYYY-MM-DD' → hash)."""
    lines = "".join(f"{day} {sha256}\n" for day, sha256 in sorted(days.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _type_name(kind: pa.DataType) -> str:
    """Arrow's name of the type, without the name of a list's field, which Parquet changes."""
    return f"list<{kind.value_type}>" if pa.types.is_list(kind) else str(kind)


def _update(digest: Any, values: pa.Array) -> None:
    digest.update(values.is_valid().cast(pa.uint8()).to_numpy().data)
    if pa.types.is_list(values.type):
        lengths = pc.fill_null(pc.list_value_length(values), 0)
        digest.update(lengths.to_numpy().astype("<i4").data)
        _update(digest, values.flatten())
    elif pa.types.is_string(values.type):
        filled = pc.fill_null(values, "")
        digest.update(pc.binary_length(filled).to_numpy().astype("<i4").data)
        digest.update(_text_bytes(filled))
    else:
        numbers = pc.fill_null(values.cast(pa.int64()), 0)
        digest.update(numbers.to_numpy().astype("<i8").data)


def _text_bytes(values: pa.Array) -> memoryview:
    """All texts, concatenated, as they are in memory."""
    _, offsets, content = values.buffers()
    if content is None:
        return memoryview(b"")
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    return memoryview(content)[ends[0] : ends[-1]] if len(ends) else memoryview(b"")


def _as_array(column: pa.ChunkedArray) -> pa.Array:
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined
