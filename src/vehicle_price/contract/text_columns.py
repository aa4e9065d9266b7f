"""Text columns in Arrow, dictionary-encoded: normalised and checked once for each distinct value.

Values repeat: 400,000 listings hold 6 fuels and some 10,000 models. Results for the distinct
values are expanded to the rows afterwards, which gives most of the contract's speed.
"""

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

# Text that normalising may change: anything but printable ASCII with single, inner spaces.
UNTIDY = r"^ |  | $|^$|[^ -~]"


class Cells(NamedTuple):
    """One text column.

    values: its distinct values (or all its values, where `codes` is None).
    codes: for each row the index of its value in `values`, null where the cell is.
    """

    values: pa.Array
    codes: pa.Array | None

    def expand(self, results: pa.Array) -> pa.Array:
        """Results for `values` (one each) as results for the rows."""
        return results if self.codes is None else results.take(self.codes)


def encode_cells(text: pa.Array, repeats: bool) -> Cells:
    """The column as `Cells`; dictionary-encoded only if its values repeat.

    >>> encode_cells(pa.array(["gas", "diesel", "gas"]), True).values.to_pylist()
    ['gas', 'diesel']
    """
    if not repeats:
        return Cells(text, None)
    encoded = text.dictionary_encode()
    return Cells(encoded.dictionary, encoded.indices)


def normalised(text: pa.Array) -> pa.Array:
    """Text without outer or repeated white space, control or zero-width characters.

    Empty text becomes null.

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


def full_match(text: pa.Array, pattern: str) -> pa.Array:
    """Whether all of each text matches `pattern`; False for null."""
    return pc.match_substring_regex(text, f"^(?:{pattern})$").fill_null(False)
