"""Read and write Thrift's compact protocol, in which Parquet stores its footer and page headers.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
Stricter than Arrow's own reader: numbers that it would cut off and fields that it would overwrite
are refused, so that both see the same values.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST = range(1, 10)
STRUCT = 12  # after sets and maps, which Parquet does not use
BITS = {I16: 16, I32: 32, I64: 64}
MAX_DEPTH = 16  # of nested structs and lists; Parquet's have 8
VARINT_BYTES = 10  # of a number of 64 bits, 7 bits a byte

Fields = dict[int, Any]


class MalformedThrift(ValueError):
    """The bytes are no struct in the compact protocol, end too early or exceed a limit."""


class Items(NamedTuple):
    """A list: the type of its values, and these."""

    kind: int
    values: list[Any]


def field(number: int, kind: int) -> int:
    """The key of a field in `Fields`. Like Arrow, a reader ignores a field of another type."""
    return number << 4 | kind


class CompactReader:
    """Reads `data` from its start; at most `max_values` fields and elements of lists.

    position: the number of bytes read.
    """

    def __init__(self, data: bytes, max_values: int) -> None:
        self._data = data
        self._values_left = max_values
        self.position = 0

    def struct(self, depth: int = 0) -> Fields:
        """The next struct: its values by `field`, in the order of their numbers.

        A list is `Items`, a fraction its 8 bytes. Raises MalformedThrift.

        >>> CompactReader(bytes([0x15, 0x04, 0x28, 0x01, 0x61, 0]), 9).struct()
        {21: 2, 56: b'a'}
        """
        fields: Fields = {}
        last = 0
        while head := self._byte():
            number = last + (head >> 4) if head >> 4 else self._integer(I16)
            if not last < number < 2**15:
                raise MalformedThrift(f"field {number} follows field {last}")
            last, kind = number, head & 15
            self._count(1, depth)
            # The type of a truth value is its value.
            truth = kind in (TRUE, FALSE)
            fields[field(number, kind)] = truth or self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in BITS:
            return self._integer(kind)
        if kind in (TRUE, FALSE, BYTE):
            return self._byte()
        if kind == BINARY:
            return self._take(self._varint())
        if kind == DOUBLE:
            return self._take(8)
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind != LIST:
            raise MalformedThrift(f"a value has the type {kind}")
        head = self._byte()
        size, kind = head >> 4, head & 15
        if size == 15:
            size = self._varint()
        self._count(size, depth)
        return Items(kind, [self._value(kind, depth + 1) for _ in range(size)])

    def _count(self, values: int, depth: int) -> None:
        self._values_left -= values
        if self._values_left < 0 or depth > MAX_DEPTH:
            raise MalformedThrift("too many values")

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, size: int) -> bytes:
        self.position += size
        if self.position > len(self._data):
            raise MalformedThrift("the bytes end too early")
        return self._data[self.position - size : self.position]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 7 * VARINT_BYTES, 7):
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise MalformedThrift("a number is too long")

    def _integer(self, kind: int) -> int:
        """A signed number: 0, -1, 1, -2 … are stored as 0, 1, 2, 3 …"""
        value = self._varint()
        if value >> BITS[kind]:
            raise MalformedThrift("a number is too large")
        return (value >> 1) ^ -(value & 1)


def write_struct(fields: Mapping[int, Any]) -> bytes:
    """The bytes of a struct as `CompactReader` returns it.

    >>> write_struct({21: 2, 56: b"a"}).hex()
    '150428016100'
    """
    content, last = bytearray(), 0
    for key, value in fields.items():
        number, kind = key >> 4, key & 15
        step = number - last
        content += bytes([step << 4 | kind]) if step < 16 else bytes([kind]) + _integer(number)
        content += b"" if kind in (TRUE, FALSE) else _written(kind, value)
        last = number
    return bytes(content) + b"\0"


def _written(kind: int, value: Any) -> bytes:
    if kind in (TRUE, FALSE, BYTE):
        return bytes([value])
    if kind in BITS:
        return _integer(value)
    if kind == BINARY:
        return _varint(len(value)) + value
    if kind == STRUCT:
        return write_struct(value)
    if kind == LIST:
        content = b"".join(_written(value.kind, item) for item in value.values)
        return bytes([0xF0 | value.kind]) + _varint(len(value.values)) + content
    return value  # the bytes of a fraction


def _varint(value: int) -> bytes:
    content = bytearray()
    while value > 0x7F:
        content.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*content, value])


def _integer(value: int) -> bytes:
    return _varint(value << 1 if value >= 0 else -value * 2 - 1)
