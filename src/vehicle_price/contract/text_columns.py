"""Text columns in Arrow: tidied, and judged once for each distinct value.

Listings repeat themselves: 400,000 rows hold 6 fuels and some 10,000 models. What is worked out
for the distinct values is spread over the rows afterwards, which is most of the contract's speed.
"""

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

# What tidying would change: anything but printable ASCII with single, inner spaces.
UNTIDY = r"^ |  | $|^$|[^ -~]"


class Cells(NamedTuple):
    """One text column.

    values: what stands in it, each once (or row by row, where `rows` is None).
    rows: for each row its place in `values`, missing where the cell is.
    """

    values: pa.Array
    rows: pa.Array | None

    def spread(self, found: pa.Array) -> pa.Array:
        """What was found for the values (one entry each), row by row."""
        return found if self.rows is None else found.take(self.rows)


def cells(text: pa.Array, repeats: bool) -> Cells:
    """The column taken apart; `repeats` says whether looking for equal values is worth it.

    >>> cells(pa.array(["gas", "diesel", "gas"]), True).values.to_pylist()
    ['gas', 'diesel']
    """
    if not repeats:
        return Cells(text, None)
    encoded = text.dictionary_encode()
    return Cells(encoded.dictionary, encoded.indices)


def normalised(text: pa.Array) -> pa.Array:
    """Text without outer or repeated white space, control or zero-width characters.

    Empty becomes missing.

    >>> normalised(pa.array(["  f-150\\u200b  XLT ", " "])).to_pylist()
    ['f-150 XLT', None]
    """
    untidy = pc.match_substring_regex(text, UNTIDY)
    if not pc.any(untidy).as_py():
        return text
    values = pc.replace_substring_regex(text.filter(untidy), r"[\s\p{Z}]+", " ")
    values = pc.replace_substring_regex(values, r"[\p{Cc}\p{Cf}]+", "")
    values = pc.utf8_trim(values, " ")
    values = pc.if_else(pc.equal(values, ""), None, values)
    return pc.replace_with_mask(text, untidy.fill_null(False), values)


def matches(text: pa.Array, pattern: str) -> pa.Array:
    """Whether the whole of each text has the form `pattern`; a missing one has not."""
    return pc.match_substring_regex(text, f"^(?:{pattern})$").fill_null(False)
