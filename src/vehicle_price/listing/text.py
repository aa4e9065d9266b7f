"""Normalise the text of one listing, as the contract does for columns of text.

Gives the same results as `contract.text_columns.normalised` (a test compares both), without Arrow.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from vehicle_price.schema import Column

CACHED_TEXTS = 2_000  # of each column
_SPACES = re.compile(" {2,}")


def tidy(text: str) -> str:
    """`text` without outer or repeated white space, control or zero-width characters.

    >>> tidy("  f-150\\u200b  XLT\\t")
    'f-150 XLT'
    """
    plain = text.isascii() and text.isprintable()
    if not plain:
        text = "".join(" " if _is_space(c) else c for c in text)
    text = _SPACES.sub(" ", text)
    if not plain:
        text = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf"))
    return text.strip(" ")


def cleaner(column: Column) -> Callable[[str], str | None]:
    """A function that normalises text of `column`: levels in the schema's spelling, empty as None.

    The function raises ValueError for an empty text in a required column.
    """
    spelling = {level.lower(): level for level in column.levels}
    levels = set(column.levels)

    def clean(text: str) -> str | None:
        if text in levels:
            return text
        cleaned = tidy(text)
        if column.kind == "level":
            cleaned = spelling.get(cleaned.lower(), cleaned.lower())
        if not cleaned and column.required:
            raise ValueError(f"is required: {column.help}")
        return cleaned or None

    return lru_cache(maxsize=CACHED_TEXTS)(clean)  # the same few texts are frequent


def _is_space(character: str) -> bool:
    return character in "\t\n\f\r" or unicodedata.category(character)[0] == "Z"
